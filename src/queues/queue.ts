import type { ClockOffset, DatabaseClock } from "../lib/clock-skew.ts";
import type { Environment } from "../lib/environment.ts";
import type { HistoryRange } from "../lib/range.ts";
import type { Upstream } from "../lib/upstream-call.ts";
import type { QueueHistory } from "./history.ts";
import type { JobReader } from "./job.ts";
import type { JobAction, JobControl } from "./jobs/control.ts";
import type { ConfiguredOwner } from "./owners.ts";

/** A text that only this queue has. */
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
   * Those of the last 5 minutes, the window of the rate. Where samples are not 5 minutes apart:
   * their number at the same rate over 5 minutes. Null where `failuresLastHour` is null.
   */
  readonly failuresRecent: number | null;
  /**
   * Where these two are unknown, because rows are gone: how many failures the rows that are left
   * have.
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
  /** Age of the oldest job that can run now, since it could, seconds; null without one. */
  readonly oldestAgeSeconds: number | null;
  /** Wait and run times of jobs that ended in the last 5 minutes, seconds; null without one. */
  readonly waitSeconds: Quantiles | null;
  readonly runSeconds: Quantiles | null;
  /**
   * The largest `runSeconds.p95` read in this clock hour and the one before, else the last one
   * read, seconds. So it is known even while nothing ends. Where rows hold no run times: the
   * longest possible run of a job that was seen running. Absent or null until one was read.
   */
  readonly usualRunSeconds?: number | null;
  /**
   * How long its oldest running job has been running, seconds; null without one. Only where rows of
   * ended jobs hold no run times; else absent.
   */
  readonly oldestRunSeconds?: number | null;
  /**
   * How long ago a job was taken, as far as rows show it, seconds. Only where the rate may be
   * unknown; else absent.
   */
  readonly takenSeconds?: number;
  /**
   * Where the rate may come from samples: for how long they show that nothing succeeded, seconds;
   * null where they do not. A rate of 0 alone may be that of a minute. Absent where rows give it.
   */
  readonly restSeconds?: number | null;
  /**
   * A number that differs where other jobs run. Only where rows do not show when one was taken;
   * else absent.
   */
  readonly runningIds?: number;
  /**
   * For how long no waiting job has been taken, as far as reads show it, seconds; absent or null
   * where none waits, or it is unknown since when.
   */
  readonly untakenSeconds?: number | null;
  /**
   * The most successes in 5 minutes that the reads had since one of them first saw its latest
   * failure; absent or null where it did not fail, or the rate is unknown.
   */
  readonly successesAtFailure?: number | null;
  readonly paused: boolean | null;
  /** Workers that take jobs from it now, where the system knows. */
  readonly workers: number | null;
  /**
   * False when `processedPerSec` or `failuresLastHour` comes from samples of counters, when numbers
   * are estimates, or when nobody named the zone of the times.
   */
  readonly exact: boolean;
  /**
   * Where the rate or the failures are sampled: how far the samples reach back, seconds, at most
   * 3600. The rate covers the last 300. Sampled failures cover the whole window; failures from rows
   * cover an hour.
   */
  readonly windowSeconds: number | null;
  /**
   * Input of the sampled history, where rows vanish; absent where they do not, or nothing is
   * counted.
   */
  readonly counters?: JobCounters;
  /** When its source was read, RFC 3339 UTC with seconds. */
  readonly observedAt: string;
}

/** Counters that only grow; null where the system does not count. */
export interface JobCounters {
  readonly processed: number | null;
  readonly failures: number | null;
  /** Identifies who counts, where that may change: the counters start again when it does. */
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
  /** Most attempts of any of the jobs; null where the system does not count them. */
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
  /** 12 hex digits: texts that differ only in values have the same, in every queue. */
  readonly fingerprint: string;
  /** False where the source had more failures than it could return. */
  readonly complete: boolean;
}

/** Errors whose failures are looked for among all that are stored. */
export interface PastSearch {
  /** Their texts, as `failures` returns them, with their fingerprints. */
  readonly errors: readonly Pick<FingerprintedFailures, "error" | "fingerprint">[];
  /** Only failures up to this time, unix seconds. */
  readonly until: number;
}

/** A failure with one of these errors: one for each queue, worker and fingerprint, or more. */
export type PastFailure = Pick<FingerprintedFailures, "queue" | "source" | "worker" | "fingerprint">;

/** The same as a kind reads it. */
export type FoundFailure = Pick<JobFailures, "queue" | "source" | "worker" | "error">;

export interface PastFailures<Failure> {
  readonly failures: readonly Failure[];
  /** False where not all stored failures were looked at: an error may have more than these. */
  readonly isWhole: boolean;
}

/** The jobs of one queue that failed in the last 60 minutes with the same error text. */
export interface FailedJobs {
  /** As `JobFailures.error`. */
  readonly error: string;
  /** Newest first, at most `jobsPerOperation`. */
  readonly jobIds: readonly string[];
  /** How many jobs failed so. */
  readonly jobs: number;
}

export interface FingerprintedJobs extends FailedJobs, Pick<FingerprintedFailures, "fingerprint"> {}

/** A job that a worker is running. */
export interface RunningJob {
  readonly queue: string;
  readonly source: string;
  /** Id as text. */
  readonly jobId: string;
  /** Its kind, where the system has more than the queue; else null. */
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
   * When each of them was taken, or its worker was last seen alive, as the system writes it, unix
   * seconds. Oldest first, at most `workerStartsLimit`, without those of unknown start.
   */
  readonly starts: readonly number[];
  /** When they were read, by the clock of the database, unix seconds. */
  readonly readAt: number;
}

/** That jobs of a queue ended on a host. */
export interface EndedOnHost {
  readonly queue: string;
  /** As `JobFailures.worker`; null also for jobs that have not ended. */
  readonly host: string | null;
  /** When the last one did, unix seconds; null where none did. */
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
/** Pairs of queue and host that one source returns, at most: those with the oldest jobs. */
export const workerJobsLimit = 1000;
export const workerStartsLimit = 1000;

/**
 * Groups of failures that one source returns, at most, shared fairly by its queues. With this many
 * there may be more.
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
   * Whose queues they are, as configured; absent where that has to be learned from their workers.
   */
  readonly owner?: ConfiguredOwner;
  /**
   * The name of its database or broker, where they have names; absent or null where there is one.
   */
  readonly place?: string | null;
  /** It stands for a database in which no job system could be looked for yet. */
  readonly isUnsearched?: boolean;
  /** One entry for each known queue, empty ones included: configured, or seen since the start. */
  metrics(signal: AbortSignal): Promise<readonly QueueMetrics[]>;
  /** Newest first, at most `failureGroupsLimit`. Empty where the system records no errors. */
  failures(signal: AbortSignal): Promise<readonly FingerprintedFailures[]>;
  /**
   * Failures with some errors, of any age, in the rows that are still there. Rejects also with
   * query_refused. Absent where no rows hold them.
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
   * As `history`, but only what ended on these hosts, so depth and age are null. A queue of which
   * nothing did may be missing. Absent where the rows do not name the worker of an ended job.
   */
  historyOn?(
    hosts: readonly string[],
    queues: readonly string[] | null,
    range: HistoryRange,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, QueueHistory>>;
  /**
   * On which hosts the jobs of all queues ended since a time, unix seconds: whose histories to ask
   * for, and where others take part. Present where `historyOn` is.
   */
  workersSince?(from: number, signal: AbortSignal): Promise<readonly EndedOnHost[]>;
  /**
   * Failed jobs that the action would change; at most `failureGroupsLimit` texts, newest first.
   * Absent, or null, where jobs cannot be found by their error.
   */
  failedJobs?(queue: string, action: JobAction, signal: AbortSignal): Promise<readonly FingerprintedJobs[] | null>;
  /** Its jobs, one by one; absent where they cannot be read so. */
  readonly jobs?: JobReader;
  /** Operations on its jobs; absent where none is allowed. */
  readonly control?: JobControl;
  /** Why none is allowed, where its kind has some and those of other databases are allowed. */
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
 * The source of this name among all; null without one. Rejects as the database does that may have
 * it, if that could not be searched yet.
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
   * Configured and detected sources. A database that detection has not been able to read is a
   * source that fails, unless it has no name and a configured source is in it. Rejects with
   * postgres_unavailable where that is all there is.
   */
  all(signal: AbortSignal): Promise<readonly QueueSource[]>;
  /**
   * Unsupported systems, as far as detection could look. Never rejects. Absent: there is no
   * detection.
   */
  unsupported?(signal: AbortSignal): Promise<readonly UnsupportedSystem[]>;
  /**
   * What the sources of `all` would return at once; null where one of them would be read. Absent:
   * nothing is cached.
   */
  allCached?(): readonly CachedAnswers[] | null;
  /** The clocks of their databases; absent when they have no databases. */
  databaseClocks?(): readonly DatabaseClock[];
  close(): Promise<void>;
}
