import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import RelayPlugin from "@pothos/plugin-relay";
import {
  getNamedType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isListType,
  isNonNullType,
} from "graphql";
import type { Environment } from "../lib/environment.ts";
import { OpsError } from "../lib/errors.ts";
import type { OpsContext } from "./context.ts";
import { toLength } from "./list-lengths.ts";

interface OpsSchemaTypes {
  Context: OpsContext;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  Scalars: { DateTime: { Input: string; Output: string }; ID: { Input: string; Output: string } };
}

/**
 * A builder without types; the `add...` functions add them. Fields are non-null unless they say
 * otherwise.
 */
export function createBuilder() {
  return new SchemaBuilder<OpsSchemaTypes>({
    plugins: [ComplexityPlugin, RelayPlugin],
    defaultFieldNullability: false,
    // Only /graphql has limits (yoga/limits.ts); fixed documents do not pay for them.
    complexity: { disabled: true, fieldComplexity: toCost },
    relay: {
      cursorType: "String",
      firstArgOptions: { description: "How many from the beginning, at least 1." },
      lastArgOptions: { description: "How many from the end, at least 1." },
      afterArgOptions: { description: "Only rows after this cursor: `endCursor` of the previous page." },
      beforeArgOptions: { description: "Only rows before this cursor: `startCursor` of the next page." },
      pageInfoFieldOptions: { description: "Where the page is in the list." },
      // The cost of a connection already counts the rows of its page.
      edgesFieldOptions: {
        description: "The rows of the page, each with its cursor.",
        nullable: false,
        complexity: counted,
      },
      nodesOnConnection: { description: "The rows of the page.", complexity: counted },
      nodeFieldOptions: { description: "The row.", nullable: false },
      cursorFieldOptions: { description: "Its place in the list, for `after` and `before`." },
      pageInfoTypeOptions: { description: "Where a page is in its list." },
      hasNextPageFieldOptions: { description: "Whether more rows follow. With `last`: whether `before` was given." },
      hasPreviousPageFieldOptions: {
        description: "Whether rows come before. With `first`: whether `after` was given.",
      },
      startCursorFieldOptions: { description: "Cursor of its first row; for an empty page, the cursor that was sent." },
      nodeTypeOptions: { description: "An object that the query `node` returns by its id." },
      idFieldOptions: { description: "Its global id, for `node`." },
      nodeQueryOptions: {
        description:
          "A container, deploy, host, job, queue or role by its id. " +
          "Null when it is gone or the token may not see it. Null, with an error, when it cannot be found " +
          "because its upstream (such as a container's engine) does not answer.",
        args: { id: { description: "An `id` of this schema." } },
      },
      nodesQueryOptions: false,
      encodeGlobalID: (typename, id) => toNodeId(typename as NodeType, String(id)),
      decodeGlobalID: parseNodeId,
      endCursorFieldOptions: { description: "Cursor of its last row; for an empty page, the cursor that was sent." },
    },
  });
}

export type Builder = ReturnType<typeof createBuilder>;

export type Fields<Row extends object> = PothosSchemaTypes.ObjectFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<OpsSchemaTypes>,
  Row
>;

/** A type with these rows. */
export type ObjectRef<Row extends object> = ReturnType<typeof createObjectRef<Row>>;

function createObjectRef<Row extends object>(builder: Builder, name: string) {
  return builder.objectRef<Row>(name);
}

/** The error of one part. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** The value in a row for a field of each type. */
interface Plain {
  readonly String: string;
  readonly Int: number;
  readonly Float: number;
  readonly Boolean: boolean;
  readonly DateTime: string;
  readonly "[String!]": readonly string[];
  readonly Environment: Environment;
  readonly Problem: Problem;
}

/** A field in SDL notation, for a property with a matching value. */
type Declaration<Name extends string, Value> = {
  [Type in keyof Plain]: [Value] extends [Plain[Type]]
    ? `${Name}: ${Type}!` | `${Name}: ${Type}`
    : [Value] extends [Plain[Type] | null]
      ? `${Name}: ${Type}`
      : never;
}[keyof Plain];

/**
 * Fields that are properties of the row, as SDL declares them (`"name: String!"`), with their
 * descriptions.
 */
export function exposeAll<Row extends object>(
  t: Fields<Row>,
  descriptions: { readonly [Name in keyof Row & string as Declaration<Name, Row[Name]>]?: string },
) {
  const fields = Object.entries(descriptions as Readonly<Record<string, string>>).map(([declaration, description]) => {
    const [, name = "", list, type = ""] = /^(\w+): (\[?)(\w+)/.exec(declaration) ?? [];
    const options = { type: list ? [type] : type, nullable: !declaration.endsWith("!"), description };
    return [name, t.expose(name as never, options as never)] as const;
  });
  return Object.fromEntries(fields);
}

/**
 * Marks a field whose resolver reads only its row: an answer with it stays valid while the rows are
 * the same objects.
 */
export const ofRow = { extensions: { isOfRow: true } } as const;

const nodeTypes = ["Container", "Deploy", "Host", "Job", "Queue", "Role"] as const;
type NodeType = (typeof nodeTypes)[number];

/** The opaque id of an object in the whole schema; `id` is unique within its type. */
export function toNodeId(type: NodeType, id: string): string {
  return Buffer.from(`${type}:${id}`).toString("base64url");
}

/**
 * Makes the `id` of each node a plain value: Pothos resolves it with a promise, which takes 2 kB
 * for each row of a list. Changes the schema itself.
 */
export function withPlainIds(schema: GraphQLSchema): GraphQLSchema {
  for (const name of nodeTypes) {
    const type = schema.getType(name) as GraphQLObjectType;
    const { id } = type.extensions["pothosOptions"] as { readonly id: { readonly resolve: (row: unknown) => string } };
    const field = type.getFields()["id"] as GraphQLField<unknown, unknown>;
    field.resolve = (row) => toNodeId(name, id.resolve(row));
  }
  return schema;
}

/** Throws invalid_request. */
function parseNodeId(nodeId: string): { typename: NodeType; id: string } {
  const text = Buffer.from(nodeId, "base64url").toString();
  const typename = nodeTypes.find((type) => text.startsWith(`${type}:`));
  if (!typename) throw new OpsError("invalid_request", "id is not an id of this schema");
  return { typename, id: text.slice(typename.length + 1) };
}

/** Cost of a list whose rows its parent's cost includes. */
export const counted = { field: 1, multiplier: 1 } as const;

/** A field costs 1; a list costs its content times its current number of rows. */
function toCost(
  args: Readonly<Record<string, unknown>>,
  context: OpsContext,
  { type }: { readonly type: GraphQLOutputType },
) {
  const inner = isNonNullType(type) ? type.ofType : type;
  return isListType(inner) ? { field: 1, multiplier: toLength(getNamedType(inner).name, args, context) } : 1;
}
