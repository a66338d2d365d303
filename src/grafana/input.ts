import { OpsError } from "../errors.ts";
import { type Condition, checkConditions, parseFilters } from "./conditions.ts";
import { type Row, quote } from "./dimensions.ts";
import { parseJson } from "./parse-json.ts";
import { type PayloadName, payloads } from "./payloads.ts";
import { toBoolean, toNames, toNumber, toSeconds } from "./text.ts";

/** One target of a panel: metrics, narrowed by its payload. */
export interface Target {
  readonly refId: string;
  /** Names as they were asked for; several where a variable with several values stood there. */
  readonly metrics: readonly string[];
  readonly conditions: readonly Condition[];
  /** Seconds; null where the panel's own is to be taken. */
  readonly step: number | null;
  readonly includeAccessories: boolean;
  /** Keys of its payload that mean nothing. */
  readonly unknown: readonly string[];
}

/** What a POST /query asks for. */
export interface QueryInput {
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly maxPoints: number;
  readonly targets: readonly Target[];
  /** The dashboard's ad hoc filters: they hold for every target. */
  readonly conditions: readonly Condition[];
}

/** As many as a series may have. */
export const mostPoints = 11_000;
/** Without `maxDataPoints`, and without a range. */
const usualPoints = 500;
const usualRangeMs = 6 * 3_600_000;
const maxTargets = 50;
/** Keys that mean nothing, of which an answer says so. */
const mostUnknown = 10;

/** A request's body as an object: {} for none, and for JSON that is something else. Throws invalid_request for what is no JSON, or too deep. */
export function parseBody(body: Buffer): Row {
  const text = body.toString("utf8").trim();
  if (text === "") return {};
  try {
    return asObject(parseJson(text));
  } catch (error) {
    if (error instanceof OpsError) throw error;
    throw new OpsError("invalid_request", "The body is not JSON", { cause: error });
  }
}

/** The body of POST /query. Unknown fields mean nothing. Throws invalid_request for times, steps, filters that make no sense. */
export function parseQuery(body: Row, nowMs: number): QueryInput {
  const targets = Array.isArray(body["targets"]) ? body["targets"].map(asObject) : [];
  if (targets.length > maxTargets) throw new OpsError("invalid_request", `A query has at most ${maxTargets} targets`);
  const { from, to } = parseRange(body["range"], nowMs);
  const asked = toNumber(body["maxDataPoints"]) ?? usualPoints;
  const conditions = parseFilters(body["filters"] ?? body["adhocFilters"]);
  const parsed = targets.filter((target) => target["hide"] !== true).flatMap(parseTarget);
  for (const target of parsed) checkConditions([...target.conditions, ...conditions]);
  const maxPoints = Math.round(Math.max(1, Math.min(mostPoints, asked, toMostPoints(toNumber(body["intervalMs"]), to - from))));
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    maxPoints,
    targets: parsed,
    conditions,
  };
}

/** A panel whose metric nobody chose yet has no metrics: it shows nothing, not everything. */
function parseTarget(target: Row): Target[] {
  const metrics = toNames(target["target"]);
  const refId = typeof target["refId"] === "string" ? target["refId"] : "";
  return metrics === null ? [] : [{ refId, metrics, ...parsePayload(target["payload"] ?? target["data"]) }];
}

/** A payload, of any metric: {} and empty values are the defaults. Throws invalid_request for a value that cannot be one. */
export function parsePayload(input: unknown): Omit<Target, "refId" | "metrics"> {
  const payload = asObject(typeof input === "string" ? parseText(input) : input);
  const known = new Set<string>(payloads.map(({ name }) => name));
  const conditions = payloads
    .filter(({ isDimension }) => isDimension)
    .flatMap(({ name: key }): Condition[] => {
      const values = toNames(payload[key]);
      return values === null ? [] : [{ key, operator: "=|", values }];
    });
  return {
    conditions,
    step: toChosenStep(payload["step"]),
    includeAccessories: toFlag("accessories", payload["accessories"]),
    unknown: Object.keys(payload)
      .filter((key) => !known.has(key))
      .slice(0, mostUnknown),
  };
}

function toChosenStep(input: unknown): number | null {
  const [text] = toNames(input) ?? [];
  if (text === undefined || text === "auto") return null;
  const seconds = toSeconds(text);
  if (seconds !== null && seconds >= 1 && seconds <= 86_400) return seconds;
  throw new OpsError("invalid_request", `step must be from 1 to 86400 seconds, such as 60 or 5m, not ${quote(text)}`);
}

function toFlag(name: PayloadName, input: unknown): boolean {
  const names = toNames(input);
  const flag = names === null ? false : toBoolean([...names]);
  if (flag === null) throw new OpsError("invalid_request", `${name} must be true or false`);
  return flag;
}

/** The panel's interval is the shortest step that it wants, for its minimum is in it. */
function toMostPoints(intervalMs: number | null, rangeMs: number): number {
  const interval = intervalMs ?? 0;
  return interval <= 0 ? mostPoints : Math.floor(rangeMs / interval);
}

function parseRange(input: unknown, nowMs: number): { readonly from: number; readonly to: number } {
  const range = asObject(input);
  const to = toMs("range.to", range["to"]) ?? nowMs;
  const from = toMs("range.from", range["from"]) ?? to - usualRangeMs;
  if (from > to) throw new OpsError("invalid_request", "range.from must not be after range.to");
  return { from, to };
}

/** Grafana sends RFC 3339; people, and old versions, epoch milliseconds. */
function toMs(name: string, input: unknown): number | null {
  if (input === undefined || input === null || input === "") return null;
  const number = toNumber(input);
  const ms = number ?? (typeof input === "string" ? Date.parse(input) : Number.NaN);
  if (ms >= 0 && ms < Date.UTC(10_000, 0, 1)) return Math.floor(ms);
  throw new OpsError("invalid_request", `${name} must be a time (RFC 3339 or epoch milliseconds)`);
}

function parseText(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof OpsError) throw error;
    // As the plugin does it itself: what is no JSON is no payload.
    return {};
  }
}

export function asObject(input: unknown): Row {
  return typeof input === "object" && input !== null && !Array.isArray(input) ? (input as Row) : {};
}
