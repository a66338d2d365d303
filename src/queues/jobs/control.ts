import type { TableName } from "../postgres/names.ts";

/** What can be done to a job: run it again now, or cancel it for good. */
export type JobAction = "retry" | "discard";

/** One job of a source. */
export interface JobRef {
  readonly jobId: string;
  /** The queue that the job must be in; null for any queue. */
  readonly queue: string | null;
}

/** The result of changing one job. */
export interface JobChange {
  readonly jobId: string;
  /** Its queue; null when there is no such job. */
  readonly queue: string | null;
  readonly changed: boolean;
  /**
   * The state as its system calls it: the new one after a change, else the current one; null when
   * there is no such job.
   */
  readonly state: string | null;
  /** Why it was not changed, where its state does not explain it; else null. */
  readonly reason: string | null;
}

/**
 * The port to the operations of one job system. Each statement checks the state as it changes it,
 * so that of two concurrent callers one changes the job and the other gets its state. Rejects with
 * an OpsError: invalid_request (not an id of this system), postgres_unavailable, queue_locked,
 * schema_mismatch, or job_unknown when the answer was lost and the change may have been made. After
 * every other error nothing was changed.
 */
export interface JobControl {
  /**
   * Checks that the operation is possible, as far as this is known without asking the database.
   * @throws operation_not_supported, invalid_request
   */
  check(action: JobAction, job: JobRef): void;
  /**
   * Takes no signal, because a change goes on when its caller leaves. `onlyFailed` excludes jobs
   * that were discarded or are running. `check` is called right before the change is sent; if it
   * throws, the call rejects with that error and nothing was changed.
   */
  change(action: JobAction, job: JobRef, onlyFailed: boolean, check?: () => void): Promise<JobChange>;
  /** The state of a job, null when it does not exist. */
  look(job: JobRef): Promise<string | null>;
  /** Checks the role's rights for all operations; rejects as `change`. Changes nothing. */
  verify(): Promise<void>;
}

/**
 * How the jobs of one source are changed: statements for one job, which return at most one row
 * {queue, state}; `state` is in the words of the system.
 */
export interface JobStatements {
  /** For messages. */
  readonly table: TableName;
  /**
   * The format of an id; null where it depends on the type of a column, which the database checks.
   */
  readonly id: { readonly pattern: RegExp; readonly expected: string } | null;
  /**
   * Changes the job if its state allows it, and returns its new state. The condition is part of the
   * statement, so that only one of two concurrent callers changes the job. Null where the system
   * does not support the action, or the configuration does not say how.
   */
  change(action: JobAction, job: JobRef, onlyFailed: boolean): string | null;
  /** Reads the job. */
  look(job: JobRef): string;
}

/** 64-bit ids, as text: a JavaScript number cannot hold them. */
export const bigintId = { pattern: /^\d{1,19}$/, expected: "a whole number" };
export const uuidId = { pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, expected: "a UUID" };

/** The maximum number of jobs per operation. */
export const jobsPerOperation = 100;
/**
 * `retryErrorGroup` and `discardErrorGroup` change jobs whose failures are at most this old,
 * minutes: the window used everywhere.
 */
export const errorGroupMinutes = 60;
