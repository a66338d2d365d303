import type { Row } from "./database.ts";

/** Numbers of which a queue without a row has none: 0. */
const counts = ["depth", "processed", "failures", "failures_recent", "active", "deferred", "retrying", "dead"] as const;
/** Numbers that a queue without a row does not have: null. Ages and quantiles in seconds; `paused` is 0 or 1. */
const gauges = ["oldest_age", "oldest_run", "wait_p50", "wait_p95", "run_p50", "run_p95", "paused", "workers"] as const;
/** Counters since some beginning, for systems whose rows vanish: the windows are made from samples of them. */
const totals = ["processed_total", "failures_total"] as const;

type Count = (typeof counts)[number];
export type Measure = Count | (typeof gauges)[number] | (typeof totals)[number];

/** A query with the column `queue` (text; rows without one are left out) and one column for each of its measures. */
export interface Reading {
  readonly measures: readonly Measure[];
  readonly sql: string;
  /** SQL for what its counts are for a queue without a row, a number or null (unknown). Told by the rows that are there, for example. @default 0 */
  readonly absent?: string;
  /** The same rows in one scan: what to run where the planner finds no index for `sql`. */
  readonly plain?: string;
  /** `sql` costs so many times less than the planner thinks. @default 1 */
  readonly costCorrection?: number;
}

/** What one queue was read to have. */
export type Measured = { readonly [M in Measure]?: number | null };

/**
 * All readings as one statement: one snapshot, so that no job is counted twice, and one timeout for all. Rows {queue, measure, n}; those without a queue tell
 * what a queue without a row has.
 */
export function uniteReadings(readings: readonly Reading[]): string {
  return readings
    .flatMap(({ measures, sql, absent }, index) => {
      const alias = `reading_${index}`;
      // A number as text keeps its digits; counts stay below 2^53.
      const values = measures.map((measure) => `('${measure}', ${alias}.${measure}::float8)`).join(", ");
      const rows = `select ${alias}.queue, item.measure, item.n::text as n from (${sql}) as ${alias}
cross join lateral (values ${values}) as item (measure, n) where ${alias}.queue is not null`;
      if (absent === undefined) return [rows];
      return [rows, ...measures.filter(isCount).map((measure) => `select null::text, '${measure}', (${absent})::text`)];
    })
    .join("\nunion all\n");
}

/** What was read of all queues. */
export interface MeasuredQueues {
  /** What a queue has without a row. */
  readonly nothing: Measured;
  readonly measured: ReadonlyMap<string, Measured>;
}

/** The rows of united readings by queue. */
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

/** Null also of what is not finite, such as an age since '-infinity'. */
export function toNumber(n: string | null | undefined): number | null {
  return n === null || n === undefined || !Number.isFinite(Number(n)) ? null : Number(n);
}

/** The number of a whole from those of its parts: their sum; of ages the largest. Of quantiles there is none. */
export function addUp(measure: Measure, a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return measure === "oldest_age" ? Math.max(a, b) : a + b;
}

/** What a queue has without a row: 0 for the counts that were read, null for what was read otherwise, nothing for what was not. */
export function measuredNothing(readings: readonly Reading[]): Measured {
  const measures = readings.flatMap((reading) => reading.measures);
  return Object.fromEntries(measures.map((measure) => [measure, isCount(measure) ? 0 : null]));
}

function isCount(measure: Measure): boolean {
  return (counts as readonly Measure[]).includes(measure);
}
