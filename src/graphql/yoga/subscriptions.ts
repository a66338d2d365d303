import {
  createSourceEventStream,
  type DocumentNode,
  execute,
  type ExecutionArgs,
  type ExecutionResult,
  getOperationAST,
  type GraphQLSchema,
  valueFromASTUntyped,
} from "graphql";
import { type CompiledQuery, compileQuery, isCompiledQuery } from "graphql-jit";
import { mapAsyncIterator, type Plugin } from "graphql-yoga";
import { tooLong } from "../../lib/budget/budget.ts";
import { isLonger } from "../../lib/budget/json.ts";
import type { OpsContext } from "../context.ts";
import { hasProtoKey } from "./proto-names.ts";
import { toRefusal } from "./use-budget.ts";

type Compiled = CompiledQuery | ExecutionResult;

/**
 * Subscriptions as Yoga runs them, but with their selection compiled once: following a busy log returns some hundred lines for each event, and interpreting a
 * field costs more than our work on its line.
 */
export function useCompiledSubscriptions(): Plugin {
  // Entries live as long as Yoga caches the parsed document.
  const documents = new WeakMap<DocumentNode, Map<string, Compiled>>();
  const compiledFor = (schema: GraphQLSchema, document: DocumentNode, operationName = "") => {
    const known = documents.get(document) ?? new Map<string, Compiled>();
    documents.set(document, known);
    const compiled = known.get(operationName) ?? compileQuery(schema, document, operationName);
    known.set(operationName, compiled);
    return compiled;
  };
  const subscribe = async (args: ExecutionArgs) => {
    const { schema, document, operationName, contextValue, variableValues } = args;
    const opened = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in opened)) return opened;
    // graphql-jit builds object literals, which cannot have this key.
    if (hasProtoKey(document)) {
      return mapAsyncIterator(opened as AsyncIterableIterator<unknown>, (event) => execute({ ...args, rootValue: event }));
    }
    const compiled = compiledFor(schema, document, operationName ?? undefined);
    const variables = withDefaults(document, operationName, variableValues ?? {});
    const { budget } = contextValue as OpsContext;
    return mapAsyncIterator(opened as AsyncIterableIterator<unknown>, async (event): Promise<ExecutionResult> => {
      if (!isCompiledQuery(compiled)) return compiled;
      budget.renew();
      const message = await compiled.query(event, contextValue, variables);
      return isLonger(message.data, budget.maxBytes) ? toRefusal(tooLong(budget.maxBytes)) : message;
    });
  };
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribe);
    },
  };
}

/** The sent variables, with defaults for the missing ones: graphql-jit ignores the default of a non-null variable. */
function withDefaults(document: DocumentNode, operationName: string | null | undefined, sent: Readonly<Record<string, unknown>>) {
  const variables: Record<string, unknown> = { ...sent };
  for (const { variable, defaultValue } of getOperationAST(document, operationName)?.variableDefinitions ?? []) {
    const name = variable.name.value;
    if (defaultValue && variables[name] === undefined) variables[name] = valueFromASTUntyped(defaultValue);
  }
  return variables;
}
