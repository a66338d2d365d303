import { type DocumentNode, getOperationAST } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { Tracing } from "../../lib/tracing/tracing.ts";
import { toResultFailure, traceOperation } from "../compiled/trace.ts";

/** Spans of what Yoga executes. */
export function useTracing(tracing: Tracing): Plugin {
  const traced = (run: Run): Run => {
    return (args) => {
      const operation = getOperationAST(args.document, args.operationName);
      return operation ? traceOperation(tracing, operation, false, async () => run(args), toResultFailure) : run(args);
    };
  };
  return {
    onExecute: ({ executeFn, setExecuteFn }) => setExecuteFn(traced(executeFn as Run) as never),
    onSubscribe: ({ subscribeFn, setSubscribeFn }) => setSubscribeFn(traced(subscribeFn as Run) as never),
  };
}

/** How Yoga executes and subscribes. */
type Run = (args: {
  readonly document: DocumentNode;
  readonly operationName?: string | null;
}) => Promise<object> | object;
