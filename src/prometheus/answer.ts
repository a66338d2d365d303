import { z } from "zod";
import { parseJsonSteps, shortText } from "../lib/budget/json-parse.ts";
import { mapSteps, type Steps } from "../lib/budget/steps.ts";
import { parseJson } from "../lib/http-client.ts";
import type { HistoryRange } from "../lib/range.ts";
import { redactStart } from "../lib/redact/sanitize.ts";
import { UpstreamReply } from "../lib/upstream-reply.ts";
import { type FailureKind, PrometheusError } from "./failure.ts";

/** How many remarks of an answer are read, and labels of a series: ours have three. */
const [mostNotices, mostLabels] = [10, 1000];

/** One element of an instant vector. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** As Prometheus writes it: "0.64", also "NaN", "+Inf", "-Inf". */
  readonly value: string;
}

export interface Vector {
  readonly samples: readonly Sample[];
  /** Evaluation time, unix seconds; null for an empty vector, which carries none. */
  readonly evaluatedAt: number | null;
  /** Prometheus' remarks on the data, at most 10, for our log. */
  readonly warnings: readonly string[];
}

/** A list whose entries are not checked: there may be hundreds of thousands. */
const list = z.custom<readonly unknown[]>((value) => Array.isArray(value));
const notices = list
  .transform((all) => all.slice(0, mostNotices).filter((one) => typeof one === "string"))
  .nullish()
  .catch(null);
type Notices = z.infer<typeof notices>;

/** Unix seconds up to the year 9999, and the number as text. */
const timedValue = z.tuple([z.number().min(0).max(253_402_300_799), z.string()]);

/** A successful answer. Its many elements are parsed one by one. */
function toSuccess(resultType: "vector" | "matrix") {
  const data = z.object({ resultType: z.literal(resultType), result: list });
  return z.object({ status: z.literal("success"), data, warnings: notices, infos: notices });
}

const labels = z.record(z.string(), z.string());
const vectorAnswer = toSuccess("vector");
const vectorItem = z.object({ metric: labels, value: timedValue });
const matrixAnswer = toSuccess("matrix");
/** `values` is the index of a cut, or the original value. */
const matrixItem = z.object({ metric: labels, values: z.unknown() });

const failure = z.object({ status: z.literal("error"), errorType: z.string(), error: z.string().optional() });

/** Parses the answer of POST /api/v1/query. @throws PrometheusError for anything but a vector */
export function* parseAnswer(status: number, body: string): Steps<Vector> {
  const answer = parseAs(vectorAnswer, yield* openAnswer(status, body));
  const result = yield* mapSteps(answer.data.result, (item) => parseAs(vectorItem, item));
  return {
    samples: yield* mapSteps(result, ({ metric, value }) => ({ labels: metric, value: value[1] })),
    evaluatedAt: result[0]?.value[0] ?? null,
    warnings: toWarnings(answer),
  };
}

function parseAs<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new PrometheusError("not_json");
  return parsed.data;
}

/** The JSON of an answer; undefined for invalid JSON. @throws PrometheusError for a refusal */
function* openAnswer(status: number, body: string): Steps<unknown> {
  const json = yield* parseJsonSteps(body, { atOnce: shortText, isLeftOut: (_name, names) => names >= mostLabels });
  const refusal = failure.safeParse(json);
  if (refusal.success) throw toRefusal(status, refusal.data);
  const early = statusFailure(status);
  if (early) throw new PrometheusError(early, `HTTP ${status}`);
  return json;
}

function toWarnings({ warnings, infos }: { warnings?: Notices; infos?: Notices }): string[] {
  return [...(warnings ?? []), ...(infos ?? [])].slice(0, mostNotices).map((text) => redactStart(text, 300));
}

/** The failure that a status means whatever the body; null when the body decides. */
function statusFailure(status: number): FailureKind | null {
  if (status === 401 || status === 403 || status === 407) return "credentials";
  if (status >= 300 && status < 400) return "redirect";
  if (status >= 500) return "server";
  if (status >= 400) return "no_api";
  return status === 200 ? null : "not_json";
}

/**
 * A timeout at the server is documented as 503 `timeout` but also occurs as 422 `execution` with
 * "query timed out" in its text (2.53.3), so both count. The error repeats only errorTypes that we
 * list, never the text: it may quote labels.
 */
function toRefusal(status: number, { errorType, error = "" }: z.infer<typeof failure>): PrometheusError {
  const early = statusFailure(status);
  if (early === "credentials") return new PrometheusError(early, `HTTP ${status}`);
  const gaveUp =
    ["timeout", "canceled", "unavailable"].includes(errorType) ||
    /timed out|timeout|canceled|too many samples/i.test(error);
  const known = ["timeout", "canceled", "unavailable", "execution", "bad_data", "internal", "not_found"].includes(
    errorType,
  );
  const kind = gaveUp ? "gave_up" : errorType === "internal" ? "server" : "rejected";
  return new PrometheusError(kind, known ? errorType : `HTTP ${status}`, new UpstreamReply(error));
}

/** One series over a range. */
export interface RangeSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** One for each time of the range; NaN without a finite sample. */
  readonly values: readonly number[];
}

export interface Matrix {
  readonly series: readonly RangeSeries[];
  /** As for a vector. */
  readonly warnings: readonly string[];
}

/**
 * Parses the answer of POST /api/v1/query_range. @throws PrometheusError for anything but a matrix
 */
export function* parseMatrix(status: number, body: string, range: HistoryRange): Steps<Matrix> {
  const { frame, cuts } = yield* cutPoints(body);
  const answer = parseAs(matrixAnswer, yield* openAnswer(status, frame));
  const series: RangeSeries[] = [];
  for (const item of answer.data.result) {
    yield;
    const { metric, values } = parseAs(matrixItem, item);
    const numbers = createNumbers(range);
    const cut = typeof values === "number" ? cuts[values] : undefined;
    if (cut) yield* readPoints(body, cut, numbers, range);
    else setNumbers(numbers, values, range);
    series.push({ labels: metric, values: numbers });
  }
  return { series, warnings: toWarnings(answer) };
}

/** From the first bracket of the first point to after the last one. */
type Cut = readonly [begin: number, end: number];

/**
 * The form that every server of this API writes. It cannot occur in a string: its quotes would be
 * escaped there.
 */
const beforePoints = '"values":[';

/**
 * Points are most of an answer, and as objects they take twenty times the memory of their text. So
 * they are cut out before JSON.parse and read one by one. `frame` is the JSON without them.
 */
function* cutPoints(body: string): Steps<{ readonly frame: string; readonly cuts: readonly Cut[] }> {
  const cuts: Cut[] = [];
  let frame = "";
  let at = 0;
  for (let found = body.indexOf(`${beforePoints}[`); found !== -1; found = body.indexOf(`${beforePoints}[`, at)) {
    const begin = found + beforePoints.length;
    const end = body.indexOf("]]", begin) + 1;
    if (end === 0) break;
    yield;
    frame += `${body.slice(at, found)}"values":${cuts.length}`;
    cuts.push([begin, end]);
    at = end + 1;
  }
  return { frame: frame + body.slice(at), cuts };
}

/** Points that are read in one piece, and characters of any other form. */
const [pieceOfPoints, pieceOfText] = [1000, 65_536];

/**
 * Reads `[unix seconds,"0.64"],[...],...`, with gaps, at the times of the range. Any other form is
 * parsed as JSON.
 */
function* readPoints(body: string, [begin, end]: Cut, numbers: number[], range: HistoryRange): Steps<void> {
  let count = 0;
  for (let at = begin; at < end;) {
    count += 1;
    if (count % pieceOfPoints === 0) yield;
    const comma = body.indexOf(",", at);
    const quote = body.indexOf('"', comma + 2);
    if (body[at] !== "[" || body[comma + 1] !== '"' || body[quote + 1] !== "]") {
      yield* readJson(body, [begin, end], numbers, range);
      return;
    }
    const time = Number(body.slice(at + 1, comma));
    if (Number.isNaN(time)) throw new PrometheusError("not_json");
    setNumber(numbers, range, time, body.slice(comma + 2, quote));
    at = quote + 3;
  }
}

/** In parts of whole points, as long as no text has a bracket: a number has none. */
function* readJson(body: string, [begin, end]: Cut, numbers: number[], range: HistoryRange): Steps<void> {
  numbers.fill(Number.NaN);
  for (let at = begin; at < end;) {
    yield;
    const close = body.indexOf("]", at + pieceOfText);
    const next = close === -1 || close >= end ? end : close + 1;
    const comma = next < end ? body.indexOf(",", next) : end;
    const isWhole = body.slice(next, comma).trim() === "";
    const points = isWhole ? parseJson(`[${body.slice(at, next)}]`) : undefined;
    if (points === undefined) {
      numbers.fill(Number.NaN);
      setNumbers(numbers, parseJson(`[${body.slice(begin, end)}]`), range);
      return;
    }
    setNumbers(numbers, points, range);
    at = comma + 1;
  }
}

function setNumbers(numbers: number[], points: unknown, range: HistoryRange): void {
  if (!Array.isArray(points)) throw new PrometheusError("not_json");
  for (const point of points as unknown[]) {
    const [time, text] = Array.isArray(point) ? (point as unknown[]) : [];
    if (typeof time !== "number" || typeof text !== "string") throw new PrometheusError("not_json");
    setNumber(numbers, range, time, text);
  }
}

function createNumbers({ steps }: HistoryRange): number[] {
  return Array<number>(steps).fill(Number.NaN);
}

function setNumber(numbers: number[], { from, step, steps }: HistoryRange, time: number, text: string): void {
  const index = Math.round((time - from) / step) - 1;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (index >= 0 && index < steps && Number.isFinite(value)) numbers[index] = value;
}
