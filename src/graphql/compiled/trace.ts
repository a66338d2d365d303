import type { ExecutionResult, OperationDefinitionNode } from "graphql";
import { type OpsError, toOpsError } from "../../lib/errors.ts";
import type { Outcome, Tracing } from "../../lib/tracing/tracing.ts";

/** A client may choose any name. */
const longestName = 64;

/**
 * A span around the execution of an operation. `isOurs`: its name may be that of the span, as there
 * are few.
 */
export function traceOperation<T>(
  tracing: Tracing,
  { operation: type, name }: OperationDefinitionNode,
  isOurs: boolean,
  work: () => Promise<T>,
  toFailure: (result: T) => string | null,
): Promise<T> {
  const said = name?.value.slice(0, longestName);
  const attributes = { "graphql.operation.type": type, "graphql.operation.name": said };
  const toCode = (outcome: Outcome<T>) =>
    "error" in outcome ? findFailure([toOpsError(outcome.error)]) : toFailure(outcome.result);
  return tracing.within(isOurs && said !== undefined ? `${type} ${said}` : type, attributes, work, toCode);
}

/**
 * The code of the first error that is a failure of ours or of an upstream, as its status says: not
 * the mistake of a client, and nothing that is not configured.
 */
export function findFailure(errors: readonly OpsError[]): string | null {
  return errors.find(({ status, unconfigured }) => status >= 500 && !unconfigured)?.code ?? null;
}

/**
 * The same of a result of graphql-js, or null of a stream. An error without a cause is about the
 * query.
 */
export function toResultFailure(result: object): string | null {
  const { errors = [] } = result as ExecutionResult;
  return findFailure(errors.flatMap(({ originalError }) => (originalError ? toOpsError(originalError) : [])));
}
