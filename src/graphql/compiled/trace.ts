import type { ExecutionResult, OperationDefinitionNode } from "graphql";
import { type OpsError, toOpsError } from "../../lib/errors.ts";
import type { Outcome, Tracing } from "../../lib/tracing/tracing.ts";

/** Clients choose operation names freely. */
const longestName = 64;

/**
 * A span around the execution of an operation. `isOurs`: its name may become the span's name, as
 * there are few.
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
 * The code of the first error that is a failure of the gateway or of an upstream, by its status.
 * Excludes mistakes of the client and missing configuration.
 */
export function findFailure(errors: readonly OpsError[]): string | null {
  return errors.find(({ status, unconfigured }) => status >= 500 && !unconfigured)?.code ?? null;
}

/**
 * The same for a result of graphql-js; null for a stream. An error without a cause concerns the
 * query.
 */
export function toResultFailure(result: object): string | null {
  const { errors = [] } = result as ExecutionResult;
  return findFailure(errors.flatMap(({ originalError }) => (originalError ? toOpsError(originalError) : [])));
}
