import { OpsError } from "../errors.ts";
import type { Caller, Execute, Follow } from "../graphql/execute.ts";
import { type Endpoint, endpoints } from "./endpoints.ts";
import { followLog } from "./follow.ts";
import { type Headers, parseQuery } from "./params.ts";
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
  readonly headers?: Headers;
}

export interface RestReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The path template, for logs and metrics. */
  readonly route: string;
  /** What comes instead of `body`, in parts. */
  readonly stream?: {
    readonly chunks: AsyncIterable<string>;
    /** What may be sent as a sign of life. */
    readonly heartbeat?: string;
    /** Aborts when the stream must end. */
    readonly signal: AbortSignal;
  };
}

const json = { "content-type": "application/json; charset=utf-8" };
const plain = { "content-type": "text/plain; charset=utf-8" };

/**
 * Answers the documented endpoints. Rejects with an OpsError: not_found, method_not_allowed, invalid_request, or the error of the
 * field that the endpoint is about. `openapi` gives the text served at /openapi.json.
 */
export function createRestHandler(
  execute: Execute,
  follow: Follow,
  openapi: () => string,
): (request: RestRequest) => Promise<RestReply> {
  const memo = createReplyMemo();
  return async (request) => {
    if (request.path === "/openapi.json") return serveOpenApi(request, openapi());
    const { endpoint, name } = matchRoute(endpoints, request.method, request.path);
    const variables = parseQuery(endpoint.params, request.query, request.headers);
    if (name !== undefined) variables["name"] = name;
    if (endpoint.follow && variables["follow"] === true) return stream(follow, endpoint, variables, request);
    const { inputs, run } = await execute(endpoint.document, variables as never, request);
    const known = inputs && memo.find(endpoint, request.query, inputs.rows);
    if (known) return { ...known, headers: { ...known.headers, ...endpoint.headers?.(inputs.status) } };
    const { data, errors } = await run();
    const body = data === null ? null : endpoint.pick.body(data);
    if (body === null || body === undefined) throw errors[0] ?? new OpsError("internal", "Internal error");
    const reply = toReply(endpoint, data ?? {}, body, wantsText(request.accept), variables);
    if (inputs && errors.length === 0) memo.keep(endpoint, request.query, inputs.rows, reply);
    return reply;
  };
}

/** An answer without an end. It has the headers of a good one only once it is open. */
async function stream(
  follow: Follow,
  { follow: document, path }: Endpoint,
  variables: Readonly<Record<string, unknown>>,
  request: RestRequest,
): Promise<RestReply> {
  if (request.method !== "GET" || !document || !request.openStream)
    throw new OpsError("invalid_request", "follow=true needs GET");
  const lastEventId = request.headers?.["last-event-id"];
  const { type, ...parts } = await followLog(follow, request, {
    document,
    variables,
    isPlain: wantsText(request.accept),
    lastEventId: typeof lastEventId === "string" ? lastEventId : undefined,
  });
  const { signal } = request.openStream();
  return { status: 200, route: path, headers: { "content-type": type }, body: "", stream: { ...parts, signal } };
}

function toReply(
  { headers, text, path, deprecated }: Endpoint,
  data: object,
  body: unknown,
  isPlain: boolean,
  { download, name }: Readonly<Record<string, unknown>>,
): RestReply {
  const asText = text !== undefined && (isPlain || download === true);
  return {
    status: 200,
    route: path,
    headers: {
      ...(asText ? plain : json),
      ...headers?.(data),
      ...(deprecated && { deprecation: "true" }),
      // A container's name needs no quoting: it was matched against Docker's own rule.
      ...(asText && download === true && { "content-disposition": `attachment; filename="${String(name)}.log"` }),
    },
    body: asText ? text(body) : JSON.stringify(body),
  };
}

function wantsText(accept: string | undefined): boolean {
  return accept !== undefined && /^text\/plain\b/.test(accept);
}

function serveOpenApi({ method }: RestRequest, body: string): RestReply {
  if (method !== "GET" && method !== "HEAD")
    throw new OpsError("method_not_allowed", "Use GET", { headers: { allow: "GET, HEAD" } });
  return { status: 200, route: "/openapi.json", headers: json, body };
}
