import type { Row } from "../../lib/postgres/pool.ts";
import { createSharedBudget, inTurns } from "../../lib/budget/budget.ts";
import { compareTimes, toErrorText, toErrorWords } from "../errors.ts";
import { createKnownQueues, createSamples, toQueueMetrics } from "../metrics.ts";
import {
  type FailedJobs,
  failureGroupsLimit,
  type JobFailures,
  noRunningJobs,
  type QueueMetrics,
  type RunningJobs,
  type WorkerJobs,
} from "../queue.ts";
import type { KindContext, KindSource } from "../system.ts";
import { toQueueError } from "./errors.ts";
import type { QueueHistory } from "../history.ts";
import {
  createHistoryBatches,
  type HistoryQuestion,
  inTurn,
  readCheap,
  readHistories,
  readWorkersSince,
  type ToHistoryRows,
} from "./history.ts";
import type { JobQuery } from "./job-query.ts";
import { createJobReader } from "./jobs.ts";
import { identifyTable } from "./identity.ts";
import { formatTable, type TableName } from "./names.ts";
import { createPlannedReads, type PlannedStatements } from "./reads.ts";
import { findFailures, groupFailures, mostAlike, groupRuns, pickFailed, pickRunning, pickWorkers } from "./sql.ts";
import { type ReadRows, type SqlStatements, toNumber } from "./statements.ts";

/** The configuration that all SQL sources share. */
interface SqlSourceConfig {
  readonly name: string;
  readonly kind: string;
  /** Queues to list even if never seen. */
  readonly names?: readonly string[] | undefined;
}

export interface SqlSource {
  /** Tables that are read; the first one appears in messages. */
  readonly tables: readonly [TableName, ...TableName[]];
  /**
   * The statements, or a function that makes them for the current schema. It runs before the first
   * read, after a failed one, and every `preparedMs`, because an index or a table may appear. It
   * handles columns and versions that differ.
   */
  readonly statements: SqlStatements | ((read: ReadRows, signal: AbortSignal) => Promise<SqlStatements>);
  /**
   * Whether the statements made by such a function find the running jobs of workers. @default false
   */
  readonly namesWorkers?: boolean;
  /** Queries for the history; absent where the rows do not have it. */
  readonly history?: ToHistoryRows | undefined;
  /** Whether the queries for the history return the hosts of ended jobs. @default false */
  readonly historyNamesHosts?: boolean | undefined;
  /** How its jobs are read one by one; absent where they cannot be. */
  readonly jobs?: JobQuery | undefined;
  /** Makes `jobs` for the current schema; rejects with an OpsError. @default `jobs` */
  readonly prepareJobs?: () => Promise<JobQuery>;
  /** As `KindSource.isPastPartial`. */
  readonly isPastPartial?: boolean;
  /**
   * Identifies the rows of its first table that it reads: sources with other texts read other rows.
   * @default all
   */
  readonly rows?: string | undefined;
}

/** How long statements made for a schema are used, milliseconds. */
const preparedMs = 60_000;

/**
 * Creates a queue source that only runs statements. After a failed read the statements are made
 * again, so that the next call sees a repaired schema.
 */
export function createSqlSource(
  { name, kind, names = [] }: SqlSourceConfig,
  { env, database, heavy }: Pick<KindContext, "env" | "database" | "heavy">,
  sqlSource: SqlSource,
): KindSource {
  const { tables, statements: given, history, jobs, prepareJobs } = sqlSource;
  const { namesWorkers = false, isPastPartial = false, historyNamesHosts = false } = sqlSource;
  const known = createKnownQueues(names);
  const samples = createSamples();
  const reads = createPlannedReads(database, heavy);
  let prepared: Prepared | null = null;

  const prepare = async (signal: AbortSignal): Promise<Prepared> => {
    if (prepared && (isFixed(given) || performance.now() - prepared.at < preparedMs)) return prepared;
    prepared = toPrepared(
      isFixed(given) ? given : await given((statement) => database.read(statement, signal), signal),
    );
    return prepared;
  };
  const readMetrics = async (
    { statements, queries }: Prepared,
    signal: AbortSignal,
  ): Promise<readonly QueueMetrics[]> => {
    const read = await reads.measures(statements, signal);
    const { zeroRow, measured, observedAt } = read;
    const exact = read.exact && queries.isAssumed !== true;
    known.see(measured.keys());
    const queues = known.names();
    samples.retain(queues);
    const isSampled = "processed_total" in zeroRow || "failures_total" in zeroRow;
    return [...queues].toSorted().map((queue) => {
      const own = measured.get(queue) ?? zeroRow;
      const identity = { name: queue, source: name, observedAt };
      if (!isSampled) return { ...toQueueMetrics(identity, own), exact };
      const counters = { processed: own.processed_total ?? null, failures: own.failures_total ?? null };
      samples.add(queue, counters);
      return { ...toQueueMetrics(identity, own, samples.rates(queue)), counters };
    });
  };

  const asOpsError = (error: unknown, ready = prepared) => {
    const sql = JSON.stringify(isFixed(given) ? given : ready?.queries);
    prepared = null;
    throw toQueueError(error, { source: name, table: formatTable(tables[0]), sql: sql ?? "" });
  };
  /** Reads after the statements were made; rejects as the port says. */
  const withStatements =
    <T>(read: (prepared: Prepared, signal: AbortSignal) => Promise<T>) =>
    async (signal: AbortSignal): Promise<T> => {
      const ready = await prepare(signal).catch((error: unknown) => asOpsError(error));
      return read(ready, signal).catch((error: unknown) => asOpsError(error, ready));
    };
  const readPast = history && createPastReader(history);
  function createPastReader(toRows: ToHistoryRows) {
    const toRead =
      (turn: AbortSignal): ReadRows =>
      (statement) =>
        database.read(statement, turn);
    const readAll = (questions: readonly HistoryQuestion[], turn: AbortSignal) =>
      readHistories(toRead(turn), toRows, questions, createSharedBudget(turn));
    // Questions with hosts have batches of their own, because hosts take time to compute.
    const [together, togetherOn] = [createHistoryBatches(database, readAll), createHistoryBatches(database, readAll)];
    const alone = async (question: HistoryQuestion, signal: AbortSignal) =>
      (await inTurn(database, (turn) => readAll([question], turn), signal))[0] ?? new Map<string, QueueHistory>();
    const read = (question: HistoryQuestion, signal: AbortSignal) => {
      const reader = question.queues === null ? alone : question.hosts === null ? together : togetherOn;
      return reader(question, signal).catch((error: unknown) => asOpsError(error));
    };
    return {
      read,
      workersSince: (from: number, signal: AbortSignal) =>
        inTurn(database, (turn) => readWorkersSince(toRead(turn), toRows, from), signal).catch((error: unknown) =>
          asOpsError(error),
        ),
    };
  }
  const findsRunning = isFixed(given) ? given.running !== undefined : namesWorkers;
  return {
    name,
    kind,
    env,
    tables,
    ...(isPastPartial && { isPastPartial }),
    identify: (signal) => identifyTable(database, tables[0], sqlSource.rows, signal),
    close: async () => reads.close(),
    metrics: withStatements(readMetrics),
    usualRuns: withStatements(async ({ statements }, signal) => {
      const rows = await reads.usualRuns(statements, signal);
      return new Map(rows.map(({ queue, run_p95: p95 }) => [queue ?? "", toNumber(p95) ?? 0]));
    }),
    failures: withStatements(async ({ statements, queries }, signal) => {
      const rows = await reads.failures(statements, signal);
      const failures = await inTurns(rows, createSharedBudget(signal), (row) => toFailures(row, name, queries));
      return failures.toSorted((a, b) => compareTimes(a.lastAt, b.lastAt));
    }),
    pastFailures: ({ errors, until }, signal) =>
      withStatements(async ({ queries }, caller) => {
        const { failures } = queries;
        if (failures === null) return { failures: [], isWhole: true };
        const statement = findFailures(
          failures,
          until,
          errors.map(({ error }) => toErrorWords(error)),
        );
        const read = (turn: AbortSignal) =>
          readCheap(
            (sql) => database.read(sql, turn),
            statement,
            "add the indexes that `wallet-core-ops indexes` prints",
          );
        const rows = await inTurn(database, read, caller);
        const toFound = (row: Row) => ({
          queue: row["queue"] ?? "",
          source: name,
          worker: row["worker"] ?? null,
          error: toError(row, queries),
        });
        const alike = rows.reduce((sum, { n }) => sum + Number(n), 0);
        const found = await inTurns(rows, createSharedBudget(caller), toFound);
        return { failures: found, isWhole: alike < mostAlike && rows.length < failureGroupsLimit };
      })(signal),
    failedJobs: (queue, action, signal) =>
      withStatements(async ({ queries }) => {
        if (queries.failedJobs === undefined) return null;
        const rows = await database.read(pickFailed(queries.failedJobs[action], queue), signal);
        return inTurns(rows, createSharedBudget(signal), (row) => toFailedJobs(row, queries));
      })(signal),
    ...(readPast && {
      history: (queues, range, signal) => readPast.read({ queues, range, hosts: null }, signal),
      ...(historyNamesHosts && {
        historyOn: (hosts, queues, range, signal) => readPast.read({ queues, range, hosts }, signal),
        workersSince: readPast.workersSince,
      }),
    }),
    ...(jobs && {
      jobs: createJobReader({ source: name, database, query: jobs, prepare: prepareJobs, cost: heavy?.cost }),
    }),
    ...(findsRunning && {
      running: (hosts, signal) =>
        withStatements(async ({ queries }) => {
          if (!queries.running) return noRunningJobs;
          return toRunningJobs(await database.read(pickRunning(queries.running, hosts), signal), name);
        })(signal),
      workerJobs: withStatements(async ({ queries, statements }, signal) =>
        (await reads.workers(statements, signal)).map((row) => toWorkerJobs(row, name, queries)),
      ),
      clockOffset: () => database.clockOffset(),
    }),
  };
}

type Prepared = ReturnType<typeof toPrepared>;

/** The queries of a job system, and the statements made from them. */
function toPrepared(queries: SqlStatements) {
  const { failures, usualRuns, running, ...rest } = queries;
  const statements: PlannedStatements = {
    ...rest,
    failures: failures === null ? null : groupFailures(failures),
    ...(usualRuns !== undefined && { usualRuns: groupRuns(usualRuns) }),
    ...(running && { workers: pickWorkers(running) }),
  };
  return { queries, statements, at: performance.now() };
}

function isFixed(statements: SqlSource["statements"]): statements is SqlStatements {
  return typeof statements !== "function";
}

function toFailures(row: Row, source: string, statements: SqlStatements): JobFailures {
  const { queue, worker, n, attempts, first_at: firstAt, last_at: lastAt, job_ids: jobIds } = row;
  return {
    queue: queue ?? "",
    source,
    error: toError(row, statements),
    worker: worker ?? null,
    count: Number(n),
    attempts: toNumber(attempts),
    firstAt: firstAt ?? "",
    lastAt: lastAt ?? "",
    jobIds: JSON.parse(jobIds ?? "[]") as string[],
  };
}

function toFailedJobs(row: Row, statements: SqlStatements): FailedJobs {
  const { n, job_ids: jobIds } = row;
  return { error: toError(row, statements), jobIds: JSON.parse(jobIds ?? "[]") as string[], jobs: Number(n) };
}

function toError(row: Row, { errorLimit = Infinity }: SqlStatements): string {
  const text = row["error"] ?? "";
  return toErrorText(text.trimStart(), text.length >= errorLimit);
}

function toRunningJobs(rows: readonly Row[], source: string): RunningJobs {
  const jobs = rows
    .filter((row) => row["job_id"] !== null)
    .map((row) => ({
      queue: row["queue"] ?? "",
      source,
      jobId: row["job_id"] ?? "",
      kind: row["kind"] ?? null,
      startedAt: row["started_at"] ?? null,
      worker: row["worker"] ?? null,
    }));
  return { jobs, total: Number(rows[0]?.["total"]), unnamed: Number(rows[0]?.["unnamed"]) };
}

/** If the time zone is only assumed, a start may be hours off, so it counts as unknown. */
function toWorkerJobs(
  { queue, host, n, age, starts, read_at: readAt }: Row,
  source: string,
  { isAssumed = false }: SqlStatements,
): WorkerJobs {
  return {
    queue: queue ?? "",
    source,
    host: host ?? null,
    count: Number(n),
    oldestAgeSeconds: toNumber(age),
    starts: isAssumed ? [] : (JSON.parse(starts ?? "[]") as number[]),
    readAt: Number(readAt),
  };
}
