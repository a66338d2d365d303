import { z } from "zod";
import type { HistoryRange } from "../../domain/queue-history.ts";
import { notices, openAnswer, toWarnings } from "./answer.ts";
import { PrometheusError } from "./failure.ts";

/** One series over a range. */
export interface RangeSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** One for each time of the range; NaN where Prometheus has no sample, or none that is a finite number. */
  readonly values: readonly number[];
}

export interface Matrix {
  readonly series: readonly RangeSeries[];
  /** As of a vector. */
  readonly warnings: readonly string[];
}

/** `values` is the index of a cut, or what stood there otherwise. */
const success = z.object({
  status: z.literal("success"),
  data: z.object({
    resultType: z.literal("matrix"),
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), values: z.unknown() })),
  }),
  warnings: notices,
  infos: notices,
});

/** Reads the answer to POST /api/v1/query_range. @throws PrometheusError for anything but a matrix */
export function parseMatrix(status: number, body: string, range: HistoryRange): Matrix {
  const { frame, cuts } = cutPoints(body);
  const answer = success.safeParse(openAnswer(status, frame));
  if (!answer.success) throw new PrometheusError("not_json");
  return {
    series: answer.data.data.result.map(({ metric, values }) => {
      const cut = typeof values === "number" ? cuts[values] : undefined;
      return { labels: metric, values: cut ? readPoints(body, cut, range) : toNumbers(values, range) };
    }),
    warnings: toWarnings(answer.data),
  };
}

/** From the first bracket of the first point to behind the last one. */
type Cut = readonly [begin: number, end: number];

/** As every server of this API writes it. It cannot stand in a text: there its quotes would be escaped. */
const beforePoints = '"values":[';

/**
 * Points are most of an answer, and as objects they take twenty times the memory of their text. So they are cut out before the JSON is parsed, and read one by
 * one. `frame` is the JSON without them.
 */
function cutPoints(body: string): { readonly frame: string; readonly cuts: readonly Cut[] } {
  const cuts: Cut[] = [];
  let frame = "";
  let at = 0;
  for (let found = body.indexOf(`${beforePoints}[`); found !== -1; found = body.indexOf(`${beforePoints}[`, at)) {
    const begin = found + beforePoints.length;
    const end = body.indexOf("]]", begin) + 1;
    if (end === 0) break;
    frame += `${body.slice(at, found)}"values":${cuts.length}`;
    cuts.push([begin, end]);
    at = end + 1;
  }
  return { frame: frame + body.slice(at), cuts };
}

/** `[unix seconds,"0.64"],[...],...`, with gaps, at the times of the range. What is written in another way is parsed as JSON. */
function readPoints(body: string, [begin, end]: Cut, range: HistoryRange): number[] {
  const numbers = createNumbers(range);
  for (let at = begin; at < end;) {
    const comma = body.indexOf(",", at);
    const quote = body.indexOf('"', comma + 2);
    if (body[at] !== "[" || body[comma + 1] !== '"' || body[quote + 1] !== "]") return readJson(body.slice(begin, end), range);
    const time = Number(body.slice(at + 1, comma));
    if (Number.isNaN(time)) throw new PrometheusError("not_json");
    setNumber(numbers, range, time, body.slice(comma + 2, quote));
    at = quote + 3;
  }
  return numbers;
}

function readJson(points: string, range: HistoryRange): number[] {
  try {
    return toNumbers(JSON.parse(`[${points}]`), range);
  } catch (error) {
    throw new PrometheusError("not_json", "", error);
  }
}

function toNumbers(points: unknown, range: HistoryRange): number[] {
  const numbers = createNumbers(range);
  if (!Array.isArray(points)) throw new PrometheusError("not_json");
  for (const point of points as unknown[]) {
    const [time, text] = Array.isArray(point) ? (point as unknown[]) : [];
    if (typeof time !== "number" || typeof text !== "string") throw new PrometheusError("not_json");
    setNumber(numbers, range, time, text);
  }
  return numbers;
}

function createNumbers({ steps }: HistoryRange): number[] {
  return Array<number>(steps).fill(Number.NaN);
}

function setNumber(numbers: number[], { from, step, steps }: HistoryRange, time: number, text: string): void {
  const index = Math.round((time - from) / step) - 1;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (index >= 0 && index < steps && Number.isFinite(value)) numbers[index] = value;
}
