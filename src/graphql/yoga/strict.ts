import { type ExecutionResult, GraphQLError } from "graphql";
import type { Plugin } from "graphql-yoga";

/**
 * `X-Ops-Strict: 1`, or `?strict=1`: an answer with errors gets the highest of their HTTP statuses,
 * so that gateway and upstream errors (5xx) come before request errors (4xx), whatever their order.
 * The body is unchanged. For clients that treat every 200 as success: Grafana's Infinity ignores
 * GraphQL errors.
 */
export function useStrictStatus(): Plugin {
  return {
    onExecutionResult(payload) {
      const { request, result } = payload;
      if (result && "errors" in result) payload.setResult(toStrict(result, request));
    },
  };
}

/** The same for an answer that bypasses Yoga's hook. */
export function toStrict<Result extends Pick<ExecutionResult, "errors">>(result: Result, request: Request): Result {
  if (!result.errors?.length || !isStrict(request)) return result;
  const statuses = result.errors.map(toStatus);
  const highest = Math.max(...statuses);
  const chosen = statuses.indexOf(highest);
  const errors = result.errors.map((error, index) => (index === chosen ? withStatus(error, highest) : error));
  return { ...result, errors };
}

function isStrict({ headers, url }: Request): boolean {
  return headers.get("x-ops-strict") === "1" || /[?&]strict=1(?:&|$)/.test(url);
}

/**
 * Our errors carry their status; an invalid query gets the status for clients that know GraphQL
 * over HTTP.
 */
function toStatus({ extensions }: GraphQLError): number {
  return Number(extensions["status"] ?? extensions.http?.status ?? 400);
}

function withStatus(error: GraphQLError, status: number): GraphQLError {
  const { nodes, source, positions, path, message, extensions } = error;
  const { retryAfter } = extensions;
  const headers = typeof retryAfter === "number" ? { headers: { "retry-after": String(retryAfter) } } : {};
  const http = { status, spec: false, ...headers };
  const place = nodes ? { nodes } : { source: source ?? null, positions: positions ?? null };
  return new GraphQLError(message, { ...place, path: path ?? null, extensions: { ...extensions, http } });
}
