import type { JobRef } from "./jobs/control.ts";

/** The states of a job, with the same names for every job system. */
export type JobState =
  | "available"
  | "scheduled"
  | "running"
  | "retrying"
  | "failed"
  | "completed"
  | "cancelled"
  | "blocked";

/**
 * A job that its system stores as a row. Times are RFC 3339 UTC with seconds; what the system does
 * not record is null.
 */
export interface Job {
  readonly source: string;
  readonly queue: string;
  /** Id as text: it may exceed 2^53. */
  readonly jobId: string;
  readonly kind: string | null;
  /** Null where none of our states matches the system's. */
  readonly state: JobState | null;
  /** The state as its system calls it. */
  readonly systemState: string;
  readonly priority: number | null;
  readonly createdAt: string | null;
  /** When it becomes, or became, able to run. */
  readonly scheduledAt: string | null;
  /** When its last attempt began. */
  readonly startedAt: string | null;
  /** When it ended for good. */
  readonly finishedAt: string | null;
  /** The number of attempts that began. */
  readonly attempt: number | null;
  readonly maxAttempts: number | null;
  /** The worker of the last attempt, as the row names it, and its host name. */
  readonly worker: string | null;
  readonly host: string | null;
}

/** A failed attempt of a job. */
export interface JobAttempt {
  /** 1 for the first. */
  readonly number: number | null;
  /** When it failed, RFC 3339 UTC with seconds. */
  readonly at: string | null;
  readonly startedAt: string | null;
  /** Cleaned, secrets redacted, at most 2000 characters, never empty. */
  readonly error: string;
  /**
   * Its stack trace, cleaned in the same way, at most `traceLimit` characters; null without one.
   */
  readonly trace: string | null;
  readonly worker: string | null;
  readonly host: string | null;
}

/** The arguments of a job. */
export interface JobArgs {
  /** JSON with its secrets redacted, at most `argsLimit` characters. */
  readonly text: string;
  readonly truncated: boolean;
}

/** The place of a job in a list, which a cursor names. */
export interface JobPlace {
  /**
   * The time that the list is ordered by, as its database writes it; "" where it is ordered by ids
   * alone.
   */
  readonly time: string;
  readonly id: string;
}

/** The jobs that a page shall hold. */
export interface JobsQuery {
  /** Null: all queues. */
  readonly queue: string | null;
  /** Null: all states. */
  readonly state: JobState | null;
  readonly after: JobPlace | null;
  readonly before: JobPlace | null;
  /** Whether to begin at the end of the list; the jobs are then in reverse order. */
  readonly inverted: boolean;
  readonly limit: number;
}

export interface PlacedJob extends Job {
  readonly place: JobPlace;
}

/** The maximum number of jobs per call: of `find`, and of the other calls. */
export const findLimit = 500;
export const jobsLimit = 100;
/** The maximum number of attempts that are read per job: the newest ones. */
export const attemptsLimit = 25;
export const traceLimit = 4_000;
export const argsLimit = 8_192;

/**
 * The port to the jobs of one system. Calls are read-only, bounded in time, and reject as those of
 * `QueueSource`; also with query_refused where no index serves them.
 */
export interface JobReader {
  /**
   * Reads each job, with one statement: null when it does not exist, an OpsError (invalid_request)
   * when its id does not have the form of this system's ids, or several queues have it.
   */
  find(jobs: readonly JobRef[], signal: AbortSignal): Promise<readonly (Job | Error | null)[]>;
  /**
   * Lists jobs, newest first: lists of an ended state by the end of the jobs, others by their
   * creation. Rejects with invalid_request when the place is not in this list.
   */
  page(query: JobsQuery, signal: AbortSignal): Promise<readonly PlacedJob[]>;
  /**
   * The failed attempts of each job that its system stores, newest first, at most `attemptsLimit`.
   * One statement.
   */
  attempts(jobs: readonly Job[], signal: AbortSignal): Promise<readonly (readonly JobAttempt[])[]>;
  /**
   * The arguments of each job, null where the job is gone. One statement. Rejects with
   * schema_mismatch where the role may not read them. Absent where none are stored.
   */
  args?(jobs: readonly Job[], signal: AbortSignal): Promise<readonly (JobArgs | null)[]>;
}
