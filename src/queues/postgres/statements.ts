import type { Row } from "../../lib/postgres/pool.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import type { JobAction } from "../jobs/control.ts";
import type { TableName } from "./names.ts";

/** Numbers that are 0 for a queue without a row. */
const counts = ["depth", "processed", "failures", "failures_recent", "active", "deferred", "retrying", "dead"] as const;
/**
 * Numbers that are null for a queue without a row. Ages and quantiles in seconds; `paused` is 0 or
 * 1.
 */
const gauges = [
  "oldest_age",
  "oldest_run",
  "wait_p50",
  "wait_p95",
  "run_p50",
  "run_p95",
  "paused",
  "workers",
  "failures_seen",
  "failures_seen_recent",
  "taken_age",
  "running_ids",
] as const;
/**
 * Counters that only grow, for systems that delete rows: samples of them give the numbers of a
 * window.
 */
const totals = ["processed_total", "failures_total"] as const;

type Count = (typeof counts)[number];
export type Measure = Count | (typeof gauges)[number] | (typeof totals)[number];

/** One way to get the same rows. */
export interface Candidate {
  readonly sql: string;
  /** It costs this many times less than the planner estimates. @default 1 */
  readonly costCorrection?: number;
}

/**
 * A query with the column `queue` (text; rows without one are ignored) and a column for each
 * measure.
 */
export interface Reading extends Candidate {
  readonly measures: readonly Measure[];
  /**
   * SQL for the counts of a queue without a row: a number, or null (unknown). It may depend on the
   * existing rows. @default 0
   */
  readonly absent?: string;
  /** The same rows in one scan, for when the planner finds no index for `sql`. */
  readonly fallbackSql?: string;
}

/** The measures of one queue. */
export type Measured = { readonly [M in Measure]?: number | null };

/**
 * Unites all readings in one statement: one snapshot, so that no job is counted twice, and one
 * timeout. It returns {queue, measure, n}; rows without a queue hold the values of a queue without
 * a row.
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
  readonly zeroRow: Measured;
  readonly measured: ReadonlyMap<string, Measured>;
}

/** The rows of united readings, by queue. */
export function toMeasured(rows: readonly Row[], readings: readonly Reading[]): MeasuredQueues {
  const zeroRow: Numbers = { ...toZeroRow(readings) };
  for (const { queue, measure, n } of rows) if (queue === null) zeroRow[measure as Measure] = toNumber(n);
  const measured = new Map<string, Numbers>();
  for (const { queue, measure, n } of rows) {
    if (queue === null || queue === undefined) continue;
    const own = measured.get(queue) ?? { ...zeroRow };
    measured.set(queue, own);
    own[measure as Measure] = toNumber(n);
  }
  return { zeroRow, measured };
}

type Numbers = Partial<Record<Measure, number | null>>;

/** Null also for values that are not finite, such as an age since '-infinity'. */
export function toNumber(n: string | null | undefined): number | null {
  return n === null || n === undefined || !Number.isFinite(Number(n)) ? null : Number(n);
}

/**
 * Combines the values of two parts: the larger for the oldest age, else the sum. Quantiles cannot
 * be combined.
 */
export function addUp(measure: Measure, a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return measure === "oldest_age" ? Math.max(a, b) : a + b;
}

/**
 * Values of a queue without a row: 0 for the counts that were read, null for other measures that
 * were read, absent for the rest.
 */
export function toZeroRow(readings: readonly Reading[]): Measured {
  const measures = readings.flatMap((reading) => reading.measures);
  return Object.fromEntries(measures.map((measure) => [measure, isCount(measure) ? 0 : null]));
}

function isCount(measure: Measure): boolean {
  return (counts as readonly Measure[]).includes(measure);
}

/** The measures of all queues, as they were read. */
export interface ReadMeasures extends MeasuredQueues {
  /** When its oldest part was read, RFC 3339 UTC with seconds. */
  readonly observedAt: string;
  /** False when it is not one snapshot. */
  readonly exact: boolean;
}

/** Reads with one statement: one snapshot. */
export async function readMeasures(readings: readonly Reading[], read: ReadRows): Promise<ReadMeasures> {
  const observedAt = formatRfc3339(Date.now());
  return { ...toMeasured(await read(uniteReadings(readings)), readings), observedAt, exact: true };
}

/** The ways to read the same data; the last has the fewest scans. */
export function toWays(reading: Reading): readonly Reading[] {
  const { fallbackSql, ...rest } = reading;
  return fallbackSql === undefined ? [reading] : [reading, { ...rest, sql: fallbackSql, costCorrection: 1 }];
}

/** An index that a kind's statements need. */
export interface IndexAdvice {
  readonly table: TableName;
  /** What the index serves, in plain words. */
  readonly serves: string;
  /** The end of the index's name, after the table's name. */
  readonly suffix: string;
  /** What follows the table in `create index`: columns and condition. */
  readonly definition: string;
  /** The read that uses it, as alternative statements. */
  readonly reading: readonly Candidate[];
  /** A query for the rows that the read must visit. */
  readonly rows: string;
}

/** How to read a table part by part, where a whole scan would take too long. */
export interface TableParts {
  readonly table: TableName;
  /**
   * One reading of the given measures that add up. `condition` is on `job`, the alias of the table.
   */
  readonly reading: (measures: readonly Measure[], condition: string) => Reading;
  /** The failures, as `SqlStatements` has them. */
  readonly failures: (condition: string) => string;
  /**
   * What the rows of the table do not hold, read as a whole and added to the parts: the same
   * measures for all queues, and the failures. A null count makes the sum unknown, whatever the
   * parts hold. Absent where the rows hold everything.
   */
  readonly rest?: { readonly reading: Reading; readonly failures: string };
}

/** Limits for plans that would scan a huge table. */
export interface HeavyOptions {
  /** As `heavyCost`. */
  readonly cost?: number;
  /** How long a choice is cached, milliseconds: statistics and indexes change. @default 300000 */
  readonly againMs?: number;
  /** How long all statements count as heavy after one timed out, milliseconds. @default 60000 */
  readonly distrustMs?: number;
  /**
   * Time between the starts of two runs, milliseconds; at least twice as long as the last run took.
   * @default 60000
   */
  readonly everyMs?: number;
  /** How long a caller without a result waits for a run, milliseconds. @default 8000 */
  readonly waitMs?: number;
  /** Pages of the first part. @default firstChunkPages */
  readonly firstPages?: number;
}

/** How the running jobs of a system are found. */
export interface RunningQuery {
  /** A query for them: queue, id, kind, started_at, worker (all text but the time). */
  readonly jobs: string;
  /** The host that `worker` names, else null. @default "worker" */
  readonly host?: string;
  /** When the worker was last seen alive with the job. @default "started_at" */
  readonly aliveAt?: string;
  /** The condition that `worker` is on one of these hosts. @default it is one of them */
  readonly isOn?: (hosts: readonly string[]) => string;
  /**
   * The condition that `worker` names a host, so that it can be on no other. @default it is not
   * empty
   */
  readonly isNamed?: (hosts: readonly string[]) => string;
}

/** The queries of a job system. `sql.ts` makes statements from them. */
export interface SqlStatements {
  readonly readings: readonly Reading[];
  /**
   * The failures of the last hour, as `groupFailures` takes them; null where the system records no
   * errors.
   */
  readonly failures: string | null;
  /**
   * For each action, the failures whose jobs it would change; absent where jobs cannot be changed.
   */
  readonly failedJobs?: Readonly<Record<JobAction, string>>;
  /**
   * Whether the numbers rest on an assumption, such as the time zone of a column; they are then not
   * exact. @default false
   */
  readonly isAssumed?: boolean;
  /**
   * Length to which the system itself cuts its error texts, characters; absent where it does not.
   */
  readonly errorLimit?: number;
  /** Absent where the rows do not name workers. */
  readonly running?: RunningQuery;
  /**
   * Queue and run time (`run`, seconds) of as many of the newest successes as an index finds
   * quickly; absent where the rows hold no run times.
   */
  readonly usualRuns?: string;
  /** How to read the table part by part where it needs a scan; absent where that is impossible. */
  readonly parts?: TableParts;
}

/** Reads one statement; rejects as `Database.read` does. */
export type ReadRows = (statement: string) => Promise<readonly Row[]>;
