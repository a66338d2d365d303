import type { Environment } from "./environment.ts";

/** The numbers of one queue. A number is null where the system cannot tell, never 0 for unknown. */
export interface QueueMetrics {
  readonly name: string;
  /** Configured name of the source that it came from. */
  readonly source: string;
  /** Jobs that could run now: available plus scheduled or retryable ones that are due. Not running, not deferred. */
  readonly depth: number;
  /** Successful completions in the last 5 minutes, divided by 300. */
  readonly processedPerSec: number;
  /** Failed attempts in the last 60 minutes where the system records attempts, else jobs that ended failed. */
  readonly failuresLastHour: number;
}

/** Failures of one queue with the same error text in the last 60 minutes. */
export interface JobErrorGroup {
  readonly queue: string;
  readonly source: string;
  /** Id of the newest failed job of the group, as text (ids may exceed 2^53). */
  readonly jobId: string;
  readonly error: string;
  /** When the newest one failed, RFC 3339 UTC with seconds. */
  readonly timestamp: string;
  readonly count: number;
}

/** A job that a worker is at. */
export interface RunningJob {
  readonly queue: string;
  readonly source: string;
  /** Its id as text. */
  readonly jobId: string;
  /** Its kind, where the system has more than the queue to tell. */
  readonly kind: string | null;
  /** When it was taken, RFC 3339 UTC with seconds; null where the system does not keep that. */
  readonly startedAt: string | null;
}

/** What the rows of a source say of the workers on some hosts. */
export interface RunningJobs {
  /** Theirs, oldest first, at most `runningJobsLimit`. */
  readonly jobs: readonly RunningJob[];
  /** How many are theirs. */
  readonly total: number;
  /** Running jobs whose rows do not say on which host: these may be theirs too. */
  readonly unnamed: number;
}

export const runningJobsLimit = 50;

/** Groups that a source returns for each queue at most, the newest. */
export const errorGroupsPerQueue = 50;

/**
 * The port to one job system. All calls are read-only, bounded in time, and reject with an OpsError: postgres_unavailable,
 * queue_locked (a migration holds the table) or schema_mismatch (a table, a column or a right is missing).
 */
export interface QueueSource {
  readonly name: string;
  readonly kind: string;
  /** Environment of its queues, null when not configured. */
  readonly env: Environment | null;
  /** One entry for each known queue, also the empty ones: configured, or seen since the start. */
  metrics(signal: AbortSignal): Promise<readonly QueueMetrics[]>;
  /** Newest first, at most `errorGroupsPerQueue` for each queue. */
  errors(signal: AbortSignal): Promise<readonly JobErrorGroup[]>;
  /** The jobs that run on a machine, or in a container, of one of these host names. Absent where the system's rows do not tell. */
  running?(hosts: readonly string[], signal: AbortSignal): Promise<RunningJobs>;
}

/** All sources behind one database pool. */
export interface QueueSources {
  /** The configured sources, or the detected ones; rejects with postgres_unavailable when detection cannot ask. */
  all(signal: AbortSignal): Promise<readonly QueueSource[]>;
  close(): Promise<void>;
}
