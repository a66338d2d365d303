import { setImmediate } from "node:timers/promises";
import type { Row } from "../../lib/postgres/pool.ts";
import { abortable } from "../../lib/abort.ts";
import { createSingleFlight } from "../../lib/cache.ts";
import { describe } from "../../lib/postgres/errors.ts";
import type { ReadBudget } from "../../lib/budget/budget.ts";
import { OpsError } from "../../lib/errors.ts";
import type { HistoryRange } from "../../lib/range.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import type { EndedOnHost } from "../queue.ts";
import { checkPoints, type HistoryStep, mostPoints, type QueueHistory, toPoints } from "../history.ts";
import type { Database } from "./database.ts";
import { isOneOf, quoteLiteral } from "./names.ts";
import { explain, toCost, toPlan } from "./planner.ts";
import { secondsBetween } from "./sql.ts";
import { type ReadRows, toNumber } from "./statements.ts";

/** Queries for the rows of a history. Each row has `queue` (text). */
export interface HistoryRows {
  /**
   * Jobs that ended in the range or later, or have not ended. Columns: queue, due (when it became
   * runnable; null where unknown), taken and ended (null if still to come), succeeded, retried (it
   * was taken before, but the row no longer shows when it was runnable then). A job that never ran
   * counts as taken when it ended. A job taken before it was due did not wait.
   */
  readonly jobs: string;
  /** Failures in the range or later. Columns: queue, failed_at. */
  readonly failures: string;
  /**
   * A scalar: the end of the oldest success that still has a row. Earlier successes are unknown.
   */
  readonly oldest: string;
  /**
   * Whether the system leaves rows in place, so that no row means no success. Where it deletes
   * rows, nothing is known without one. @default false
   */
  readonly keeps?: boolean;
  /**
   * Whether the rows of ended jobs have no start, so that a job that ran and failed looks like one
   * that never ran. @default false
   */
  readonly hidesStarts?: boolean;
  /** As `SqlStatements.isAssumed`. */
  readonly isAssumed?: boolean;
  /**
   * Makes the SQL expression of the host in a worker's name; null for null. @default the name
   * itself
   */
  readonly toHost?: (worker: string) => string;
  /** The statement costs this many times less than the planner estimates. @default 1 */
  readonly costCorrection?: number;
}

/** Makes a condition on a row's queue column: it is one of the requested queues. */
type ToQueueCondition = (column: string) => string;

/** Makes the SQL of the column `worker` (text), after a comma; empty where it is not needed. */
export type ToWorkerColumn = (worker: string) => string;

/**
 * Makes a kind's queries; `from` is a timestamp with time zone in SQL. It may read the schema
 * first. Where rows name the workers of ended jobs, the rows of both queries end with `withWorker`:
 * the worker of the last attempt, or of the failed one, by its stored name. Hosts are computed from
 * the distinct names only, since matching a pattern costs more than the rest of a row.
 */
export type ToHistoryRows = (
  isAsked: ToQueueCondition,
  from: string,
  read: ReadRows,
  withWorker: ToWorkerColumn,
) => HistoryRows | Promise<HistoryRows>;

/**
 * The maximum number of jobs in a range. More take longer than a statement may run, and too much
 * memory.
 */
const mostRows = 1_000_000;
/** Highest cost of a statement, in the planner's units: what fits into its timeout. */
const mostCost = 400_000;

/** A requested history. */
export interface HistoryQuestion {
  /** Null: all queues that had a job in the range. */
  readonly queues: readonly string[] | null;
  readonly range: HistoryRange;
  /** Only jobs that ended on these hosts, so without depth; null for all jobs. */
  readonly hosts: readonly string[] | null;
}

/**
 * Reads the past of queues from rows, with one statement for all questions. If there are several
 * questions, each must name its queues, and either all or none must name hosts. Rejects as `read`
 * does, and with query_refused or answer_too_large.
 */
export async function readHistories(
  read: ReadRows,
  toRows: ToHistoryRows,
  questions: readonly HistoryQuestion[],
  budget: Pick<ReadBudget, "turn">,
): Promise<readonly ReadonlyMap<string, QueueHistory>[]> {
  const isEach = questions.some(({ queues }) => queues === null);
  const names = isEach ? null : [...new Set(questions.flatMap(({ queues }) => queues ?? []))];
  const areHosted = questions.some(({ hosts }) => hosts !== null);
  if (names?.length === 0 || (areHosted && questions.every(({ hosts }) => hosts?.length === 0)))
    return questions.map(() => new Map());
  const toQueueCondition: ToQueueCondition = (column) => (names === null ? isPresent(column) : isOneOf(column, names));
  const withWorker: ToWorkerColumn = (worker) => (areHosted ? toWorkerColumn(worker) : "");
  const from = Math.min(...questions.map(({ range }) => range.from));
  const history = await toRows(toQueueCondition, toSqlTime(from), read, withWorker);
  const statement = historyStatement(history, questions);
  const advice = "choose a shorter range, or add the indexes that `wallet-core-ops indexes` prints";
  const rows = await readCheap(read, statement, advice, history.costCorrection);
  const [first] = rows;
  if (Number(first?.["jobs"]) > mostRows) {
    throw new OpsError(
      "query_refused",
      `The range holds more than ${mostRows} jobs: choose a shorter one, or fewer queues`,
    );
  }
  const byQuestion = Map.groupBy(rows, ({ question }) => Number(question));
  const stepsOf = questions.map(({ queues }, index) => {
    const steps = new Map<string, HistoryStep[]>(queues?.map((queue) => [queue, []]));
    for (const row of byQuestion.get(index) ?? []) {
      const { queue } = row;
      if (queue === null || queue === undefined) continue;
      const own = steps.get(queue) ?? [];
      steps.set(queue, own);
      own.push(toStep(row));
    }
    return steps;
  });
  const points = questions.reduce((sum, { range }, index) => sum + (stepsOf[index]?.size ?? 0) * range.steps, 0);
  checkPoints(Math.max(rows.length, points));
  const oldest = toEpoch(first?.["oldest"]);
  const answers: ReadonlyMap<string, QueueHistory>[] = [];
  for (const [index, { range, hosts }] of questions.entries()) {
    const since = toSince(oldest, history, range);
    const histories = new Map<string, QueueHistory>();
    for (const [queue, happened] of stepsOf[index] ?? []) {
      await budget.turn();
      const all = toPoints(range, happened, since);
      histories.set(queue, {
        points: hosts === null ? all : all.map((point) => ({ ...point, depth: null, oldestAgeSeconds: null })),
        exact: history.isAssumed !== true && happened.every(({ retried = 0 }) => retried === 0),
        sampled: false,
        since: since === null ? null : formatRfc3339(Math.floor(since) * 1000),
      });
    }
    answers.push(histories);
  }
  return answers;
}

/**
 * Reads on which hosts the jobs of each queue ended since a time, unix seconds. Rejects as
 * `readHistories` does.
 */
export async function readWorkersSince(
  read: ReadRows,
  toRows: ToHistoryRows,
  from: number,
): Promise<readonly EndedOnHost[]> {
  const history = await toRows(isPresent, toSqlTime(from), read, toWorkerColumn);
  const { jobs, failures, toHost = toItself, costCorrection } = history;
  const statement = `
select queue, ${toHost("worker")} as host, extract(epoch from max(ended)) as last_at
from (
  select queue, worker, max(ended) as ended from (${jobs}) as job group by 1, 2
  union all
  select queue, worker, max(failed_at) from (${failures}) as failure group by 1, 2
) as worked group by 1, 2 limit ${mostWorked}`;
  const rows = await readCheap(
    read,
    statement,
    "add the indexes that `wallet-core-ops indexes` prints",
    costCorrection,
  );
  if (rows.length >= mostWorked) throw new OpsError("query_refused", "Too many workers have ended jobs lately");
  return rows.map((row) => ({
    queue: row["queue"] ?? "",
    host: row["host"] ?? null,
    lastAt: toEpoch(row["last_at"]),
  }));
}

const isPresent: ToQueueCondition = (column) => `${column} is not null`;
const toWorkerColumn: ToWorkerColumn = (worker) => `, ${worker} as worker`;
const toItself = (worker: string) => worker;

/** The maximum number of pairs of queue and host. */
const mostWorked = 20_000;

/**
 * The time from which the past is known, unix seconds; null if that is before the range, the end of
 * the range if nothing is known.
 */
function toSince(oldest: number | null, { keeps }: HistoryRows, { from, step, steps }: HistoryRange): number | null {
  if (oldest === null) return keeps ? null : from + steps * step;
  return oldest > from ? oldest : null;
}

/** Runs a statement if its plan fits into the timeout; else rejects with query_refused. */
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

/** SQL for the step of a question's range that a time falls into. */
function stepOf(time: string): string {
  return `greatest(0, ceil((extract(epoch from ${time}) - range_from) / range_step))::bigint`;
}

/**
 * Makes the statement for one row per question, queue and step in which something happened. Each
 * row has `jobs` and `oldest`; there is always at least one.
 */
function historyStatement(
  { jobs, failures, oldest, hidesStarts = false, toHost = toItself }: HistoryRows,
  questions: readonly HistoryQuestion[],
): string {
  // If a job was taken when it ended, its start is not recorded.
  const run = `case when taken < ended then ${secondsBetween("taken", "ended")} end`;
  // A job that ended without running did not wait for a worker.
  const waited = hidesStarts ? "true" : "ended is null or succeeded or taken < ended";
  const wait = `case when ${waited} then ${secondsBetween("due", "taken")} end`;
  const event = (time: string, values: string, rows: string) =>
    `select question, queue, ${stepOf(time)} as step, ${values} from ${rows}`;
  const asked = questions.flatMap(({ queues, range: { from, step, steps } }, index) =>
    (queues ?? [null]).map((queue) => {
      const name = queue === null ? "null" : quoteLiteral(queue);
      const [begin, end] = [toSqlTime(from), toSqlTime(from + steps * step)];
      return `(${index}, ${name}, ${from}::numeric, ${step}::numeric, ${steps}, ${begin}, ${end})`;
    }),
  );
  const isEach = questions.some(({ queues }) => queues === null);
  const hosts = questions.flatMap((one, index) => (one.hosts ?? []).map((host) => `(${index}, ${quoteLiteral(host)})`));
  const areHosted = hosts.length > 0;
  const failed = "failed_at > begin_at and failed_at <= end_at";
  const ofQuestion = (rows: string) =>
    [
      areHosted ? `(select * from ${rows} join worker_host using (worker) offset 0) as hosted` : rows,
      isEach ? "cross join asked" : "join asked on asked.name = queue",
      areHosted ? `where (question, host) in (values ${hosts.join(", ")})` : "where true",
    ].join(" ");
  const workerHosts = `
worker_host as (
  select worker, ${toHost("worker")} as host
  from (select distinct worker from (select worker from job union all select worker from failure) as listed) as named
),`;
  return `
with job as materialized (select * from (${jobs}) as listed limit ${mostRows + 1}),
failure as (select * from (${failures}) as listed),${areHosted ? workerHosts : ""}
asked (question, name, range_from, range_step, range_steps, begin_at, end_at) as (values ${asked.join(", ")}),
own as materialized (
  select question, queue, due, taken, ended, succeeded, retried, range_from, range_step, range_steps, begin_at, end_at
  from ${ofQuestion("job")} and (ended is null or ended >= begin_at)
    and (due is null or due <= end_at or ended <= end_at or retried)
),
event as (
  select question, queue, ${stepOf("due")} as step, 1 as due, 0 as taken, 0 as processed, 0 as failures, null::float8 as wait, null::float8 as run, 0 as undated, 0 as retried, null::timestamptz as since
  from own where due <= end_at and (taken is null or taken >= due)
  union all
  ${event("taken", `0, 1, 0, 0, ${wait}, null, 0, 0, due`, "own where taken <= end_at and taken >= due")}
  union all
  select question, queue, range_steps + 1, 0, 0, 0, 0, null, null, 0, 0, due from own where due <= end_at and (taken is null or taken > end_at)
  union all
  ${event("ended", `0, 0, 1, 0, null, ${run}, 0, 0, null`, "own where succeeded and ended > begin_at and ended <= end_at")}
  union all
  ${event("failed_at", "0, 0, 0, 1, null, null, 0, 0, null", `${ofQuestion("failure")} and ${failed}`)}
  union all
  select question, queue, 0, 0, 0, 0, 0, null, null, (due is null)::int, retried::int, null from own where due is null or retried
),
happened as (
  select question, queue, step, sum(due) as due, sum(taken) as taken, sum(processed) as processed, sum(failures) as failures, sum(undated) as undated, sum(retried) as retried,
         percentile_cont(0.5) within group (order by wait) as wait_p50, percentile_cont(0.95) within group (order by wait) as wait_p95,
         percentile_cont(0.95) within group (order by run) as run_p95,
         extract(epoch from min(since)) as oldest_due
  from event group by question, queue, step limit ${mostPoints + 1}
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

/** May be -Infinity, for PostgreSQL's time before all others. */
function toEpoch(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}

/** Time for the wait and the read together. Grafana itself gives up after 30 s. */
const deadlineMs = 25_000;
/**
 * The maximum number of waiting histories. More cannot be served in time, and each holds a place of
 * the edge (http/limits.ts) while it waits.
 */
const mostWaiting = 60;

/**
 * Reads histories one at a time for each database, over all its sources. Otherwise a few viewers of
 * one dashboard would keep all connections busy. Rejects with the signal's reason, a TimeoutError,
 * overloaded when too many wait, or the error of `work`.
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

/** The maximum number of histories that one statement reads. */
const mostTogether = 100;
/** How long statements read fewer histories after one has timed out, ms. */
const fewerMs = 60_000;

/**
 * Reads histories of some queues in turn. Those that wait for the same turn are read with one
 * statement, which reads each row once, however many windows there are. If that is too much, it is
 * split in several; each history is returned as soon as its own statement has answered.
 */
export function createHistoryBatches(
  database: Database,
  readAll: (
    questions: readonly HistoryQuestion[],
    signal: AbortSignal,
  ) => Promise<readonly ReadonlyMap<string, QueueHistory>[]>,
) {
  type Histories = ReadonlyMap<string, QueueHistory>;
  interface Asked extends Pick<PromiseWithResolvers<Histories>, "resolve" | "reject"> {
    readonly question: HistoryQuestion;
  }
  interface Batch {
    readonly asked: Asked[];
    readonly run: (signal: AbortSignal) => Promise<void>;
  }
  let fewer = { most: mostTogether, until: -Infinity };
  const answer = async (asked: readonly Asked[], signal: AbortSignal): Promise<void> => {
    try {
      const answers = await readAll(
        asked.map(({ question }) => question),
        signal,
      );
      for (const [index, { resolve }] of asked.entries()) resolve(answers[index] ?? new Map());
    } catch (reason) {
      signal.throwIfAborted();
      if (asked.length === 1 || !isTooMuch(reason)) {
        for (const { reject } of asked) reject(reason);
        return;
      }
      const half = Math.ceil(asked.length / 2);
      if (isOutOfTime(reason)) fewer = { most: half, until: performance.now() + fewerMs };
      await answer(asked.slice(0, half), signal);
      await answer(asked.slice(half), signal);
    }
  };
  let next: Batch | null = null;
  const open = (): Batch => {
    const asked: Asked[] = [];
    const read = async (signal: AbortSignal) => {
      // Questions that are asked in the same turn of the event loop join this batch.
      await setImmediate();
      if (next?.asked === asked) next = null;
      const most = performance.now() < fewer.until ? fewer.most : mostTogether;
      for (let from = 0; from < asked.length; from += most) await answer(asked.slice(from, from + most), signal);
    };
    return { asked, run: createSingleFlight((shared) => inTurn(database, read, shared)) };
  };
  return async (question: HistoryQuestion, signal: AbortSignal): Promise<Histories> => {
    const { asked, run } = (next ??= open());
    const { promise, resolve, reject } = Promise.withResolvers<Histories>();
    asked.push({ question, resolve, reject });
    if (asked.length >= mostTogether) next = null;
    return Promise.race([promise, run(signal).then(() => promise)]);
  };
}

/** Whether this was too much to read, so that less may succeed. */
function isTooMuch(error: unknown): boolean {
  if (error instanceof OpsError) return error.code === "query_refused" || error.code === "answer_too_large";
  return isOutOfTime(error);
}

/** Whether the statement timed out. */
function isOutOfTime(error: unknown): boolean {
  return describe(error).code === "57014";
}
