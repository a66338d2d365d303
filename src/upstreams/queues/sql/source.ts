import type { Environment } from "../../../domain/environment.ts";
import { cleanText } from "../../../domain/log-clean.ts";
import type { JobFailures, QueueMetrics, RunningJobs } from "../../../domain/queue.ts";
import { createFlight } from "../abortable.ts";
import type { KindSource } from "../kind.ts";
import { createKnownQueues } from "../known-queues.ts";
import { createSamples } from "../samples.ts";
import { toQueueMetrics, toSeconds } from "../to-metrics.ts";
import { toQueueError } from "./failures.ts";
import { type Measure, type Reading, measuredNothing, uniteReadings } from "./measures.ts";
import { type TableName, formatTable } from "./names.ts";
import type { Database, Row } from "./pool.ts";

/** The statements of a job system. */
export interface SqlStatements {
  readonly readings: readonly Reading[];
  /** As `groupFailures` makes it; null where the system keeps no errors. */
  readonly failures: string | null;
  /** As `pickRunning` makes it; absent where the rows do not tell who works on them. */
  readonly running?: (hosts: readonly string[]) => string;
}

/** Reads one statement; rejects as `Database.read` does. */
export type ReadRows = (statement: string) => Promise<readonly Row[]>;

interface SqlSourceOptions {
  readonly name: string;
  readonly kind: string;
  readonly env: Environment | null;
  readonly database: Database;
  /** What is read; the first one is named in messages. */
  readonly tables: readonly [TableName, ...TableName[]];
  /** Columns that the statements need, for messages. */
  readonly columns: readonly string[];
  /** Queues to list even if they are never seen. */
  readonly names: readonly string[];
  /**
   * Or how they are made for the schema as it is: asked before the first read, and again after one that failed. Undefined readings or
   * columns of another version are its business.
   */
  readonly statements: SqlStatements | ((read: ReadRows) => Promise<SqlStatements>);
  /** Absent: whether jobs run on a host is never asked. */
  readonly tellsWorkers?: boolean;
}

/**
 * A queue source that is nothing but statements. Concurrent calls share one read. After a failed read nothing is kept: a repaired
 * schema or a restarted server is seen by the next call.
 */
export function createSqlSource(options: SqlSourceOptions): KindSource {
  const { name, kind, env, database, tables } = options;
  const subject = { source: name, table: formatTable(tables[0]), columns: options.columns };
  const known = createKnownQueues(options.names);
  const samples = createSamples();
  let prepared: SqlStatements | null = null;

  const prepare = async (signal: AbortSignal): Promise<SqlStatements> => {
    const { statements } = options;
    if (typeof statements !== "function") return statements;
    return (prepared ??= await statements((statement) => database.read(statement, signal)));
  };
  const readMetrics = createFlight(async (signal): Promise<readonly QueueMetrics[]> => {
    const { readings } = await prepare(signal);
    const rows = await database.read(uniteReadings(readings), signal);
    const observedAt = toSeconds(new Date());
    const nothing = measuredNothing(readings);
    const measured = new Map<string, Partial<Record<Measure, number | null>>>();
    for (const { queue, measure, n } of rows) {
      if (queue === null || queue === undefined) continue;
      known.add(queue);
      const own = measured.get(queue) ?? { ...nothing };
      measured.set(queue, own);
      own[measure as Measure] = n === null || n === undefined ? null : Number(n);
    }
    const isSampled = "processed_total" in nothing || "failures_total" in nothing;
    return [...known.names()].toSorted().map((queue) => {
      const own = measured.get(queue) ?? nothing;
      const identity = { name: queue, source: name, observedAt };
      if (!isSampled) return toQueueMetrics(identity, own);
      samples.add(queue, { processed: own.processed_total ?? null, failures: own.failures_total ?? null });
      return toQueueMetrics(identity, own, samples.rates(queue));
    });
  });

  const readFailures = createFlight(async (signal): Promise<readonly JobFailures[]> => {
    const { failures } = await prepare(signal);
    if (failures === null) return [];
    const rows = await database.read(failures, signal);
    return rows.map((row) => toFailures(row, name)).toSorted(byNewest);
  });

  const readRunning = async (hosts: readonly string[], signal: AbortSignal): Promise<RunningJobs> => {
    const { running } = await prepare(signal);
    return running ? toRunningJobs(await database.read(running(hosts), signal), name) : { jobs: [], total: 0, unnamed: 0 };
  };

  const asOpsError = (error: unknown) => {
    prepared = null;
    throw toQueueError(error, subject);
  };
  const tellsWorkers = options.tellsWorkers ?? (typeof options.statements !== "function" && options.statements.running);
  return {
    name,
    kind,
    env,
    tables,
    metrics: (signal) => readMetrics(signal).catch(asOpsError),
    failures: (signal) => readFailures(signal).catch(asOpsError),
    ...(tellsWorkers && { running: (hosts, signal) => readRunning(hosts, signal).catch(asOpsError) }),
  };
}

function toFailures(row: Row, source: string): JobFailures {
  const { queue, error, worker, n, attempts, first_at: firstAt, last_at: lastAt, job_ids: jobIds } = row;
  return {
    queue: queue ?? "",
    source,
    error: cleanText(error ?? ""),
    worker: worker ?? null,
    count: Number(n),
    attempts: attempts === null || attempts === undefined ? null : Number(attempts),
    firstAt: firstAt ?? "",
    lastAt: lastAt ?? "",
    jobIds: JSON.parse(jobIds ?? "[]") as string[],
  };
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
    }));
  return { jobs, total: Number(rows[0]?.["total"]), unnamed: Number(rows[0]?.["unnamed"]) };
}
