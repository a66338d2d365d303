import { OpsError } from "../errors.ts";
import type { Caller, Execute } from "../graphql/execute.ts";
import { type Endpoint, endpoints } from "./endpoints.ts";
import { parseQuery } from "./params.ts";
import { createReplyMemo } from "./reply-memo.ts";
import { matchRoute } from "./routes.ts";

/** A request below the base path; authenticated already. */
export interface RestRequest extends Caller {
  readonly method: string;
  /** Path below the base path, "/containers". */
  readonly path: string;
  /** Raw text after the question mark. */
  readonly query: string;
  readonly accept: string | undefined;
}

export interface RestReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The path template, for logs and metrics. */
  readonly route: string;
}

const json = { "content-type": "application/json; charset=utf-8" };
const plain = { "content-type": "text/plain; charset=utf-8" };

/**
 * Answers the documented endpoints. Rejects with an OpsError: not_found, method_not_allowed, invalid_request, or the error of the
 * field that the endpoint is about. `openapi` gives the text served at /openapi.json.
 */
export function createRestHandler(execute: Execute, openapi: () => string): (request: RestRequest) => Promise<RestReply> {
  const memo = createReplyMemo();
  return async (request) => {
    if (request.path === "/openapi.json") return serveOpenApi(request, openapi());
    const { endpoint, name } = matchRoute(endpoints, request.method, request.path);
    const variables = parseQuery(endpoint.params, request.query);
    if (name !== undefined) variables["name"] = name;
    const { inputs, run } = await execute(endpoint.document, variables as never, request);
    const known = inputs && memo.find(endpoint, request.query, inputs);
    if (known) return known;
    const { data, errors } = await run();
    const body = data === null ? null : endpoint.pick.body(data);
    if (body === null || body === undefined) throw errors[0] ?? new OpsError("internal", "Internal error");
    const reply = toReply(endpoint, data ?? {}, body, request.accept);
    if (inputs && errors.length === 0) memo.keep(endpoint, request.query, inputs, reply);
    return reply;
  };
}

function toReply(endpoint: Endpoint, data: object, body: unknown, accept: string | undefined): RestReply {
  const { headers, text, path, deprecated } = endpoint;
  const asText = text !== undefined && accept !== undefined && /^text\/plain\b/.test(accept);
  return {
    status: 200,
    route: path,
    headers: {
      ...(asText ? plain : json),
      ...headers?.(data),
      ...(deprecated && { deprecation: "true" }),
    },
    body: asText ? text(body) : JSON.stringify(body),
  };
}

function serveOpenApi({ method }: RestRequest, body: string): RestReply {
  if (method !== "GET" && method !== "HEAD")
    throw new OpsError("method_not_allowed", "Use GET", { headers: { allow: "GET, HEAD" } });
  return { status: 200, route: "/openapi.json", headers: json, body };
}
