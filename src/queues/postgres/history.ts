import type { Row } from "../../lib/postgres/pool.ts";
import { abortable } from "../../lib/abort.ts";
import type { ReadBudget } from "../../lib/budget/budget.ts";
import { OpsError } from "../../lib/errors.ts";
import type { HistoryRange } from "../../lib/range.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import { checkPoints, type HistoryStep, mostPoints, type QueueHistory, toPoints } from "../history.ts";
import type { Database } from "./database.ts";
import { isOneOf } from "./names.ts";
import { explain, toCost, toPlan } from "./planner.ts";
import { secondsBetween } from "./sql.ts";
import { type ReadRows, toNumber } from "./statements.ts";

/** Queries for the rows of a history. Each row has `queue` (text). */
export interface HistoryRows {
  /**
   * Jobs that ended in the range or later, or have not ended: queue, due (when it could run; null where unknown), taken, ended (null where still to come),
   * succeeded, retried (it was taken before, and the row no longer has when it could run then). A job that never ran was taken when it ended. One taken before it
   * was due never waited.
   */
  readonly jobs: string;
  /** Failures in the range or later: queue, failed_at. */
  readonly failures: string;
  /** A scalar: when the oldest success that still has a row ended. Nothing is known of successes before it. */
  readonly oldest: string;
  /** Whether the system leaves rows in place: no row then means no success. Where it deletes rows, nothing is known without one. @default false */
  readonly keeps?: boolean;
  /** Whether the rows of ended jobs have no start: one that ran and failed then looks like one that never ran. @default false */
  readonly hidesStarts?: boolean;
  /** As `SqlStatements.isAssumed`. */
  readonly isAssumed?: boolean;
  /** The statement costs this many times less than the planner estimates. @default 1 */
  readonly costCorrection?: number;
}

/** Makes a condition on a row's queue column: it is one of the requested queues. */
type ToQueueCondition = (column: string) => string;

/** The column `host`, after a comma; empty where it is not needed, as hosts take time to compute. */
type ToHostColumn = (host: string) => string;

/**
 * Makes a kind's queries; `from` is a timestamp with time zone in SQL. It may read the schema first.
 * Where rows name the workers of ended jobs, the rows of both queries end with `withHost`: the host
 * on which the last attempt ran, or the one that failed.
 */
export type ToHistoryRows = (
  isAsked: ToQueueCondition,
  from: string,
  read: ReadRows,
  withHost: ToHostColumn,
) => HistoryRows | Promise<HistoryRows>;

/** Jobs in a range, at most. More take longer than a statement may run, and too much memory. */
const mostRows = 1_000_000;
/** Highest cost of a statement, in the planner's units: what fits into its timeout. */
const mostCost = 400_000;

/**
 * Reads the past of queues from rows. Rejects as `read` does, and with query_refused or answer_too_large.
 *
 * @param hosts only what ended on these hosts, and so no depth; null: everything
 */
export async function readHistory(
  read: ReadRows,
  toRows: ToHistoryRows,
  queues: readonly string[] | null,
  range: HistoryRange,
  budget: Pick<ReadBudget, "turn">,
  hosts: readonly string[] | null = null,
): Promise<ReadonlyMap<string, QueueHistory>> {
  const toQueueCondition = (column: string) => (queues === null ? `${column} is not null` : isOneOf(column, queues));
  if (queues?.length === 0 || hosts?.length === 0) return new Map();
  const withHost = (host: string) => (hosts === null ? "" : `, ${host} as host`);
  const history = await toRows(toQueueCondition, toSqlTime(range.from), read, withHost);
  const statement = historyStatement(hosts === null ? history : onHosts(history, hosts), range);
  const advice = "choose a shorter range, or add the indexes that `wallet-core-ops indexes` prints";
  const rows = await readCheap(read, statement, advice, history.costCorrection);
  const [first] = rows;
  if (Number(first?.["jobs"]) > mostRows) {
    throw new OpsError(
      "query_refused",
      `The range holds more than ${mostRows} jobs: choose a shorter one, or fewer queues`,
    );
  }
  const found = new Set([...rows.flatMap(({ queue }) => queue ?? []), ...(queues ?? [])]);
  checkPoints(Math.max(rows.length, found.size * range.steps));
  const since = toSince(toEpoch(first?.["oldest"]), history, range);
  const steps = new Map<string, HistoryStep[]>(queues?.map((queue) => [queue, []]));
  for (const row of rows) {
    const { queue } = row;
    if (queue === null || queue === undefined) continue;
    const own = steps.get(queue) ?? [];
    steps.set(queue, own);
    own.push(toStep(row));
  }
  const histories = new Map<string, QueueHistory>();
  for (const [queue, happened] of steps) {
    await budget.turn();
    const points = toPoints(range, happened, since);
    histories.set(queue, {
      points: hosts === null ? points : points.map((point) => ({ ...point, depth: null, oldestAgeSeconds: null })),
      exact: history.isAssumed !== true && happened.every(({ retried = 0 }) => retried === 0),
      sampled: false,
      since: since === null ? null : formatRfc3339(Math.floor(since) * 1000),
    });
  }
  return histories;
}

function onHosts(history: HistoryRows, hosts: readonly string[]): HistoryRows {
  const select = (rows: string) => `select * from (${rows}) as hosted where ${isOneOf("host", hosts)}`;
  return { ...history, jobs: select(history.jobs), failures: select(history.failures) };
}

/** Since when the past is known, unix seconds; null where that is before the range, the end of the range where nothing is known. */
function toSince(oldest: number | null, { keeps }: HistoryRows, { from, step, steps }: HistoryRange): number | null {
  if (oldest === null) return keeps ? null : from + steps * step;
  return oldest > from ? oldest : null;
}

/** Reads a statement that fits into its timeout, by its plan; else rejects with query_refused. */
export async function readCheap(
  read: ReadRows,
  statement: string,
  advice: string,
  costCorrection = 1,
): Promise<readonly Row[]> {
  if (toCost(toPlan(await read(explain(statement)))) / costCorrection > mostCost)
    throw new OpsError("query_refused", `This would read too much of a huge table: ${advice}`);
  return read(statement);
}

function toSqlTime(unix: number): string {
  return `to_timestamp(${unix})`;
}

/** One row for each queue and step in which something happened. Each has `jobs` and `oldest`; there is at least one row. */
function historyStatement(
  { jobs, failures, oldest, hidesStarts = false }: HistoryRows,
  { from, step, steps }: HistoryRange,
): string {
  const [begin, to] = [toSqlTime(from), toSqlTime(from + steps * step)];
  const stepOf = (time: string) => `greatest(0, ceil((extract(epoch from ${time}) - ${from}) / ${step}))::bigint`;
  // Taken when it ended means that its start is not recorded.
  const run = `case when taken < ended then ${secondsBetween("taken", "ended")} end`;
  // One that was given up before it ran did not wait for a worker.
  const waited = hidesStarts ? "true" : "ended is null or succeeded or taken < ended";
  const wait = `case when ${waited} then ${secondsBetween("due", "taken")} end`;
  const event = (time: string, values: string, rows: string) =>
    `select queue, ${stepOf(time)} as step, ${values} from ${rows}`;
  return `
with job as materialized (select * from (${jobs}) as listed limit ${mostRows + 1}),
event as (
  select queue, ${stepOf("due")} as step, 1 as due, 0 as taken, 0 as processed, 0 as failures, null::float8 as wait, null::float8 as run, 0 as undated, 0 as retried, null::timestamptz as since
  from job where due <= ${to} and (taken is null or taken >= due)
  union all
  ${event("taken", `0, 1, 0, 0, ${wait}, null, 0, 0, due`, `job where taken <= ${to} and taken >= due`)}
  union all
  select queue, ${steps + 1}, 0, 0, 0, 0, null, null, 0, 0, due from job where due <= ${to} and (taken is null or taken > ${to})
  union all
  ${event("ended", `0, 0, 1, 0, null, ${run}, 0, 0, null`, `job where succeeded and ended > ${begin} and ended <= ${to}`)}
  union all
  ${event("failed_at", "0, 0, 0, 1, null, null, 0, 0, null", `(${failures}) as failure where failed_at > ${begin} and failed_at <= ${to}`)}
  union all
  select queue, 0, 0, 0, 0, 0, null, null, (due is null)::int, retried::int, null from job where due is null or retried
),
happened as (
  select queue, step, sum(due) as due, sum(taken) as taken, sum(processed) as processed, sum(failures) as failures, sum(undated) as undated, sum(retried) as retried,
         percentile_cont(0.5) within group (order by wait) as wait_p50, percentile_cont(0.95) within group (order by wait) as wait_p95,
         percentile_cont(0.95) within group (order by run) as run_p95,
         extract(epoch from min(since)) as oldest_due
  from event group by queue, step limit ${mostPoints + 1}
)
select happened.*, whole.jobs, whole.oldest
from (select (select count(*) from job) as jobs, extract(epoch from (${oldest})) as oldest) as whole left join happened on true`;
}

function toStep(row: Row): HistoryStep {
  const count = (name: string) => Number(row[name]);
  return {
    step: count("step"),
    due: count("due"),
    taken: count("taken"),
    processed: count("processed"),
    failures: count("failures"),
    undated: count("undated"),
    retried: count("retried"),
    waitP50: toNumber(row["wait_p50"]),
    waitP95: toNumber(row["wait_p95"]),
    runP95: toNumber(row["run_p95"]),
    oldestDue: toEpoch(row["oldest_due"]),
  };
}

/** PostgreSQL has a time before all others: -Infinity. */
function toEpoch(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}

/** Time for the wait and the read together. Grafana itself gives up after 30 s. */
const deadlineMs = 25_000;
/** More cannot be served in time, and each holds a place of the edge (http/limits.ts) while it waits. */
const mostWaiting = 60;

/**
 * Reads histories one at a time for each database, over all its sources. Otherwise a few viewers of one dashboard would keep all connections busy. Rejects with
 * the signal's reason, a TimeoutError, overloaded when too many wait, or the error of `work`.
 */
export async function inTurn<T>(
  database: Database,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const limit = database.limits.histories;
  if (limit.pendingCount >= mostWaiting) {
    throw new OpsError("overloaded", "Too many histories are waiting to be read: try again soon");
  }
  const limited = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  const result = limit(async () => {
    // Skip the read if the caller left while waiting.
    limited.throwIfAborted();
    return work(limited);
  });
  return abortable(result, limited);
}
