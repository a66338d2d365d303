import { LRUCache } from "lru-cache";
import { type Execute, type Follow, toFailure } from "../graphql/execute.ts";
import { createRowMemo } from "../graphql/compiled/row-memo.ts";
import type { Caller } from "../graphql/sources.ts";
import { createReplyMemo, isRemembered, LastingReply, type RememberedReply } from "../http/memo.ts";
import type { EdgeReply, EdgeRequest } from "../http/surface.ts";
import { checkSize, toJson } from "../lib/budget/json.ts";
import { takeSteps } from "../lib/budget/steps.ts";
import { OpsError } from "../lib/errors.ts";
import { decodePercent } from "../lib/http-client.ts";
import { basePath, type Endpoint, endpoints } from "./endpoints.ts";
import { followLog } from "./follow.ts";
import { parseQuery } from "./params.ts";

/** An authenticated request at or below the base path. */
export type RestRequest = Caller & Pick<EdgeRequest, "method" | "isHead" | "path" | "query" | "headers" | "route">;

/** What a target asks. */
interface Parsed {
  readonly endpoint: Endpoint;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Of an answer that never changes. */
const fixed = { view: "", version: "" };

/** A request that is ready to run. */
interface ReadyRequest extends Parsed {
  readonly request: RestRequest;
  readonly prepared: ReturnType<Execute>;
  /** Headers that change though the body does not; undefined until the answer is made. */
  own?: Readonly<Record<string, string>> | undefined;
}

type RestReply = EdgeReply & Required<Pick<EdgeReply, "headers" | "route">>;

const json = { "content-type": "application/json; charset=utf-8" };
const plain = { "content-type": "text/plain; charset=utf-8" };

/**
 * Answers the documented endpoints. Throws, or rejects with, an OpsError: not_found,
 * method_not_allowed, invalid_request, or the error of the endpoint's field. A reply from the memo
 * is returned directly, not as a promise: promises are a good part of its cost. `openapi` returns
 * the text for /openapi.json.
 */
export function createRestHandler(
  execute: Execute,
  follow: Follow,
  openapi: () => string | Buffer,
): (request: RestRequest) => EdgeReply | Promise<EdgeReply> {
  const memo = createReplyMemo();
  const texts = createRowMemo<string>();
  const targets = new LRUCache<string, Parsed>({ maxSize: 100_000, sizeCalculation: (_, target) => target.length });
  const parse = (request: RestRequest, method: string, path: string): Parsed => {
    const { query, headers } = request;
    const target = `${method} ${path}?${query}`;
    const known = targets.get(target);
    const { endpoint, name }: Match = known ?? matchRoute(endpoints, method, path);
    // An answer to a wrong query has it too.
    request.route = endpoint.path;
    if (known) return known;
    const variables = { ...parseQuery(endpoint.params, query, headers), ...(name !== undefined && { name }) };
    const parsed = { endpoint, variables };
    if (endpoint.params.every((param) => param.in === "query")) targets.set(target, parsed);
    return parsed;
  };
  const serveOpenApi = (method: string, headers: RestRequest["headers"]): EdgeReply | Promise<EdgeReply> => {
    if (method !== "GET" && method !== "HEAD")
      throw new OpsError("method_not_allowed", "Use GET", { headers: { allow: "GET, HEAD" } });
    const key = "/openapi.json";
    const make = async () => new LastingReply({ status: 200, route: key, headers: json, body: openapi() });
    const answered = memo.answer<never>({ key, inputs: () => fixed, make });
    return answered instanceof Promise ? answered.then((known) => known.toReply(headers)) : answered.toReply(headers);
  };
  const make = async (ready: ReadyRequest): Promise<LastingReply | EdgeReply> => {
    const { request, endpoint, variables, prepared } = ready;
    const { headers, budget } = request;
    const rows = endpoint.isOfRows?.(variables) ? texts.begin() : null;
    const { data, errors } = await prepared.run(rows?.select);
    const body = data === null ? null : endpoint.pick.body(data);
    if (body === null || body === undefined) throw toFailure(errors);
    const asText = endpoint.text !== undefined && (wantsText(headers.accept) || variables["download"] === true);
    const write = async () => {
      const made = rows?.finish(body as readonly unknown[], (row) => JSON.stringify(row));
      if (made) return checkSize(`[${(await takeSteps(made, budget)).join()}]`, budget.maxBytes);
      return asText ? checkSize(endpoint.text(body), budget.maxBytes) : toJson(body, budget);
    };
    const text = await write();
    ready.own = toOwnHeaders(endpoint, data ?? {}, prepared);
    const reply = toReply(endpoint, ready.own, text, asText, variables);
    return prepared.isVersioned && errors.length === 0 ? new LastingReply(reply) : reply;
  };
  return (request) => {
    const { query, headers } = request;
    const path = request.path.slice(basePath.length);
    const method = request.isHead ? "HEAD" : request.method;
    if (path === "/openapi.json") return serveOpenApi(method, headers);
    const { endpoint, variables } = parse(request, method, path);
    if (endpoint.follow && variables["follow"] === true) return stream(follow, endpoint, variables, request);
    const prepared = execute(endpoint.document as Parameters<Execute>[0], variables, request);
    const ready: ReadyRequest = { request, endpoint, variables, prepared };
    const inputs = () => prepared.inputs();
    const answered = memo.answer<EdgeReply>({ key: `${path}?${query}`, inputs, make: () => make(ready) });
    return answered instanceof Promise ? answered.then((made) => finish(made, ready)) : finish(answered, ready);
  };
}

function finish(answered: RememberedReply | EdgeReply, { request, endpoint, prepared, own }: ReadyRequest) {
  return isRemembered(answered)
    ? answered.toReply(request.headers, own ?? toOwnHeaders(endpoint, {}, prepared))
    : answered;
}

/** An endless answer. It has the headers of a success only once it is open. */
async function stream(
  follow: Follow,
  { follow: document, path }: Endpoint,
  variables: Readonly<Record<string, unknown>>,
  request: RestRequest,
): Promise<RestReply> {
  if (request.isHead || !document || !request.openStream)
    throw new OpsError("invalid_request", "follow=true needs GET");
  const lastEventId = request.headers["last-event-id"];
  // The default of `tail` is that of a page: a stream has its own.
  const { tail, ...others } = variables;
  const isGiven = Boolean(new URLSearchParams(request.query).get("tail"));
  const { type, ...parts } = await followLog(follow, request, {
    document,
    variables: isGiven ? { ...others, tail } : others,
    isPlain: wantsText(request.headers.accept),
    lastEventId: typeof lastEventId === "string" ? lastEventId : undefined,
  });
  const { signal } = request.openStream();
  return { status: 200, route: path, headers: { "content-type": type }, body: "", stream: { ...parts, signal } };
}

function toReply(
  endpoint: Endpoint,
  own: Readonly<Record<string, string>> | undefined,
  body: string,
  isText: boolean,
  { download, name }: Readonly<Record<string, unknown>>,
): RestReply {
  const { path, deprecated } = endpoint;
  return {
    status: 200,
    route: path,
    headers: {
      ...(isText ? plain : json),
      ...own,
      ...(deprecated !== undefined && toDeprecation(path, deprecated)),
      // A container's name needs no quoting: it matched Docker's own rule.
      ...(isText && download === true && { "content-disposition": `attachment; filename="${String(name)}.log"` }),
    },
    body,
  };
}

/** Of each endpoint that has some: their names as they are sent. */
const ownHeaders = new Map(
  endpoints.map((endpoint) => [
    endpoint,
    Object.entries(endpoint.headers ?? {}).map(([name, toValue]) => ({ name: name.toLowerCase(), toValue })),
  ]),
);

/** Undefined for an endpoint that has none: its answer from memory is sent as it is. */
function toOwnHeaders(
  endpoint: Endpoint,
  data: object,
  prepared: ReturnType<Execute>,
): Readonly<Record<string, string>> | undefined {
  if (!endpoint.headers) return undefined;
  const engines = () => prepared.engines();
  const own: Record<string, string> = {};
  for (const { name, toValue } of ownHeaders.get(endpoint) ?? []) {
    const value = toValue(data, engines);
    if (value !== null) own[name] = value;
  }
  return own;
}

/**
 * RFC 9745: since when, and where the contract says what to use instead; relative, for a proxy that
 * adds a prefix. No `Sunset`: it is not removed.
 */
function toDeprecation(path: string, since: string): Readonly<Record<string, string>> {
  const up = "../".repeat(path.split("/").length - 2);
  return {
    deprecation: `@${Date.parse(since) / 1000}`,
    link: `<${up}openapi.json>; rel="deprecation"; type="application/json"`,
  };
}

function wantsText(accept: string | undefined): boolean {
  return accept !== undefined && /^text\/plain\b/.test(accept);
}

interface Match {
  readonly endpoint: Endpoint;
  /** The container's name, for the endpoints that have one. */
  readonly name?: string;
}

const containerPath = /^\/containers\/([^/]+)(\/[a-z-]+)?$/;
/** What Docker accepts as a container name. */
const containerName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

/**
 * The endpoint of an exact path; HEAD counts as GET. Throws not_found, method_not_allowed (with
 * Allow), or container_not_found for an impossible name.
 */
export function matchRoute(rows: readonly Endpoint[], method: string, path: string): Match {
  const parts = containerPath.exec(path);
  const template = parts ? `/containers/:name${parts[2] ?? ""}` : path;
  const candidates = template.includes(":") && !parts ? [] : rows.filter((endpoint) => endpoint.path === template);
  if (candidates.length === 0) throw new OpsError("not_found", "No such path");
  const endpoint = candidates.find((candidate) => candidate.method === (method === "HEAD" ? "GET" : method));
  if (!endpoint) {
    const allow = candidates
      .flatMap((candidate) => (candidate.method === "GET" ? ["GET", "HEAD"] : [candidate.method]))
      .join(", ");
    throw new OpsError("method_not_allowed", `Use ${allow}`, { headers: { allow } });
  }
  // A HEAD must not act.
  if (method === "HEAD" && endpoint.deprecated !== undefined)
    throw new OpsError("method_not_allowed", "Use POST", { headers: { allow: "POST, GET" } });
  return parts ? { endpoint, name: decodeName(parts[1] ?? "") } : { endpoint };
}

function decodeName(text: string): string {
  const name = decodePercent(text);
  if (!containerName.test(name)) throw new OpsError("container_not_found", "No such container");
  return name;
}
