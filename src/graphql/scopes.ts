import { defaultFieldResolver, type GraphQLFieldResolver, type GraphQLSchema, isObjectType } from "graphql";
import type { Scope } from "../auth/principal.ts";
import { OpsError } from "../lib/errors.ts";
import type { OpsContext } from "./context.ts";

/**
 * The schema's note on a type or field that needs a scope. A type, because GraphQL's extensions
 * require an index.
 */
type Note = { readonly scope: Scope | null };

/**
 * For the option `extensions` of a field, or of a type for all its fields: a token without the
 * scope gets null and `forbidden`.
 */
export function needs(scope: Scope): Note {
  return { scope };
}

/** For a field of a type that needs a scope: makes it readable for every valid token. */
export const needsNoScope: Note = { scope: null };

/** The scope that a type or field itself needs. */
export function findScope({ extensions }: { readonly extensions: Partial<Note> }): Scope | null {
  return extensions.scope ?? null;
}

type Resolve = GraphQLFieldResolver<unknown, OpsContext>;

/**
 * Makes each field check the scopes of its type and its own before it does anything else; a
 * subscription checks when it begins, and its lease checks again (auth/stream-lease.ts). Changes
 * the schema itself.
 */
export function withScopes(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const scopes = isFree(field) ? [] : [findScope(type), findScope(field)].filter((scope) => scope !== null);
      if (scopes.length === 0) continue;
      if (type === schema.getSubscriptionType()) field.subscribe = guard(scopes, field.subscribe);
      else field.resolve = guard(scopes, field.resolve);
    }
  }
  return schema;
}

function isFree({ extensions }: { readonly extensions: Partial<Note> }): boolean {
  return extensions.scope === null;
}

function guard(scopes: readonly Scope[], resolve: Resolve = defaultFieldResolver): Resolve {
  return (source, args, context, info) => {
    for (const scope of scopes) {
      if (!context.principal.scopes.has(scope)) throw new OpsError("forbidden", `This token lacks the scope ${scope}`);
    }
    return resolve(source, args, context, info);
  };
}
