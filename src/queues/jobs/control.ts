import type { TableName } from "../postgres/names.ts";

/** What can be done to a job: run it again now, or cancel it for good. */
export type JobAction = "retry" | "discard";

/** One job of a source. */
export interface JobRef {
  readonly jobId: string;
  /** The job must be in this queue; null: in any queue. */
  readonly queue: string | null;
}

/** The result of changing one job. */
export interface JobChange {
  readonly jobId: string;
  /** Its queue; null when there is no such job. */
  readonly queue: string | null;
  readonly changed: boolean;
  /**
   * As its system calls it: after the change, or the current one if nothing changed; null when
   * there is no such job.
   */
  readonly state: string | null;
  /** Why it was not changed, where its state does not explain it; else null. */
  readonly reason: string | null;
}

/**
 * The port to the operations of one job system. Each statement checks the state as it changes it:
 * of two callers, one changes the job and the other gets its state. Rejects with an OpsError:
 * invalid_request (no id of this system), postgres_unavailable, queue_locked, schema_mismatch, or
 * job_unknown when the answer was lost and the change may have been made. After all the others
 * nothing was changed.
 */
export interface JobControl {
  /**
   * Whether the operation is possible, as far as known without asking the database. @throws
   * operation_not_supported, invalid_request
   */
  check(action: JobAction, job: JobRef): void;
  /**
   * Takes no signal: a change goes on when its caller leaves. `onlyFailed` leaves alone a job that
   * somebody has discarded, or that runs. `check` is called right before the database is asked for
   * the change: what it throws is the answer, and nothing was changed.
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
   * Changes the job if its state allows it, and returns its new state. The statement itself has the
   * condition, so that of two callers one changes the job. Null where the system does not support
   * the action, or the configuration does not say how.
   */
  change(action: JobAction, job: JobRef, onlyFailed: boolean): string | null;
  /** Reads the job. */
  look(job: JobRef): string;
}

/** 64-bit ids, as text: a JavaScript number cannot hold them. */
export const bigintId = { pattern: /^\d{1,19}$/, expected: "a whole number" };
export const uuidId = { pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, expected: "a UUID" };

/** Jobs of one operation, at most. */
export const jobsPerOperation = 100;
/**
 * `retryErrorGroup` and `discardErrorGroup` change jobs whose failures are at most this old,
 * minutes: the window used everywhere.
 */
export const errorGroupMinutes = 60;
