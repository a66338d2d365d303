import type { Row } from "./database.ts";

/** Numbers that are 0 for a queue without a row. */
const counts = ["depth", "processed", "failures", "failures_recent", "active", "deferred", "retrying", "dead"] as const;
/** Numbers that are null for a queue without a row. Ages and quantiles in seconds; `paused` is 0 or 1. */
const gauges = ["oldest_age", "oldest_run", "wait_p50", "wait_p95", "run_p50", "run_p95", "paused", "workers"] as const;
/** Counters that only grow, for systems whose rows vanish: their samples give the numbers of a window. */
const totals = ["processed_total", "failures_total"] as const;

type Count = (typeof counts)[number];
export type Measure = Count | (typeof gauges)[number] | (typeof totals)[number];

/** A query with the column `queue` (text; rows without one are ignored) and a column for each measure. */
export interface Reading {
  readonly measures: readonly Measure[];
  readonly sql: string;
  /** SQL for the counts of a queue without a row: a number, or null (unknown). It may depend on the existing rows. @default 0 */
  readonly absent?: string;
  /** The same rows in one scan, for when the planner finds no index for `sql`. */
  readonly plain?: string;
  /** `sql` costs this many times less than the planner estimates. @default 1 */
  readonly costCorrection?: number;
}

/** The measures of one queue. */
export type Measured = { readonly [M in Measure]?: number | null };

/**
 * All readings as one statement: one snapshot, so that no job is counted twice, and one timeout. Rows {queue, measure, n}; those without a queue hold the values
 * of a queue without a row.
 */
export function uniteReadings(readings: readonly Reading[]): string {
  return readings
    .flatMap(({ measures, sql, absent }, index) => {
      const alias = `reading_${index}`;
      // Text preserves the digits of a number; counts stay below 2^53.
      const values = measures.map((measure) => `('${measure}', ${alias}.${measure}::float8)`).join(", ");
      const rows = `select ${alias}.queue, item.measure, item.n::text as n from (${sql}) as ${alias}
cross join lateral (values ${values}) as item (measure, n) where ${alias}.queue is not null`;
      if (absent === undefined) return [rows];
      return [rows, ...measures.filter(isCount).map((measure) => `select null::text, '${measure}', (${absent})::text`)];
    })
    .join("\nunion all\n");
}

/** The measures of all queues. */
export interface MeasuredQueues {
  /** The values of a queue without a row. */
  readonly nothing: Measured;
  readonly measured: ReadonlyMap<string, Measured>;
}

/** The rows of united readings, by queue. */
export function toMeasured(rows: readonly Row[], readings: readonly Reading[]): MeasuredQueues {
  const nothing: Numbers = { ...measuredNothing(readings) };
  for (const { queue, measure, n } of rows) if (queue === null) nothing[measure as Measure] = toNumber(n);
  const measured = new Map<string, Numbers>();
  for (const { queue, measure, n } of rows) {
    if (queue === null || queue === undefined) continue;
    const own = measured.get(queue) ?? { ...nothing };
    measured.set(queue, own);
    own[measure as Measure] = toNumber(n);
  }
  return { nothing, measured };
}

type Numbers = Partial<Record<Measure, number | null>>;

/** Null also for values that are not finite, such as an age since '-infinity'. */
export function toNumber(n: string | null | undefined): number | null {
  return n === null || n === undefined || !Number.isFinite(Number(n)) ? null : Number(n);
}

/** Combines the values of two parts: the larger for the oldest age, else the sum. Quantiles cannot be combined. */
export function addUp(measure: Measure, a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return measure === "oldest_age" ? Math.max(a, b) : a + b;
}

/** Values of a queue without a row: 0 for the counts that were read, null for other measures that were read, absent for the rest. */
export function measuredNothing(readings: readonly Reading[]): Measured {
  const measures = readings.flatMap((reading) => reading.measures);
  return Object.fromEntries(measures.map((measure) => [measure, isCount(measure) ? 0 : null]));
}

function isCount(measure: Measure): boolean {
  return (counts as readonly Measure[]).includes(measure);
}
