import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import ScopeAuthPlugin from "@pothos/plugin-scope-auth";
import { getNamedType, type GraphQLOutputType, isListType, isNonNullType } from "graphql";
import { OpsError } from "../lib/errors.ts";
import type { OpsContext } from "./context.ts";
import { toLength } from "./list-lengths.ts";

interface OpsSchemaTypes {
  Context: OpsContext;
  DefaultFieldNullability: false;
  AuthScopes: { read: boolean; logs: boolean; operate: boolean };
  Scalars: { DateTime: { Input: string; Output: string }; ID: { Input: string; Output: string } };
}

/** A builder without types; the `add...` functions add them. Fields are non-null unless they say otherwise. */
export function createBuilder() {
  return new SchemaBuilder<OpsSchemaTypes>({
    plugins: [ScopeAuthPlugin, ComplexityPlugin],
    defaultFieldNullability: false,
    // Only /graphql has limits (yoga/limits.ts); fixed documents do not pay for them.
    complexity: { disabled: true, fieldComplexity: toCost },
    scopeAuth: {
      authorizeOnSubscribe: true,
      treatErrorsAsUnauthorized: true,
      unauthorizedError: () => new OpsError("forbidden", "This token lacks the scope for this field"),
      authScopes: ({ principal: { scopes } }) => ({
        read: scopes.has("ops:read"),
        logs: scopes.has("ops:logs"),
        operate: scopes.has("ops:operate"),
      }),
    },
  });
}

export type Builder = ReturnType<typeof createBuilder>;

/** A field costs 1; a list costs its content times its current number of rows. */
function toCost(args: Readonly<Record<string, unknown>>, context: OpsContext, { type }: { readonly type: GraphQLOutputType }) {
  const inner = isNonNullType(type) ? type.ofType : type;
  return isListType(inner) ? { field: 1, multiplier: toLength(getNamedType(inner).name, args, context) } : 1;
}
