import { getOperationAST } from "graphql";
import pLimit from "p-limit";
import { type Execute, toFailure } from "../graphql/execute.ts";
import { isStepFitting } from "../graphql/range.ts";
import type { Caller } from "../graphql/sources.ts";
import type { ReplyInputs } from "../http/memo.ts";
import { tooLong } from "../lib/budget/budget.ts";
import { findTextExcess, type JsonLimits } from "../lib/budget/json-size.ts";
import { environments } from "../lib/environment.ts";
import { OpsError, toOpsError } from "../lib/errors.ts";
import { secondsPerUnit } from "../lib/time.ts";
import {
  checkConditions,
  type Condition,
  filterRows,
  alertKinds,
  parseFilters,
  type PayloadName,
  payloads,
  quote,
  type Row,
  splitList,
  toBoolean,
  toNames,
  toNumber,
  toValuesOf,
  upKinds,
  withParts,
} from "./filters.ts";
import { type Frame, toFrames, toLeastBytes, toNotice, toSingleNotices } from "./frames.ts";
import type { Answer, Metric } from "./metric.ts";
import { getMetric, isMetric } from "./metrics.ts";

/** One metric of one target, as it is asked for. */
interface RawQuery {
  readonly target: Target;
  readonly name: string;
}

/**
 * Values of the schema's enums. Others would make the document invalid; a table just has no such
 * rows.
 */
const kinds: ReadonlySet<string> = new Set(upKinds);

const isEnvironment = (name: string) => environments.some((known) => known === name);

/**
 * Metrics that one request reads at once: the rows of each are released when its frames are built.
 */
const atOnce = 4;

const listAsked = ({ targets }: QueryInput): RawQuery[] =>
  targets.flatMap((target) => target.metrics.map((name): RawQuery => ({ target, name })));

/** Metrics of targets that are answered by the same run of a document. */
interface Question {
  readonly metric: Metric;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly asked: readonly RawQuery[];
}

/** The questions of some metrics, none of which failed. */
function listQuestions(input: QueryInput, asked: readonly RawQuery[]): Question[] {
  const questions = new Map<string, { metric: Metric; variables: Question["variables"]; asked: RawQuery[] }>();
  for (const one of asked) {
    const metric = getMetric(one.name);
    const conditions = [...one.target.conditions, ...input.conditions];
    const variables: Question["variables"] = { ...toVariables(input, one.target, conditions), ...metric.constants };
    const key = JSON.stringify([one.name, ...listVariables(metric.document).map((name) => variables[name])]);
    const question = questions.get(key);
    if (question) question.asked.push(one);
    else questions.set(key, { metric, variables, asked: [one] });
  }
  return [...questions.values()];
}

/** The variables that a document declares. */
function listVariables(document: Metric["document"]): string[] {
  return getOperationAST(document)?.variableDefinitions?.map(({ variable }) => variable.name.value) ?? [];
}

/** What is wrong with the name of a metric, or else with its target. */
function findFailure({ target, name }: RawQuery): OpsError | null {
  try {
    getMetric(name);
    return target.failure;
  } catch (error) {
    return toOpsError(error);
  }
}

/**
 * What the answer depends on; null where a target's does not depend on versions alone, such as any
 * over a range, which moves with the clock.
 */
export async function findQueryInputs(
  input: QueryInput,
  execute: Execute,
  caller: Caller,
): Promise<ReplyInputs | null> {
  const found: ReplyInputs[] = [];
  const asked = listAsked(input);
  if (asked.some(({ target, name }) => target.failure || !isMetric(name))) return null;
  for (const { metric, variables } of listQuestions(input, asked)) {
    const prepared = execute(metric.document, variables as never, caller);
    const inputs = prepared.isVersioned ? await prepared.inputs() : null;
    if (!inputs) return null;
    found.push(inputs);
  }
  const [first] = found;
  return first ? { view: first.view, version: [...new Set(found.map(({ version }) => version))].join("; ") } : null;
}

/**
 * The frames of all targets. A target that fails beside others, or is wrong itself, becomes a frame
 * with an error notice. When all fail, rejects with the most severe error, which Grafana shows on
 * the panel.
 */
export async function runQuery(input: QueryInput, execute: Execute, caller: Caller): Promise<Frame[]> {
  const asked = listAsked(input);
  const answers = new Map<RawQuery, readonly Frame[] | OpsError>();
  const valid = asked.filter((one) => {
    const failure = findFailure(one);
    if (failure) answers.set(one, failure);
    return !failure;
  });
  const limit = pLimit(atOnce);
  const size = new AnswerSize(caller.budget.maxBytes);
  const questions = listQuestions(input, valid);
  await Promise.all(
    questions.map((question) => limit(() => answerAll(question, input, { execute, caller, size, answers }))),
  );
  if (size.excess) throw size.excess;
  const failures = asked.map((one) => answers.get(one)).filter((one) => one instanceof OpsError);
  const [worst] = failures.toSorted((a, b) => Math.floor(b.status / 100) - Math.floor(a.status / 100));
  if (worst && failures.length === asked.length) throw worst;
  const frames = asked.flatMap((one) => {
    const found = answers.get(one) ?? [];
    if (!(found instanceof OpsError)) return found;
    const { target, name } = one;
    const { message } = found;
    const notice = { severity: "error" as const, text: isMetric(name) ? `${name}: ${message}` : message };
    return toNotice(target.refId, isMetric(name) ? name : quote(name), [notice]);
  });
  return toSingleNotices(frames);
}

/** Counts what an answer has while it is built: one that is too large ends there. */
class AnswerSize {
  readonly #most: number;
  #bytes = 0;
  /** Why there is no answer: it would be too large. Null while it is within its limit. */
  excess: OpsError | null = null;

  constructor(most: number) {
    this.#most = most;
  }

  /** `bytes`: at most as many as its JSON has. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#most) this.excess ??= tooLong(this.#most);
  }
}

interface Answering {
  readonly execute: Execute;
  readonly caller: Caller;
  readonly size: AnswerSize;
  readonly answers: Map<RawQuery, readonly Frame[] | OpsError>;
}

/**
 * Runs a document once, and makes the frames of all that ask for it: equal ones once. Never
 * rejects; does nothing once the answer is too large.
 */
async function answerAll(
  question: Question,
  input: QueryInput,
  { execute, caller, size, answers }: Answering,
): Promise<void> {
  const { metric, variables, asked } = question;
  const made = new Map<string, { readonly frames: readonly Frame[]; readonly bytes: number }>();
  let read: Read | null = null;
  for (const one of asked) {
    if (size.excess) return;
    const { refId, conditions, step, unknown } = one.target;
    const key = JSON.stringify([conditions, step, unknown]);
    try {
      read ??= await readRows(metric, variables, execute, caller);
      const known = made.get(key) ?? measure(await toTargetFrames(read, one.target, input, caller));
      made.set(key, known);
      size.add(known.bytes);
      answers.set(
        one,
        known.frames.map((frame) => ({ ...frame, schema: { ...frame.schema, refId } })),
      );
    } catch (error) {
      answers.set(one, toOpsError(error));
    }
  }
}

const measure = (frames: readonly Frame[]) => ({ frames, bytes: toLeastBytes(frames) });

/** What a document answered. */
interface Read {
  readonly metric: Metric;
  readonly found: Answer;
  readonly rows: readonly Row[];
  readonly errors: readonly OpsError[];
}

async function readRows(
  metric: Metric,
  variables: Question["variables"],
  execute: Execute,
  caller: Caller,
): Promise<Read> {
  const { data, errors } = await execute(metric.document, variables as never, caller).run();
  const found: Answer = { rows: null, ...(data as object | null) };
  const rows = metric.toRows(found);
  if (rows === null) throw toFailure(errors);
  return { metric, found, rows, errors };
}

async function toTargetFrames(
  { metric, found, rows, errors }: Read,
  target: Target,
  input: QueryInput,
  caller: Caller,
): Promise<Frame[]> {
  const conditions = [...target.conditions, ...input.conditions];
  const failed = [...toProblems(found), ...errors.map(({ message }) => message)];
  const notices = [
    ...[...new Set(failed)].map((text) => ({ severity: "warning" as const, text })),
    ...[
      ...toGaps(found),
      ...(metric.toRemarks?.(found, input.from) ?? []),
      ...toUnknown(target, metric),
      ...toStepRemark(input, target),
    ].map((text) => ({
      severity: "info" as const,
      text,
    })),
  ];
  const left = await filterRows(rows, conditions, caller.budget);
  return toFrames({ refId: target.refId, metric, rows: left, notices }, caller.budget);
}

/**
 * Every variable that a metric's document may use; each takes its own. Conditions that are lists of
 * names already narrow the upstream's query.
 */
function toVariables({ from, to, maxPoints }: QueryInput, target: Target, conditions: readonly Condition[]) {
  const names = (wanted: string) => findNames(conditions, wanted);
  return {
    ...toOnly(conditions),
    from,
    to,
    step: isStepUsed({ from, to, maxPoints }, target) ? target.step : null,
    maxPoints,
    includeAccessories: target.includeAccessories,
    env: names("env")?.filter(isEnvironment) ?? null,
    queues: names("queue"),
    sources: names("source"),
    hosts: names("host"),
    containers: names("container"),
    roles: names("role"),
    destinations: names("destination"),
    kinds: names("kind")?.filter((kind) => kinds.has(kind)) ?? null,
    alerts: alertKinds.filter((kind) => names("kind")?.includes(kind) ?? true),
  };
}

/**
 * A panel never gets more points than it asks for: the chosen step is used where it gives no more.
 */
function isStepUsed(range: Pick<QueryInput, "from" | "to" | "maxPoints">, { step }: Target): boolean {
  return step === null || isStepFitting(range, step, Date.now());
}

function toStepRemark(input: QueryInput, target: Target): string[] {
  if (isStepUsed(input, target)) return [];
  return [`The step of ${target.step} s is too short for ${input.maxPoints} points; a longer one is used`];
}

/** The exact names that a condition on a column gives; null without one. */
function findNames(conditions: readonly Condition[], wanted: string): readonly string[] | null {
  return conditions.find(({ key, operator }) => key === wanted && /^=\|?$/.test(operator))?.values ?? null;
}

/**
 * Variables of fields that take one environment and one destination; null for any other number,
 * which only filters rows.
 */
export function toOnly(conditions: readonly Condition[]) {
  const [env = null, ...otherEnvs] = findNames(conditions, "env") ?? [];
  const [destination = null, ...others] = findNames(conditions, "destination") ?? [];
  return {
    oneEnv: env !== null && otherEnvs.length === 0 && isEnvironment(env) ? env : null,
    oneDestination: others.length === 0 ? destination : null,
  };
}

function toGaps({ parts }: Answer): string[] {
  return (parts ?? []).flatMap(({ name, since }) => (since ? `${name}: known since ${since}` : []));
}

function toUnknown({ unknown }: Target, metric: Metric): string[] {
  return unknown.map((key) => `Unknown payload key ${key}; known: ${metric.payloads.join(", ")}`);
}

/** An unsupported queue system is not a problem of the panel. */
function toProblems({ parts, problems }: Answer): string[] {
  const ofParts = (parts ?? []).flatMap(({ name, error }) =>
    error && error.code !== "queue_unsupported" ? `${name}: ${error.message}` : [],
  );
  return [...ofParts, ...(problems ?? []).map(({ message }) => message)];
}

/** One target of a panel: metrics, narrowed by its payload. */
export interface Target {
  readonly refId: string;
  /** The requested names; several from a variable with several values. */
  readonly metrics: readonly string[];
  readonly conditions: readonly Condition[];
  /** Seconds; null for the panel's own step. */
  readonly step: number | null;
  readonly includeAccessories: boolean;
  /** Unknown keys of its payload. */
  readonly unknown: readonly string[];
  /** What is wrong with it; null when nothing is. */
  readonly failure: OpsError | null;
}

/** The input of POST /query. */
export interface QueryInput {
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly maxPoints: number;
  readonly targets: readonly Target[];
  /** The dashboard's ad hoc filters: they apply to every target. */
  readonly conditions: readonly Condition[];
}

/** Limit of a series. */
const mostPoints = 11_000;
/** Defaults without `maxDataPoints` and without a range. */
const usualPoints = 500;
const usualRangeMs = 6 * 3_600_000;
const maxTargets = 50;
/** Of all targets together: each is a query. */
const maxMetrics = 200;
/** Unknown keys that an answer mentions. */
const mostUnknown = 10;

/**
 * A request's body as an object; {} for an empty body or JSON that is no object. Throws
 * invalid_request for invalid or too deep JSON.
 */
export function parseBody(body: Buffer): Row {
  const text = body.toString("utf8").trim();
  if (text === "") return {};
  if (text.split(/[,|]/, maxListed + 1).length > maxListed)
    throw new OpsError("invalid_request", `The body has more than ${maxListed} commas and bars`);
  try {
    return asObject(parseJson(text, bodyLimits));
  } catch (error) {
    if (error instanceof OpsError) throw error;
    throw new OpsError("invalid_request", "The body is not JSON", { cause: error });
  }
}

/**
 * The body of POST /query. Ignores unknown fields. Throws invalid_request for invalid times or ad
 * hoc filters; what is wrong with a target is in its `failure`.
 */
export function parseQuery(body: Row, nowMs: number): QueryInput {
  const targets = Array.isArray(body["targets"]) ? body["targets"].map(asObject) : [];
  if (targets.length > maxTargets) throw new OpsError("invalid_request", `A query has at most ${maxTargets} targets`);
  const { from, to } = parseRange(body["range"], nowMs);
  const points = toNumber(body["maxDataPoints"]) ?? usualPoints;
  const conditions = parseFilters(body["filters"] ?? body["adhocFilters"]);
  const parsed = targets.filter((target) => target["hide"] !== true).flatMap(parseTarget);
  const asked = parsed.reduce((sum, target) => sum + target.metrics.length, 0);
  if (asked > maxMetrics)
    throw new OpsError("invalid_request", `A query has at most ${maxMetrics} metrics, those of all targets`);
  const maxPoints = Math.round(
    Math.max(1, Math.min(mostPoints, points, toMostPoints(toNumber(body["intervalMs"]), to - from))),
  );
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    maxPoints,
    targets: parsed.map((target) => withFailure(target, () => checkConditions([...target.conditions, ...conditions]))),
    conditions,
  };
}

/** A panel without a chosen metric shows nothing, not everything. */
function parseTarget(target: Row): Target[] {
  const metrics = toNames(target["target"])?.flatMap(splitList) ?? null;
  const refId = typeof target["refId"] === "string" ? target["refId"] : "";
  const parsed: Target = { refId, metrics: metrics ?? [], ...emptyPayload, failure: null };
  return metrics === null
    ? []
    : [withFailure(parsed, () => ({ ...parsed, ...parsePayload(target["payload"] ?? target["data"]) }))];
}

/** The target that `run` returns; if it throws, the target with that failure. */
function withFailure(target: Target, run: () => Target | void): Target {
  try {
    return run() ?? target;
  } catch (error) {
    return { ...target, failure: target.failure ?? toOpsError(error) };
  }
}

const emptyPayload = { conditions: [], step: null, includeAccessories: false, unknown: [] };

/**
 * A payload of any metric; missing and empty values are the defaults. Throws invalid_request for an
 * invalid value.
 */
export function parsePayload(input: unknown): Omit<Target, "refId" | "metrics" | "failure"> {
  const payload = asObject(typeof input === "string" ? parseText(input) : input);
  const known = new Set<string>(payloads.map(({ name }) => name));
  const conditions = payloads
    .filter(({ isDimension }) => isDimension)
    .flatMap(({ name: key }): Condition[] => {
      const values = toValuesOf(key, withParts(payload[key]));
      return values === null ? [] : [{ key, operator: "=|", values }];
    });
  return {
    conditions,
    step: parseStep(payload["step"]),
    includeAccessories: toFlag("accessories", payload["accessories"]),
    unknown: Object.keys(payload)
      .filter((key) => !known.has(key))
      .slice(0, mostUnknown),
  };
}

function parseStep(input: unknown): number | null {
  const [text] = toNames(input) ?? [];
  if (text === undefined || text === "auto") return null;
  const [, count, unit = "s"] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  const seconds = Number(count) * (secondsPerUnit[unit] ?? Number.NaN);
  if (seconds >= 1 && seconds <= 86_400) return seconds;
  throw new OpsError("invalid_request", `step must be from 1 to 86400 seconds, such as 60 or 5m, not ${quote(text)}`);
}

function toFlag(name: PayloadName, input: unknown): boolean {
  const names = toNames(input);
  const flag = names === null ? false : toBoolean([...names]);
  if (flag === null) throw new OpsError("invalid_request", `${name} must be true or false`);
  return flag;
}

/** The panel's interval is its shortest step; it includes the configured minimum. */
function toMostPoints(intervalMs: number | null, rangeMs: number): number {
  const interval = intervalMs ?? 0;
  return interval <= 0 ? mostPoints : Math.floor(rangeMs / interval);
}

function parseRange(input: unknown, nowMs: number): { readonly from: number; readonly to: number } {
  const range = asObject(input);
  const to = parseMs("range.to", range["to"]) ?? nowMs;
  const from = parseMs("range.from", range["from"]) ?? to - usualRangeMs;
  if (from > to) throw new OpsError("invalid_request", "range.from must not be after range.to");
  return { from, to };
}

/** Grafana sends RFC 3339; people and old versions send epoch milliseconds. */
function parseMs(name: string, input: unknown): number | null {
  if (input === undefined || input === null || input === "") return null;
  const number = toNumber(input);
  const ms = number ?? (typeof input === "string" ? Date.parse(input) : Number.NaN);
  if (ms >= 0 && ms < Date.UTC(10_000, 0, 1)) return Math.floor(ms);
  throw new OpsError("invalid_request", `${name} must be a time (RFC 3339 or epoch milliseconds)`);
}

function parseText(text: string): unknown {
  try {
    return parseJson(text, payloadLimits);
  } catch (error) {
    if (error instanceof OpsError) throw error;
    // As the plugin does: invalid JSON is no payload.
    return {};
  }
}

export function asObject(input: unknown): Row {
  return typeof input === "object" && input !== null && !Array.isArray(input) ? (input as Row) : {};
}

/**
 * Grafana's own bodies have about ten levels, and code that reads them may be recursive. Those of a
 * panel have every dashboard variable with its values, twice: ten variables with 1,000 values fit.
 * And a payload as text.
 */
const bodyLimits = { values: 25_000, depth: 64 };
/** Texts may list names, and have payloads: what is in them counts too. */
const maxListed = 40_000;
const payloadLimits = { values: 5000, depth: 64 };

/**
 * Throws invalid_request for JSON that holds too much or is nested too deeply, SyntaxError for
 * invalid JSON.
 */
function parseJson(text: string, limits: JsonLimits): unknown {
  const excess = findTextExcess(text, limits);
  if (excess !== null) throw new OpsError("invalid_request", `The JSON has ${excess}`);
  return JSON.parse(text);
}
