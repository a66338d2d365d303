/** Numbers of which a queue without a row has none: 0. */
const counts = ["depth", "processed", "failures", "active", "deferred", "retrying", "dead"] as const;
/** Numbers that a queue without a row does not have: null. Ages and quantiles in seconds; `paused` is 0 or 1. */
const gauges = ["oldest_age", "wait_p50", "wait_p95", "run_p50", "run_p95", "paused", "workers"] as const;
/** Counters since some beginning, for systems whose rows vanish: the windows are made from samples of them. */
const totals = ["processed_total", "failures_total"] as const;

type Count = (typeof counts)[number];
export type Measure = Count | (typeof gauges)[number] | (typeof totals)[number];

/** A query with the column `queue` (text; rows without one are left out) and one column for each of its measures. */
export interface Reading {
  readonly measures: readonly Measure[];
  readonly sql: string;
}

/** What one queue was read to have. */
export type Measured = { readonly [M in Measure]?: number | null };

/** All readings as one statement: one snapshot, so that no job is counted twice, and one timeout for all. Rows {queue, measure, n}. */
export function uniteReadings(readings: readonly Reading[]): string {
  return readings
    .map(({ measures, sql }, index) => {
      const alias = `reading_${index}`;
      // A number as text keeps its digits; counts stay below 2^53.
      const values = measures.map((measure) => `('${measure}', ${alias}.${measure}::float8)`).join(", ");
      return `select ${alias}.queue, item.measure, item.n::text as n from (${sql}) as ${alias}
cross join lateral (values ${values}) as item (measure, n) where ${alias}.queue is not null`;
    })
    .join("\nunion all\n");
}

/** What a queue has without a row: 0 for the counts that were read, null for what was read otherwise, nothing for what was not. */
export function measuredNothing(readings: readonly Reading[]): Measured {
  const measures = readings.flatMap((reading) => reading.measures);
  const zero = new Set<Measure>(counts);
  return Object.fromEntries(measures.map((measure) => [measure, zero.has(measure) ? 0 : null]));
}
