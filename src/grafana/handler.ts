import { type Execute, toFailure } from "../graphql/execute.ts";
import type { Caller } from "../graphql/sources.ts";
import { createReplyMemo, isRemembered, LastingReply } from "../http/memo.ts";
import type { EdgeReply, EdgeRequest } from "../http/surface.ts";
import { toJson } from "../lib/budget/json.ts";
import { OpsError } from "../lib/errors.ts";
import {
  type Dimension,
  dimensions,
  filterRows,
  findNamed,
  getDimension,
  parseFilters,
  payloads,
  type Row,
  toNames,
  toPayload,
} from "./filters.ts";
import type { Frame } from "./frames.ts";
import { toRows } from "./metric.ts";
import { getMetric, metricDocuments, metrics } from "./metrics.ts";
import {
  asObject,
  findQueryInputs,
  parseBody,
  parsePayload,
  parseQuery,
  runQuery,
  type Target,
  toOnly,
} from "./query.ts";

/** The documents of all dimensions, for compilation. */
const optionDocuments = [...new Set(dimensions.flatMap(({ document }) => document ?? []))];

/**
 * The current values of a dimension, sorted, among rows that meet the other conditions. Rejects as
 * its upstream does.
 */
async function readOptions(
  dimension: Dimension,
  { conditions, includeAccessories }: Pick<Target, "conditions" | "includeAccessories">,
  execute: Execute,
  caller: Caller,
): Promise<readonly string[]> {
  const { name, document, values } = dimension;
  if (!document) return values ?? [];
  const others = conditions.filter(({ key }) => key !== name);
  const { data, errors } = await execute(document, { ...toOnly(others), includeAccessories } as never, caller).run();
  const rows = toRows({ rows: null, ...(data as object | null) });
  if (!rows) throw toFailure(errors);
  const left = await filterRows(rows, others, caller.budget);
  const found = left.flatMap((row) => (typeof row[name] === "string" && row[name] !== "" ? row[name] : []));
  return [...new Set(found)].toSorted();
}

/** A panel sends every dashboard variable with all its options in each request. */
const maxBodyBytes = 524_288;

/** Path of the datasource: its URL in Grafana ends with it. */
export const grafanaPath = "/grafana";

/** Every document that this prefix can run, for compilation at start: queries, no actions. */
export const grafanaDocuments = [...metricDocuments, ...optionDocuments];

/** An authenticated request at or below the prefix. */
type GrafanaRequest = Caller & Pick<EdgeRequest, "method" | "path" | "body" | "route">;

type Answer = (body: Row, execute: Execute, caller: Caller) => unknown;

/** Null: remembered, so that its answer is made by the handler. */
const posts: Readonly<Record<string, Answer | null>> = {
  "/metrics": () =>
    metrics.map(({ name, label, payloads: own }) => ({ value: name, label, payloads: own.map(toPayload) })),
  "/search": () => metrics.map(({ name, label }) => ({ value: name, text: name, label })),
  "/metric-payload-options": answerPayloadOptions,
  "/query": null,
  "/variable": answerVariable,
  "/tag-keys": () => dimensions.map(({ name, label, type }) => ({ text: name, value: name, type, label })),
  "/tag-values": answerTagValues,
};

/** The POST routes below its path. */
export const grafanaRoutes: readonly string[] = Object.keys(posts);

/**
 * The contract of Grafana's JSON datasource (simPod), below /grafana, with or without a trailing
 * slash. Rejects with an OpsError: forbidden without ops:read, not_found, method_not_allowed,
 * invalid_request, or that of an upstream.
 */
export function createGrafanaHandler(execute: Execute): (request: GrafanaRequest) => Promise<EdgeReply> {
  const memo = createReplyMemo();
  /**
   * Tables of containers, queues, their errors and hosts are remembered, as the answers of REST
   * are: a wall of panels asks for the same as the next.
   */
  const answerQuery = async (body: Row, request: GrafanaRequest): Promise<EdgeReply> => {
    const input = parseQuery(body, Date.now());
    const answered = await memo.answer<EdgeReply>({
      key: JSON.stringify([input.targets, input.conditions]),
      inputs: () => findQueryInputs(input, execute, request),
      make: async () => {
        const frames = await runQuery(input, execute, request);
        const reply = { status: 200, body: await toJson(frames, request.budget), route: `${grafanaPath}/query` };
        // An answer with notices is made anew each time: what failed may work now.
        return frames.some(hasNotices) ? reply : new LastingReply(reply);
      },
    });
    return isRemembered(answered) ? answered.plain : answered;
  };
  return async (request) => {
    const { method, path, principal } = request;
    if (!principal.scopes.has("ops:read")) throw new OpsError("forbidden", "This token lacks the scope ops:read");
    const route = path.slice(grafanaPath.length).replace(/\/$/, "");
    const answer = Object.hasOwn(posts, route) ? posts[route] : undefined;
    if (route !== "" && answer === undefined)
      throw new OpsError("not_found", `Known below ${grafanaPath}: ${grafanaRoutes.join(", ")}`);
    request.route = `${grafanaPath}${route}`;
    const allow = route === "" ? "GET, HEAD" : "POST";
    if (method !== (route === "" ? "GET" : "POST"))
      throw new OpsError("method_not_allowed", `Use ${allow}`, { headers: { allow } });
    const body = route === "" ? {} : parseBody(await request.body(maxBodyBytes));
    if (answer === null) return answerQuery(body, request);
    const found = answer ? await answer(body, execute, request) : { status: "ok", metrics: metrics.length };
    return { status: 200, body: await toJson(found, request.budget), route: `${grafanaPath}${route}` };
  };
}

const hasNotices = ({ schema }: Frame) => (schema.meta?.notices?.length ?? 0) > 0;

/** The choices of one field of the query builder, narrowed by the choices in its other fields. */
async function answerPayloadOptions(body: Row, execute: Execute, caller: Caller) {
  const [name] = toNames(body["name"]) ?? [];
  if (name === undefined) return [];
  for (const metric of toNames(body["metric"]) ?? []) getMetric(metric);
  const payload = findNamed("payload", payloads, name);
  if (!payload.isDimension) return payload.options;
  const values = await readOptions(getDimension(payload.name), parsePayload(body["payload"]), execute, caller);
  return values.map((value) => ({ value, label: value }));
}

/**
 * The values of a variable. Its query is the name of a dimension, or JSON: `{"target": "queue",
 * "env": "staging"}`.
 */
async function answerVariable(body: Row, execute: Execute, caller: Caller) {
  const payload = asObject(body["payload"]);
  const [target] = toNames(payload["target"] ?? body["target"]) ?? [];
  if (target === undefined) return [];
  const { target: _, ...chosen } = payload;
  const values =
    target === "metrics" || target === "metric"
      ? metrics.map(({ name }) => name)
      : await readOptions(getDimension(toSingular(target)), parsePayload(chosen), execute, caller);
  return values.map((value) => ({ __text: value, __value: value }));
}

async function answerTagValues(body: Row, execute: Execute, caller: Caller) {
  const { key } = body;
  if (typeof key !== "string" || key === "") return [];
  const conditions = parseFilters(body["filters"] ?? body["adhocFilters"]);
  const values = await readOptions(getDimension(key), { conditions, includeAccessories: true }, execute, caller);
  return values.map((value) => ({ text: value, value }));
}

/** Accepts "queues" for "queue". */
function toSingular(name: string): string {
  const singular = name.replace(/(?<=[a-z]{2})s$/, "");
  return dimensions.some((dimension) => dimension.name === singular) ? singular : name;
}
