import { createSourceEventStream, type DocumentNode, type GraphQLSchema, validate } from "graphql";
import type { LogBatch } from "../domain/log-follow.ts";
import { OpsError, toOpsError } from "../errors.ts";
import { type Caller, type Sources, createContext } from "./context.ts";

export type { LogBatch } from "../domain/log-follow.ts";

/** The door for our own surfaces to a fixed subscription. Rejects with the OpsError of its field. */
export type Follow = (document: DocumentNode, variables: object, caller: Caller) => Promise<AsyncIterable<LogBatch>>;

/**
 * Opens subscriptions as the schema does, with its scopes and its arguments, and hands on what the field's source gives, so that a line costs no
 * execution of its own. Throws for a document that does not fit the schema.
 */
export function createFollow(schema: GraphQLSchema, sources: Sources, documents: readonly DocumentNode[]): Follow {
  const known = new Set<DocumentNode>(documents);
  for (const document of known) {
    const invalid = validate(schema, document);
    if (invalid.length > 0) throw new AggregateError(invalid, invalid.map(String).join("\n"));
  }
  return async (document, variables, caller) => {
    if (!known.has(document)) throw new Error("Document was not registered");
    const contextValue = createContext(sources, caller);
    const opened = await createSourceEventStream({ schema, document, variableValues: { ...variables }, contextValue });
    if (Symbol.asyncIterator in opened) return opened as AsyncIterable<LogBatch>;
    const [error] = opened.errors ?? [];
    throw error?.originalError ? toOpsError(error.originalError) : new OpsError("internal", "Internal error", { cause: error });
  };
}
