import {
  type DocumentNode,
  getNamedType,
  getOperationAST,
  getOperationRootType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  Kind,
  isObjectType,
  print,
  type SelectionSetNode,
} from "graphql";
import { type OpsClient, OpsError } from "../client/client.ts";
import { createNaming } from "../graphql/execute.ts";
import { type Ask, ToolFailure } from "./tool.ts";

/** A document as it is sent. */
interface Prepared {
  readonly text: string;
  readonly toNames: (variables: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  readonly toWords: (data: unknown) => unknown;
}

/**
 * How tools ask a gateway over HTTP. The documents are those of the process: enums are GraphQL's
 * names on the way, and the words of our code on both ends.
 */
export function createRemoteAsk(schema: GraphQLSchema, client: OpsClient): (signal: AbortSignal) => Ask {
  const known = new Map<DocumentNode, Prepared>();
  const prepare = (document: DocumentNode): Prepared => {
    const found = known.get(document) ?? {
      text: print(document),
      toNames: createNaming(schema, document),
      toWords: createWording(schema, document),
    };
    known.set(document, found);
    return found;
  };
  return (signal) => async (document, variables) => {
    const { text, toNames, toWords } = prepare(document);
    try {
      const { data, errors } = await client.queryPartial<object, Record<string, unknown>>(text, toNames(variables), {
        signal,
      });
      return { data: toWords(data) as never, errors: errors.map(({ code, message }) => ({ code, message })) };
    } catch (error) {
      if (!(error instanceof OpsError)) throw error;
      throw new ToolFailure({ code: error.code, message: error.message });
    }
  };
}

/** Changes the names of enums in an answer into the words of our code. */
function createWording(schema: GraphQLSchema, document: DocumentNode): (data: unknown) => unknown {
  const operation = getOperationAST(document);
  const root = operation && getOperationRootType(schema, operation);
  const toWords = (value: unknown, type: GraphQLNamedType, selections: SelectionSetNode | undefined): unknown => {
    if (value === null || value === undefined) return value;
    if (Array.isArray(value)) return value.map((one) => toWords(one, type, selections));
    if (isEnumType(type)) return typeof value === "string" ? (type.getValue(value)?.value ?? value) : value;
    if (!selections || !isObjectType(type)) return value;
    const object: Record<string, unknown> = { ...value };
    for (const selection of selections.selections) {
      // These documents have no fragments: a test sees to it.
      if (selection.kind !== Kind.FIELD) continue;
      const key = selection.alias?.value ?? selection.name.value;
      const field = type.getFields()[selection.name.value];
      if (field && key in object) object[key] = toWords(object[key], getNamedType(field.type), selection.selectionSet);
    }
    return object;
  };
  return (data) => (root ? toWords(data, root, operation.selectionSet) : data);
}
