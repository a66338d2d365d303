import type { AuditEntry, AuditLog } from "./audit.ts";
import { type AuditOutcome, createOutcomes, onceDone } from "./audit-outcomes.ts";
import { type JobBudget, JobsRefused, createJobBudget } from "./job-control-budget.ts";
import {
  type JobRequest,
  toChangeOutcome,
  toFailureOutcome,
  toGroupOutcome,
  toJobIntent,
  toSettled,
} from "./job-control-record.ts";
import type { JobAction, JobChange, JobControl, JobRef } from "./job-control.ts";
import { toHolder } from "./principal.ts";
import { pause } from "./restart-settle.ts";

/** Failures that are one error, in one queue. */
export interface ErrorGroupJobs {
  readonly queue: string;
  readonly fingerprint: string;
  /** Those to retry, newest first, at most `jobsPerOperation`. */
  readonly jobIds: readonly string[];
  /** How many jobs the group has. */
  readonly total: number;
}

interface GroupRetry {
  readonly retried: readonly JobChange[];
  /** Not failed any more, or gone. */
  readonly skipped: readonly JobChange[];
  /** Jobs of the group that were not tried. */
  readonly left: number;
  /** What ended it before all were tried; null for nothing. */
  readonly error: unknown;
}

export interface JobOperations {
  /**
   * Changes a job between two entries of the audit record: the intent before (no record, no change) and the outcome after. It goes on when its caller leaves.
   * Resolves also for a job that was not changed. Rejects with JobsRefused, as `JobControl.check` throws (both are not recorded), or as `JobControl.change` and `AuditLog.write` do.
   */
  change(action: JobAction, job: JobRef, request: JobRequest): Promise<JobChange>;
  /** The same for many, one after the other, as one operation. Rejects only where none was changed or skipped. */
  retryGroup(group: ErrorGroupJobs, request: JobRequest): Promise<GroupRetry>;
  /** Tells what earlier processes have left as `unknown`, and looks at its jobs. Once; the others wait for it. Rejects with audit_unavailable. */
  recover(): Promise<void>;
  /** Waits for what is under way, and its outcomes. */
  close(): Promise<void>;
}

interface JobOperationsOptions {
  readonly audit: AuditLog;
  /** The control of a source; null when there is none, or none any more. May reject. */
  readonly find: (source: string) => Promise<JobControl | null>;
  /** How many jobs one token may change. @default 1000 */
  readonly jobsPerHour?: number;
  /** How long jobs whose change is unknown are looked for, and how often. */
  readonly settleMs?: number;
  readonly pollMs?: number;
}

export function createJobOperations(options: JobOperationsOptions): JobOperations {
  const { audit, find, jobsPerHour = 1000, settleMs = 60_000, pollMs = 1000 } = options;
  const budget: JobBudget = createJobBudget({ jobsPerHour });
  const closing = new AbortController();
  const { track, record, recorded, settled } = createOutcomes(audit, closing.signal);

  /** Looks until it could, or until the time is up: then the next start does. Not where nothing may be changed any more. */
  const settle = async (intent: AuditEntry, seq: number): Promise<void> => {
    const end = performance.now() + settleMs;
    do {
      const states = await lookAt(intent, find).catch(() => "unknown" as const);
      if (states === null) return;
      if (states !== "unknown") return record({ ...intent, ...toSettled(states), intent: seq });
    } while (performance.now() < end && (await pause(pollMs, closing.signal)));
  };

  const takeOver = async (): Promise<void> => {
    const { open } = await audit.recover();
    const ours = open.filter(({ intent: { job } }) => job !== null);
    const died = { outcome: "unknown", detail: "the gateway died during the change", code: "job_unknown" } as const;
    for (const { intent, told } of ours) if (!told) await audit.write({ ...intent, ...died, intent: intent.seq });
    // After the last that can fail: whoever tries again settles each once.
    for (const { intent } of ours) void track(settle(intent, intent.seq));
  };
  const recover = onceDone(takeOver);

  /** As `recorded`; what stays unknown is looked for. */
  const recordChange = <T>(entry: AuditEntry, act: () => Promise<T>, toOutcome: (result: T) => AuditOutcome) =>
    recorded(entry, act, {
      toOutcome,
      toFailure: toFailureOutcome,
      onRecorded: ({ outcome }, seq) => {
        if (outcome === "unknown") void track(settle(entry, seq));
      },
    });

  const begin = async (holder: string, jobs: number): Promise<number> => {
    await recover();
    if (closing.signal.aborted) throw new JobsRefused("overloaded", "The gateway is stopping", 5);
    return budget.take(holder, jobs);
  };
  const change = async (action: JobAction, job: JobRef, request: JobRequest): Promise<JobChange> => {
    const holder = toHolder(request.principal);
    request.source.control.check(action, job);
    await begin(holder, 1);
    const target = { source: request.source.name, queue: job.queue, ids: [job.jobId], fingerprint: null };
    const entry = toJobIntent(`job.${action}`, target, request);
    return recordChange(
      entry,
      () => request.source.control.change(action, job, false),
      (done) => toChangeOutcome(action, done),
    ).catch((error: unknown) => {
      if (isUnrecorded(error)) budget.giveBack(holder, 1);
      throw error;
    });
  };
  const retryGroup = async (group: ErrorGroupJobs, request: JobRequest): Promise<GroupRetry> => {
    const holder = toHolder(request.principal);
    for (const jobId of group.jobIds) request.source.control.check("retry", { jobId, queue: group.queue });
    const granted = await begin(holder, group.jobIds.length);
    const ids = group.jobIds.slice(0, granted);
    const { queue, fingerprint } = group;
    const entry = toJobIntent("job.retry_group", { source: request.source.name, queue, ids, fingerprint }, request);
    const { changes, error } = await recordChange(
      entry,
      () => retryEach(ids, queue, request.source.control, closing.signal),
      (done) => toGroupOutcome(done.changes, done.error),
    ).catch((failure: unknown) => {
      if (isUnrecorded(failure)) budget.giveBack(holder, granted);
      throw failure;
    });
    if (error !== null && changes.length === 0) throw error;
    const [retried, skipped] = [changes.filter(({ changed }) => changed), changes.filter(({ changed }) => !changed)];
    return { retried, skipped, left: Math.max(group.total - changes.length, ids.length - changes.length), error };
  };

  return {
    change: (action, job, request) => track(change(action, job, request)),
    retryGroup: (group, request) => track(retryGroup(group, request)),
    recover,
    async close() {
      closing.abort();
      await settled();
    },
  };
}

/** One after the other until one cannot be done, or the gateway stops. */
async function retryEach(ids: readonly string[], queue: string, control: JobControl, closing: AbortSignal) {
  const changes: JobChange[] = [];
  try {
    for (const jobId of ids) {
      if (closing.aborted) throw new JobsRefused("overloaded", "The gateway is stopping", 5);
      changes.push(await control.change("retry", { jobId, queue }, true));
    }
  } catch (error) {
    return { changes, error };
  }
  return { changes, error: null };
}

/** Null where the source has no control. */
async function lookAt({ job }: AuditEntry, find: JobOperationsOptions["find"]): Promise<(string | null)[] | null> {
  const control = job && (await find(job.source));
  if (!job || !control) return null;
  const states: (string | null)[] = [];
  for (const jobId of job.ids) states.push(await control.look({ jobId, queue: job.queue }));
  return states;
}

function isUnrecorded(error: unknown): boolean {
  return (error as { code?: unknown }).code === "audit_unavailable";
}
