import type { JobErrorGroup, QueueMetrics, QueueSource, RunningJobs } from "../../domain/queue.ts";
import type { Environment } from "../../domain/environment.ts";
import { cleanText } from "../../domain/log-clean.ts";
import { createFlight } from "./abortable.ts";
import { toQueueError } from "./failures.ts";
import { createKnownQueues } from "./known-queues.ts";
import type { Database } from "./pool.ts";
import { type TableName, formatTable } from "./sql.ts";

/** The statements of a job system. `n` is a count, `queue` the name of the queue. */
export interface QueueStatements {
  /** Rows {queue, n}: jobs that could run now. */
  readonly depth: string;
  /** Rows {queue, n}: successes of the last 5 minutes. */
  readonly processed: string;
  /** Rows {queue, n}: failures of the last 60 minutes. */
  readonly failures: string;
  /** Rows {queue, job_id, error, timestamp, n} of the same failures, newest first. */
  readonly errors: string;
  /** As `pickRunning` makes it; absent where the rows do not tell who works on them. */
  readonly running?: (hosts: readonly string[]) => string;
}

/** A source that reads one table; `cli check` looks at the rights on it. */
export interface SqlSource extends QueueSource {
  readonly table: TableName;
}

interface SqlSourceOptions {
  readonly name: string;
  readonly kind: string;
  readonly env: Environment | null;
  readonly database: Database;
  readonly table: TableName;
  /** Columns that the statements need, for messages. */
  readonly columns: readonly string[];
  /** Queues to list even if they are never seen. */
  readonly names: readonly string[];
  readonly statements: QueueStatements;
}

const processedWindowSeconds = 300;

/**
 * A queue source that is nothing but statements. Concurrent calls share one read. After a failed read nothing is kept: a repaired
 * schema or a restarted server is seen by the next call.
 */
export function createSqlSource(options: SqlSourceOptions): SqlSource {
  const { name, kind, env, database, statements } = options;
  const { running } = statements;
  const subject = { source: name, table: formatTable(options.table), columns: options.columns };
  const known = createKnownQueues(options.names);
  const metricsStatement = uniteMetrics(statements);

  const readMetrics = createFlight(async (signal): Promise<readonly QueueMetrics[]> => {
    const counts = new Map<string, number>();
    for (const { queue, measure, n } of await database.read(metricsStatement, signal)) {
      known.add(queue ?? "");
      counts.set(`${measure} ${queue}`, Number(n)); // A bigint, which pg gives as text; 2^53 jobs are not to be feared.
    }
    return [...known.names()].toSorted().map((queue) => ({
      name: queue,
      source: name,
      depth: counts.get(`depth ${queue}`) ?? 0,
      processedPerSec: (counts.get(`processed ${queue}`) ?? 0) / processedWindowSeconds,
      failuresLastHour: counts.get(`failures ${queue}`) ?? 0,
    }));
  });

  const readErrors = createFlight(async (signal): Promise<readonly JobErrorGroup[]> => {
    const rows = await database.read(statements.errors, signal);
    return rows.map((row) => ({
      queue: row["queue"] ?? "",
      source: name,
      jobId: row["job_id"] ?? "",
      error: cleanText(row["error"] ?? ""),
      timestamp: row["timestamp"] ?? "",
      count: Number(row["n"]),
    }));
  });

  const readRunning = async (statement: string, signal: AbortSignal): Promise<RunningJobs> => {
    const rows = await database.read(statement, signal);
    const jobs = rows
      .filter((row) => row["job_id"] !== null)
      .map((row) => ({
        queue: row["queue"] ?? "",
        source: name,
        jobId: row["job_id"] ?? "",
        kind: row["kind"] ?? null,
        startedAt: row["started_at"] ?? null,
      }));
    return { jobs, total: Number(rows[0]?.["total"]), unnamed: Number(rows[0]?.["unnamed"]) };
  };

  const asOpsError = (error: unknown) => {
    throw toQueueError(error, subject);
  };
  return {
    name,
    kind,
    env,
    table: options.table,
    metrics: (signal) => readMetrics(signal).catch(asOpsError),
    errors: (signal) => readErrors(signal).catch(asOpsError),
    ...(running && { running: (hosts, signal) => readRunning(running(hosts), signal).catch(asOpsError) }),
  };
}

/** The three counts as one statement: one snapshot, so that no job is counted twice, and one timeout for all. */
export function uniteMetrics({ depth, processed, failures }: QueueStatements): string {
  return Object.entries({ depth, processed, failures })
    .map(([measure, statement]) => `select '${measure}' as measure, queue, n from (${statement}) as ${measure}`)
    .join("\nunion all\n");
}
