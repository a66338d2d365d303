import { createSharedBudget } from "../../lib/budget/budget.ts";
import { createSingleFlight } from "../../lib/cache.ts";
import type { Environment } from "../../lib/environment.ts";
import { toErrorText } from "../errors.ts";
import { createKnownQueues } from "../known-queues.ts";
import type { FailedJobs, JobFailures, QueueMetrics, RunningJobs, WorkerJobs } from "../queue.ts";
import { createSamples, toQueueMetrics } from "../rates.ts";
import type { KindSource } from "../system.ts";
import type { Database, Row } from "./database.ts";
import { toQueueError } from "./errors.ts";
import { inTurn, readHistory, type ToHistoryRows } from "./history.ts";
import { formatTable, type TableName } from "./names.ts";
import { toNumber } from "./readings.ts";
import { createPlannedReads } from "./reads.ts";
import { pickFailed } from "./sql.ts";
import type { HeavyOptions, ReadRows, SqlStatements } from "./statements.ts";

interface SqlSourceOptions {
  readonly name: string;
  readonly kind: string;
  readonly env: Environment | null;
  readonly database: Database;
  /** Tables that are read; the first one appears in messages. */
  readonly tables: readonly [TableName, ...TableName[]];
  /** Columns that the statements need, for messages. */
  readonly columns: readonly string[];
  /** Queues to list even if never seen. */
  readonly names: readonly string[];
  /**
   * The statements, or a function that makes them for the current schema. It runs before the first read, after a failed one, and every `preparedMs`, because an
   * index or a table may appear. It handles columns and versions that differ.
   */
  readonly statements: SqlStatements | ((read: ReadRows) => Promise<SqlStatements>);
  /** Queries for the history; null or absent where the rows do not have it. */
  readonly history?: ToHistoryRows | null;
  /** As `KindSource.isPastPartial`. */
  readonly isPastPartial?: boolean;
  readonly heavy?: HeavyOptions | undefined;
  /** Whether running jobs can be found by host. @default whether the statements are fixed and have `running` */
  readonly knowsWorkers?: boolean;
}

/** How long statements made for a schema are used, milliseconds. */
const preparedMs = 60_000;

/**
 * A queue source made only of statements. Concurrent calls share one read. A failed read is not cached: the next call sees a repaired schema or a restarted
 * server.
 */
export function createSqlSource(options: SqlSourceOptions): KindSource {
  const { name, kind, env, database, tables, history } = options;
  const subject = { source: name, table: formatTable(tables[0]), columns: options.columns };
  const known = createKnownQueues(options.names);
  const samples = createSamples();
  const reads = createPlannedReads(database, options.heavy);
  let prepared: { readonly statements: SqlStatements; readonly at: number } | null = null;

  const prepare = async (signal: AbortSignal): Promise<SqlStatements> => {
    const { statements } = options;
    if (typeof statements !== "function") return statements;
    if (prepared && performance.now() - prepared.at < preparedMs) return prepared.statements;
    prepared = { statements: await statements((statement) => database.read(statement, signal)), at: performance.now() };
    return prepared.statements;
  };
  const readMetrics = createSingleFlight(async (signal): Promise<readonly QueueMetrics[]> => {
    const { nothing, measured, observedAt, exact } = await reads.measures(await prepare(signal), signal);
    known.see(measured.keys());
    const queues = known.names();
    samples.retain(queues);
    const isSampled = "processed_total" in nothing || "failures_total" in nothing;
    return [...queues].toSorted().map((queue) => {
      const own = measured.get(queue) ?? nothing;
      const identity = { name: queue, source: name, observedAt };
      if (!isSampled) return { ...toQueueMetrics(identity, own), exact };
      const counters = { processed: own.processed_total ?? null, failures: own.failures_total ?? null };
      samples.add(queue, counters);
      return { ...toQueueMetrics(identity, own, samples.rates(queue)), counters };
    });
  });

  const readFailures = createSingleFlight(async (signal): Promise<readonly JobFailures[]> => {
    const statements = await prepare(signal);
    const rows = await reads.failures(statements, signal);
    return rows.map((row) => toFailures(row, name, statements)).toSorted(byNewest);
  });

  const readFailed = async (queue: string, signal: AbortSignal): Promise<readonly FailedJobs[] | null> => {
    const statements = await prepare(signal);
    if (statements.failed === undefined) return null;
    const rows = await database.read(pickFailed(statements.failed, queue), signal);
    return rows.map((row) => toFailedJobs(row, statements));
  };

  const readRunning = async (hosts: readonly string[], signal: AbortSignal): Promise<RunningJobs> => {
    const { running } = await prepare(signal);
    return running ? toRunningJobs(await database.read(running(hosts), signal), name) : { jobs: [], total: 0, unnamed: 0 };
  };

  const readWorkers = async (signal: AbortSignal): Promise<readonly WorkerJobs[] | null> => {
    const statements = await prepare(signal);
    if (statements.workers === undefined) return null;
    return (await reads.workers(statements, signal)).map((row) => toWorkerJobs(row, name));
  };

  const readUsualRuns = async (signal: AbortSignal): Promise<ReadonlyMap<string, number>> => {
    const rows = await reads.usualRuns(await prepare(signal), signal);
    return new Map(rows.map(({ queue, run_p95: p95 }) => [queue ?? "", toNumber(p95) ?? 0]));
  };

  const asOpsError = (error: unknown) => {
    prepared = null;
    throw toQueueError(error, subject);
  };
  const knowsWorkers = options.knowsWorkers ?? (typeof options.statements !== "function" && options.statements.running);
  return {
    name,
    kind,
    env,
    tables,
    ...(options.isPastPartial === true && { isPastPartial: true }),
    close: async () => reads.close(),
    metrics: (signal) => readMetrics(signal).catch(asOpsError),
    usualRuns: (signal) => readUsualRuns(signal).catch(asOpsError),
    failures: (signal) => readFailures(signal).catch(asOpsError),
    failedJobs: (queue, signal) => readFailed(queue, signal).catch(asOpsError),
    ...(history && {
      history: (queues, range, signal) => {
        const read = (turn: AbortSignal) =>
          readHistory((statement) => database.read(statement, turn), history, queues, range, createSharedBudget(turn));
        return inTurn(database, read, signal).catch(asOpsError);
      },
    }),
    ...(knowsWorkers && { running: (hosts, signal) => readRunning(hosts, signal).catch(asOpsError) }),
    ...(knowsWorkers && { workerJobs: (signal) => readWorkers(signal).catch(asOpsError) }),
  };
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

function byNewest(a: JobFailures, b: JobFailures): number {
  if (a.lastAt !== b.lastAt) return a.lastAt > b.lastAt ? -1 : 1;
  return 0;
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

function toWorkerJobs({ queue, host, n, age }: Row, source: string): WorkerJobs {
  return { queue: queue ?? "", source, host: host ?? null, count: Number(n), oldestAgeSeconds: toNumber(age) };
}
