/** What can be done to a job: run it again now, or see to it that it never runs again. */
export type JobAction = "retry" | "discard";

/** One job of a source. */
export interface JobRef {
  readonly jobId: string;
  /** The job must be in this queue; null: wherever it is. */
  readonly queue: string | null;
}

/** What became of a change of one job. */
export interface JobChange {
  readonly jobId: string;
  /** Its queue; null when there is no such job. */
  readonly queue: string | null;
  readonly changed: boolean;
  /** In the words of its system: afterwards when it was changed, else as it is; null when there is no such job. */
  readonly state: string | null;
  /** Why it was not changed, where its state alone does not say; else null. */
  readonly reason: string | null;
}

/**
 * The port to what one job system lets an operator do, by statements of its own that look at the state as they change it: of two callers one changes
 * the job and the other is told its state. Rejects with an OpsError: invalid_request (no id of this system), postgres_unavailable, queue_locked,
 * schema_mismatch, or job_unknown when the answer was lost and it may have been done; after the others nothing was.
 */
export interface JobControl {
  /** Whether it could be asked for at all, by what is known without asking. @throws operation_not_supported, invalid_request */
  check(action: JobAction, job: JobRef): void;
  /** Never asked for while its result is awaited: it does not end with its caller. `onlyFailed` leaves a job alone that somebody has discarded. */
  change(action: JobAction, job: JobRef, onlyFailed: boolean): Promise<JobChange>;
  /** The state of a job, null when there is none. */
  look(job: JobRef): Promise<string | null>;
  /** Whether the role may do what it would be asked for: rejects as `change`. Nothing is changed, not even where it could be. */
  verify(): Promise<void>;
}

/** Jobs that were asked for in one operation, at most. */
export const jobsPerOperation = 100;
/** Which failures `retryErrorGroup` means: those of so many minutes, as everywhere. */
export const errorGroupMinutes = 60;
