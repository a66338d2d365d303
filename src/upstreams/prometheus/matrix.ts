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

/** Points are many: `toNumbers` looks at each, in a tenth of the time. */
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
  const answer = success.safeParse(openAnswer(status, body));
  if (!answer.success) throw new PrometheusError("not_json");
  return {
    series: answer.data.data.result.map(({ metric, values }) => ({ labels: metric, values: toNumbers(values, range) })),
    warnings: toWarnings(answer.data),
  };
}

/** `[[unix seconds, "0.64"], ...]`, with gaps, at the times of the range. */
function toNumbers(points: unknown, { from, step, steps }: HistoryRange): number[] {
  const numbers = Array.from({ length: steps }, () => Number.NaN);
  if (!Array.isArray(points)) throw new PrometheusError("not_json");
  for (const point of points as unknown[]) {
    const [time, text] = Array.isArray(point) ? (point as unknown[]) : [];
    if (typeof time !== "number" || typeof text !== "string") throw new PrometheusError("not_json");
    const index = Math.round((time - from) / step) - 1;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (index >= 0 && index < steps && Number.isFinite(value)) numbers[index] = value;
  }
  return numbers;
}
