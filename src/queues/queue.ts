import type { ClockOffset, DatabaseClock } from "../lib/clock-skew.ts";
import type { Environment } from "../lib/environment.ts";
import type { HistoryRange } from "../lib/range.ts";
import type { Upstream } from "../lib/upstream-call.ts";
import type { QueueHistory } from "./history.ts";
import type { JobReader } from "./job.ts";
import type { JobAction, JobControl } from "./jobs/control.ts";
import type { ConfiguredOwner } from "./owners.ts";

/** A unique key for a queue. */
export function toQueueKey({ source, name }: Pick<QueueMetrics, "source" | "name">): string {
  return JSON.stringify([source, name]);
}

/** The numbers of one queue. A number the system does not have is null, never 0. */
export interface QueueMetrics {
  readonly name: string;
  /** Configured name of its source. */
  readonly source: string;
  /**
   * Jobs that could run now: available plus scheduled or retryable ones that are due. Not running,
   * not deferred.
   */
  readonly depth: number;
  /** Successful completions in the last 5 minutes, divided by 300. */
  readonly processedPerSec: number | null;
  /**
   * Failed attempts in the last 60 minutes where the system records attempts, else jobs that ended
   * failed.
   */
  readonly failuresLastHour: number | null;
  /**
   * The failures of the last 5 minutes, the window of the rate. Where the samples are not 5 minutes
   * apart, the count is scaled to 5 minutes. Null where `failuresLastHour` is null.
   */
  readonly failuresRecent: number | null;
  /**
   * Where both failure counts are unknown because rows are gone: the failures in the rows that are
   * left, a lower bound.
   */
  readonly failuresSeen?: { readonly lastHour: number; readonly recent: number };
  /** Jobs that a worker is running. */
  readonly active: number | null;
  /** Jobs that wait for a future time and did not fail. */
  readonly deferred: number | null;
  /** Jobs that failed and wait for another attempt, due or not. */
  readonly retrying: number | null;
  /** Jobs that failed for good and still have a row. */
  readonly dead: number | null;
  /** How long the oldest runnable job has been able to run, seconds; null without such a job. */
  readonly oldestAgeSeconds: number | null;
  /** Wait and run times of jobs that ended in the last 5 minutes, seconds; null if none ended. */
  readonly waitSeconds: Quantiles | null;
  readonly runSeconds: Quantiles | null;
  /**
   * The largest `runSeconds.p95` read in this clock hour and the previous one, or else the last one
   * read, seconds. It is therefore known even while nothing ends. Where rows hold no run times, it
   * is the longest that a job seen running can have run. Absent or null until a value was read.
   */
  readonly usualRunSeconds?: number | null;
  /**
   * How long its oldest running job has been running, seconds; null if none runs. Absent where rows
   * of ended jobs hold run times.
   */
  readonly oldestRunSeconds?: number | null;
  /**
   * How long ago a job was last taken, as far as the rows show, seconds. Present only where the
   * rate may be unknown.
   */
  readonly takenSeconds?: number;
  /**
   * For how long the samples show that nothing succeeded, seconds; null where they cannot show it.
   * Needed because a sampled rate of 0 may cover only a minute. Absent where the rate comes from
   * rows.
   */
  readonly restSeconds?: number | null;
  /**
   * A number that changes when other jobs run. Present only where rows do not show when a job was
   * taken.
   */
  readonly runningIds?: number;
  /**
   * For how long no waiting job has been taken, as far as the reads show, seconds; absent or null
   * where no job waits or the age of the oldest one is unknown.
   */
  readonly untakenSeconds?: number | null;
  /**
   * The most successes in 5 minutes that any read has shown since the queue's latest failure was
   * first seen; absent or null where nothing failed or the rate is unknown.
   */
  readonly successesAtFailure?: number | null;
  readonly paused: boolean | null;
  /** Workers that take jobs from it now, where the system knows. */
  readonly workers: number | null;
  /**
   * False when `processedPerSec` or `failuresLastHour` comes from samples of counters, when numbers
   * are estimates, or when the time zone of the stored times is not configured.
   */
  readonly exact: boolean;
  /**
   * Where the rate or the failures are sampled: how far the samples reach back, seconds, at most
   * 3600. The rate covers the last 300. Sampled failures cover the whole window; failures from rows
   * cover an hour.
   */
  readonly windowSeconds: number | null;
  /**
   * The input of the sampled history, for systems that delete rows; absent where rows stay or
   * nothing is counted.
   */
  readonly counters?: JobCounters;
  /** When its source was read, RFC 3339 UTC with seconds. */
  readonly observedAt: string;
}

/** Counters that only grow; null where the system does not count. */
export interface JobCounters {
  readonly processed: number | null;
  readonly failures: number | null;
  /** Identifies what does the counting, where that can change; the counters then start again. */
  readonly since?: string;
}

/** Seconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

/** Failures of one queue in the last 60 minutes with the same error text and worker host. */
export interface JobFailures {
  readonly queue: string;
  readonly source: string;
  /** Cleaned, secrets redacted, at most 2000 characters, never empty. */
  readonly error: string;
  /**
   * Worker's host name as the rows have it (River: `_` for `.`, cut at 60 characters); null where
   * they have none.
   */
  readonly worker: string | null;
  readonly count: number;
  /** The highest number of attempts among the jobs; null where the system does not count them. */
  readonly attempts: number | null;
  /** The first and the last failure, RFC 3339 UTC with seconds. */
  readonly firstAt: string;
  readonly lastAt: string;
  /**
   * Ids of the newest jobs, newest first, at most `jobIdsPerError`, as text (ids may exceed 2^53).
   */
  readonly jobIds: readonly string[];
}

/** Failures with their fingerprint, computed once for each read and shared by its callers. */
export interface FingerprintedFailures extends JobFailures {
  /** 12 hex digits: texts that differ only in values have the same one, in every queue. */
  readonly fingerprint: string;
  /** False where the source had more failures than it could return. */
  readonly complete: boolean;
}

/** A search for the failures of some errors among all that are stored. */
export interface PastSearch {
  /** Their texts, as `failures` returns them, with their fingerprints. */
  readonly errors: readonly Pick<FingerprintedFailures, "error" | "fingerprint">[];
  /** Only failures up to this time, unix seconds. */
  readonly until: number;
}

/** A failure with one of these errors: at least one for each queue, worker and fingerprint. */
export type PastFailure = Pick<FingerprintedFailures, "queue" | "source" | "worker" | "fingerprint">;

/** A past failure as a kind reads it, with its error text instead of a fingerprint. */
export type FoundFailure = Pick<JobFailures, "queue" | "source" | "worker" | "error">;

export interface PastFailures<Failure> {
  readonly failures: readonly Failure[];
  /** False when not all stored failures were examined; an error may then have more than these. */
  readonly isWhole: boolean;
}

/** The jobs of one queue that failed in the last 60 minutes with the same error text. */
export interface FailedJobs {
  /** As `JobFailures.error`. */
  readonly error: string;
  /** Newest first, at most `jobsPerOperation`. */
  readonly jobIds: readonly string[];
  /** How many jobs failed with this error. */
  readonly jobs: number;
}

export interface FingerprintedJobs extends FailedJobs, Pick<FingerprintedFailures, "fingerprint"> {}

/** A job that a worker is running. */
export interface RunningJob {
  readonly queue: string;
  readonly source: string;
  /** Id as text. */
  readonly jobId: string;
  /** The kind of the job, where its system distinguishes kinds within a queue; else null. */
  readonly kind: string | null;
  /** When it was taken, RFC 3339 UTC with seconds; null where the system does not record it. */
  readonly startedAt: string | null;
  /** Its worker, as the row names it. */
  readonly worker: string | null;
}

/** The running jobs of one queue on one host. */
export interface WorkerJobs {
  readonly queue: string;
  readonly source: string;
  /** As `JobFailures.worker`; null where the rows do not name it. */
  readonly host: string | null;
  readonly count: number;
  /**
   * How long the oldest of them has been running, seconds; null where the system does not record
   * it.
   */
  readonly oldestAgeSeconds: number | null;
  /**
   * When each of these jobs was taken, or when its worker was last seen alive if the system records
   * that, unix seconds. Oldest first, at most `workerStartsLimit`, without jobs whose start is
   * unknown.
   */
  readonly starts: readonly number[];
  /** When they were read, by the clock of the database, unix seconds. */
  readonly readAt: number;
}

/** A queue and a host on which its jobs ended. */
export interface EndedOnHost {
  readonly queue: string;
  /** As `JobFailures.worker`; null also for jobs that have not ended. */
  readonly host: string | null;
  /** When the last of these jobs ended, unix seconds; null where none ended. */
  readonly lastAt: number | null;
}

/** The running jobs of the workers on some hosts, from the rows of a source. */
export interface RunningJobs {
  /** Jobs on these hosts, oldest first, at most `runningJobsLimit`. */
  readonly jobs: readonly RunningJob[];
  /** How many jobs run on these hosts. */
  readonly total: number;
  /** Running jobs whose rows name no host: they may run on these hosts too. */
  readonly unnamed: number;
}

/** Kinds whose queues are not in the database. */
const brokers: Readonly<Record<string, Upstream>> = { rabbitmq: "rabbitmq", redis: "redis" };

/** The upstream that the sources of a kind are read from. */
export function toQueueUpstream(kind: string): Upstream {
  return brokers[kind] ?? "postgres";
}

export const noRunningJobs: RunningJobs = { jobs: [], total: 0, unnamed: 0 };

export const runningJobsLimit = 50;
/**
 * The maximum number of pairs of queue and host that one source returns: those with the oldest
 * jobs.
 */
export const workerJobsLimit = 1000;
export const workerStartsLimit = 1000;

/**
 * The maximum number of failure groups that one source returns, shared fairly among its queues. A
 * source that returns this many may have more.
 */
export const failureGroupsLimit = 2500;
export const jobIdsPerError = 5;

/**
 * The port to one job system. All calls are read-only, bounded in time, and reject with an
 * OpsError: postgres_unavailable, queues_unavailable (another system), queue_locked (a migration
 * holds the table) or schema_mismatch (a table, a column or a right is missing).
 */
export interface QueueSource {
  readonly name: string;
  readonly kind: string;
  /** Environment of its queues, null when not configured. */
  readonly env: Environment | null;
  /**
   * The configured owner of its queues; absent where the owner has to be learned from their
   * workers.
   */
  readonly owner?: ConfiguredOwner;
  /**
   * The name of its database or broker, where those have names; absent or null where there is only
   * one, without a name.
   */
  readonly place?: string | null;
  /** True for the placeholder of a database that could not be searched for job systems yet. */
  readonly isUnsearched?: boolean;
  /**
   * One entry for each known queue, including empty ones. A known queue is configured, or was seen
   * since the start.
   */
  metrics(signal: AbortSignal): Promise<readonly QueueMetrics[]>;
  /** Newest first, at most `failureGroupsLimit`. Empty where the system records no errors. */
  failures(signal: AbortSignal): Promise<readonly FingerprintedFailures[]>;
  /**
   * Failures of any age with some errors, from the rows that still exist. Also rejects with
   * query_refused. Absent where rows hold no failures.
   */
  pastFailures?(search: PastSearch, signal: AbortSignal): Promise<PastFailures<PastFailure>>;
  /**
   * The past of these queues at the times of the range; null means all queues that had a job in it.
   * Rejects also with query_refused (no index serves it, or the range holds too many jobs) and
   * answer_too_large. Absent where nothing is remembered.
   */
  history?(
    queues: readonly string[] | null,
    range: HistoryRange,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, QueueHistory>>;
  /**
   * As `history`, but only for jobs that ended on these hosts, so depth and age are null. A queue
   * without such jobs may be missing. Absent where the rows do not name the worker of an ended job.
   */
  historyOn?(
    hosts: readonly string[],
    queues: readonly string[] | null,
    range: HistoryRange,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, QueueHistory>>;
  /**
   * The hosts on which jobs of each queue ended since a time, unix seconds. This shows which
   * histories to request, and which queues other hosts work on too. Present where `historyOn` is.
   */
  workersSince?(from: number, signal: AbortSignal): Promise<readonly EndedOnHost[]>;
  /**
   * Failed jobs that the action would change; at most `failureGroupsLimit` texts, newest first.
   * Absent, or null, where jobs cannot be found by their error.
   */
  failedJobs?(queue: string, action: JobAction, signal: AbortSignal): Promise<readonly FingerprintedJobs[] | null>;
  /** Reads its jobs one by one; absent where that is impossible. */
  readonly jobs?: JobReader;
  /** Operations on its jobs; absent where none is allowed. */
  readonly control?: JobControl;
  /** Why no operation is allowed, where its kind has some and other databases allow them. */
  readonly readOnly?: string;
  /**
   * The running jobs on machines or containers with these host names. Absent where the rows name no
   * worker.
   */
  running?(hosts: readonly string[], signal: AbortSignal): Promise<RunningJobs>;
  /**
   * All running jobs by the host of their worker, oldest first, at most `workerJobsLimit`.
   * `running` takes these hosts. Absent where the rows name no worker.
   */
  workerJobs?(signal: AbortSignal): Promise<readonly WorkerJobs[]>;
  /**
   * How far the clock of its database is ahead of ours; null until it was asked. Absent without a
   * database.
   */
  clockOffset?(): ClockOffset | null;
}

/** A job system that was found but is not supported. */
export interface UnsupportedSystem {
  /** The name that its source would have; QUEUES_FILE hides it by this name. */
  readonly name: string;
  readonly kind: string;
  /** A clause to follow "because". */
  readonly reason: string;
}

/** The last answers of one source: the same arrays until it is read again. */
export interface CachedAnswers {
  readonly source: Pick<QueueSource, "name" | "env">;
  readonly metrics: readonly QueueMetrics[];
  readonly failures: readonly FingerprintedFailures[];
}

/**
 * Finds the source of this name; null if there is none. If a database that may hold it could not be
 * searched yet, rejects with the error of that database.
 */
export async function findSource<Source extends QueueSource>(
  all: readonly Source[],
  name: string,
  signal: AbortSignal,
): Promise<Source | null> {
  const source = all.find((one) => one.name === name);
  if (source) return source;
  const mayHave = ({ isUnsearched = false, place = null }: Source) =>
    isUnsearched && (place === null || name.startsWith(`${place}:`));
  await all.find(mayHave)?.metrics(signal);
  return null;
}

/** All sources behind one configuration. */
export interface QueueSources {
  /**
   * Configured and detected sources. A database that detection could not read is listed as a
   * failing source, unless it has no name and a configured source reads it. Rejects with
   * postgres_unavailable if there is nothing else.
   */
  all(signal: AbortSignal): Promise<readonly QueueSource[]>;
  /**
   * The unsupported systems that detection has found. Never rejects. Absent where there is no
   * detection.
   */
  unsupported?(signal: AbortSignal): Promise<readonly UnsupportedSystem[]>;
  /**
   * The cached answers of all sources of `all`; null if one of them would have to be read. Absent
   * where nothing is cached.
   */
  allCached?(): readonly CachedAnswers[] | null;
  /** The clocks of their databases; absent when they have no databases. */
  databaseClocks?(): readonly DatabaseClock[];
  close(): Promise<void>;
}
