import type { Environment } from "../lib/environment.ts";
import type { HistoryRange } from "../lib/range.ts";
import type { QueueHistory } from "./history.ts";
import type { JobControl } from "./jobs/control.ts";

/** The numbers of one queue. A number is null where the system cannot tell, never 0 for unknown. */
export interface QueueMetrics {
  readonly name: string;
  /** Configured name of the source that it came from. */
  readonly source: string;
  /** Jobs that could run now: available plus scheduled or retryable ones that are due. Not running, not deferred. */
  readonly depth: number;
  /** Successful completions in the last 5 minutes, divided by 300. */
  readonly processedPerSec: number | null;
  /** Failed attempts in the last 60 minutes where the system records attempts, else jobs that ended failed. */
  readonly failuresLastHour: number | null;
  /**
   * Of them, those of the last 5 minutes, the window of the rate. Where they are sampled and the samples are not 5 minutes apart: as many as 5 minutes have at the
   * same rate. Null where `failuresLastHour` is.
   */
  readonly failuresRecent: number | null;
  /** Jobs that a worker is at. */
  readonly active: number | null;
  /** Jobs that wait for a time to come, and did not fail. */
  readonly deferred: number | null;
  /** Jobs that failed and wait for another attempt, due or not. */
  readonly retrying: number | null;
  /** Jobs that failed for good and are still kept. */
  readonly dead: number | null;
  /** Since when the oldest job that could run now could, seconds; null without one. */
  readonly oldestAgeSeconds: number | null;
  /** Of jobs that ended in the last 5 minutes, seconds; null without one. */
  readonly waitSeconds: Quantiles | null;
  readonly runSeconds: Quantiles | null;
  /**
   * What `runSeconds.p95` was while jobs ended, seconds: the largest that was read in this clock hour and the one before, else the last one. So it is known while
   * nothing ends. Where no row says how long jobs ran: the longest that jobs may have run which were seen running. Absent or null until one was read.
   */
  readonly usualRunSeconds?: number | null;
  /** Since when the oldest of its running jobs has been running, seconds; null without one. Only where no row says how long a job ran that has ended; else absent. */
  readonly oldestRunSeconds?: number | null;
  readonly paused: boolean | null;
  /** Workers that take jobs from it now, where the system knows them. */
  readonly workers: number | null;
  /** False when `processedPerSec` or `failuresLastHour` comes from samples of counters, or when numbers are estimates. */
  readonly exact: boolean;
  /**
   * Where the rate or the failures are sampled: how far the samples reach back, seconds, at most 3600. The rate is that of its last 300. Failures are those since
   * then where they are sampled; where rows tell them, those of an hour.
   */
  readonly windowSeconds: number | null;
  /** What a history is made of where the rows vanish; absent where they do not, or nothing is counted. */
  readonly counters?: JobCounters;
  /** When its source was read, RFC 3339 UTC with seconds. */
  readonly observedAt: string;
}

/** Numbers of jobs that only grow, since some beginning; null where nobody counts them. */
export interface JobCounters {
  readonly processed: number | null;
  readonly failures: number | null;
  /** What they are counted by, where that may change: they begin anew when it does. */
  readonly since?: string;
}

/** Seconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

/** Failures of one queue in the last 60 minutes with the same error text and the same worker's host. */
export interface JobFailures {
  readonly queue: string;
  readonly source: string;
  /** Cleaned, its secrets redacted, at most 2000 characters, never empty. */
  readonly error: string;
  /** Host name of who worked on them, as the rows say it (River: `_` for `.`, cut at 60 characters); null where they do not. */
  readonly worker: string | null;
  readonly count: number;
  /** Most attempts that one of the jobs has had; null where the system does not count them. */
  readonly attempts: number | null;
  /** The first and the last failure, RFC 3339 UTC with seconds. */
  readonly firstAt: string;
  readonly lastAt: string;
  /** Ids of the newest jobs, newest first, at most `jobIdsPerError`, as text (ids may exceed 2^53). */
  readonly jobIds: readonly string[];
}

/** The jobs of one queue that failed in the last 60 minutes with the same error text. */
export interface FailedJobs {
  /** As `JobFailures.error`. */
  readonly error: string;
  /** Newest first, at most `jobsPerOperation`. */
  readonly jobIds: readonly string[];
  /** How many they are. */
  readonly jobs: number;
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
  /** Who is at it, as its row says it. */
  readonly worker: string | null;
}

/** The running jobs of one queue that workers on one host are at. */
export interface WorkerJobs {
  readonly queue: string;
  readonly source: string;
  /** As `JobFailures.worker`; null where the rows do not tell. */
  readonly host: string | null;
  readonly count: number;
  /** For how long the oldest of them has been running, seconds; null where the system does not keep that. */
  readonly oldestAgeSeconds: number | null;
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
/** Pairs of a queue and a host that one source tells of at most, those with the oldest jobs. */
export const workerJobsLimit = 1000;

/** Groups of failures that one source returns at most, shared fairly by its queues; with so many there may be more. */
export const failureGroupsLimit = 2500;
export const jobIdsPerError = 5;

/**
 * The port to one job system. All calls are read-only, bounded in time, and reject with an OpsError: postgres_unavailable, queues_unavailable
 * (another system), queue_locked (a migration holds the table) or schema_mismatch (a table, a column or a right is missing).
 */
export interface QueueSource {
  readonly name: string;
  readonly kind: string;
  /** Environment of its queues, null when not configured. */
  readonly env: Environment | null;
  /** One entry for each known queue, also the empty ones: configured, or seen since the start. */
  metrics(signal: AbortSignal): Promise<readonly QueueMetrics[]>;
  /** Newest first, at most `failureGroupsLimit`. Empty where the system keeps no errors. */
  failures(signal: AbortSignal): Promise<readonly JobFailures[]>;
  /**
   * The past of these queues (null: of all that had a job in it), at the times of the range. Rejects also with query_refused: no index serves it, or the range holds too many jobs; and with answer_too_large. Absent where
   * nothing is remembered.
   */
  history?(
    queues: readonly string[] | null,
    range: HistoryRange,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, QueueHistory>>;
  /** For operations on them; at most `failureGroupsLimit` texts, newest first. Absent, or null, where jobs cannot be found by their error. */
  failedJobs?(queue: string, signal: AbortSignal): Promise<readonly FailedJobs[] | null>;
  /** What operators may do to its jobs; absent where they may do nothing. */
  readonly control?: JobControl;
  /** The jobs that run on a machine, or in a container, of one of these host names. Absent where the system's rows do not tell. */
  running?(hosts: readonly string[], signal: AbortSignal): Promise<RunningJobs>;
  /**
   * All running jobs by the hosts of their workers, oldest first, at most `workerJobsLimit`; `running` takes these hosts. Absent, or null, where the system's
   * rows do not tell.
   */
  workerJobs?(signal: AbortSignal): Promise<readonly WorkerJobs[] | null>;
}

/** A job system that was found, and is not read. */
export interface UnsupportedSystem {
  /** As a source of it would be called; what QUEUES_FILE hides it by. */
  readonly name: string;
  readonly kind: string;
  /** A clause that goes on after "because". */
  readonly reason: string;
}

/** All sources behind one configuration. */
export interface QueueSources {
  /** The configured sources and the detected ones; rejects with postgres_unavailable when detection cannot ask and nothing is configured. */
  all(signal: AbortSignal): Promise<readonly QueueSource[]>;
  /** What else was found, as far as it could be looked for. Never rejects. Absent: nothing is looked for. */
  unsupported?(signal: AbortSignal): Promise<readonly UnsupportedSystem[]>;
  close(): Promise<void>;
}
