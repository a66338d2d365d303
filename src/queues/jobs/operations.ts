import { type AuditEntry, type AuditLog, type JobAuditAction, type JobTarget, toIntentEntry } from "../../audit/audit.ts";
import { type AuditOutcome, createOutcomes } from "../../audit/recorder.ts";
import { type RequestOrigin, type Principal, toHolder } from "../../auth/principal.ts";
import { pause } from "../../lib/abort.ts";
import { onceDone } from "../../lib/cache.ts";
import type { Environment } from "../../lib/environment.ts";
import { createHourlyBudget } from "../../lib/hourly-budget.ts";
import { formatCount } from "../../lib/text.ts";
import type { JobAction, JobChange, JobControl, JobRef } from "./control.ts";

/** The failed jobs of one error in one queue. */
export interface ErrorGroupJobs {
  readonly queue: string;
  readonly fingerprint: string;
  /** The jobs to change, newest first, at most `jobsPerOperation`. */
  readonly jobIds: readonly string[];
  /** How many jobs the group has. */
  readonly total: number;
}

export interface GroupChange {
  readonly changed: readonly JobChange[];
  /** In a state that the action does not change by now, or gone. */
  readonly skipped: readonly JobChange[];
  /** Jobs of the group that were not tried. */
  readonly left: number;
  /** Why it stopped before all were tried; null when it did not. */
  readonly error: unknown;
}

export type JobOperations = ReturnType<typeof createJobOperations>;

interface JobOperationsOptions {
  readonly audit: AuditLog;
  /** The control of a source; null when it has none, or no longer. May reject. */
  readonly find: (source: string) => Promise<JobControl | null>;
  /** How many jobs one token may change in an hour. @default 1000 */
  readonly jobsPerHour?: number;
  /** How long, and how often, to look for jobs whose change is unknown. */
  readonly settleMs?: number;
  readonly pollMs?: number;
}

export function createJobOperations(options: JobOperationsOptions) {
  const { audit, find, jobsPerHour = 1000, settleMs = 60_000, pollMs = 1000 } = options;
  const budget = createJobBudget({ jobsPerHour });
  const closing = new AbortController();
  const { track, record, recorded, settled } = createOutcomes(audit, closing.signal);

  /** Looks at the jobs until it succeeds or the time is up; after that the next start does it. Stops where the source has no control. */
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
    for (const { intent, hasOutcome } of ours) if (!hasOutcome) await audit.write({ ...intent, ...died, intent: intent.seq });
    // Runs only when all writes have succeeded: a retry of recover must not settle an entry twice.
    for (const { intent } of ours) void track(settle(intent, intent.seq));
  };
  const recover = onceDone(takeOver);

  /** As `recorded`; then settles an outcome that is unknown. Without a record nothing was tried, and the jobs go back to the budget. */
  const recordChange = <T>(
    action: JobAuditAction,
    job: JobTarget,
    request: JobRequest,
    act: () => Promise<T>,
    toOutcome: (result: T) => AuditOutcome,
  ) => {
    const entry = toJobIntent(action, job, request);
    const onRecorded = ({ outcome }: AuditOutcome, seq: number) => {
      if (outcome === "unknown") void track(settle(entry, seq));
    };
    return recorded(entry, act, { toOutcome, toFailure: toFailureOutcome, onRecorded }).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === "audit_unavailable")
        budget.giveBack(toHolder(request.principal), job.ids.length);
      throw error;
    });
  };

  const begin = async ({ principal }: JobRequest, jobs: number): Promise<number> => {
    await recover();
    if (closing.signal.aborted) throw new JobsRefused("overloaded", "The gateway is stopping", 5);
    return budget.take(toHolder(principal), jobs);
  };
  const change = async (action: JobAction, job: JobRef, request: JobRequest): Promise<JobChange> => {
    const { name, control } = request.source;
    control.check(action, job);
    await begin(request, 1);
    const target = { source: name, queue: job.queue, ids: [job.jobId], fingerprint: null };
    const act = () => control.change(action, job, false);
    return recordChange(`job.${action}`, target, request, act, (done) => toChangeOutcome(action, done));
  };
  const changeGroup = async (action: JobAction, group: ErrorGroupJobs, request: JobRequest): Promise<GroupChange> => {
    const { queue, fingerprint, jobIds } = group;
    const { name, control } = request.source;
    for (const jobId of jobIds) control.check(action, { jobId, queue });
    const ids = jobIds.slice(0, await begin(request, jobIds.length));
    const target = { source: name, queue, ids, fingerprint };
    const act = () => changeEach(action, ids, queue, control, closing.signal);
    const toOutcome = (done: Awaited<ReturnType<typeof act>>) => toGroupOutcome(action, done.changes, done.error);
    const { changes, error } = await recordChange(`job.${action}_group`, target, request, act, toOutcome);
    if (error !== null && changes.length === 0) throw error;
    const [changed, skipped] = [changes.filter((one) => one.changed), changes.filter((one) => !one.changed)];
    return { changed, skipped, left: Math.max(group.total - changes.length, ids.length - changes.length), error };
  };

  return {
    /**
     * Changes a job between two audit entries: the intent before (no record, no change) and the outcome after. Goes on when its caller leaves. Resolves also for
     * a job that was not changed. Rejects with JobsRefused, or as `JobControl.check` throws (neither is recorded), or as `JobControl.change` and
     * `AuditLog.write` do.
     */
    change: (...call: Parameters<typeof change>): Promise<JobChange> => track(change(...call)),
    /** Changes many jobs one after the other as one operation. Rejects only when none was changed or skipped. */
    changeGroup: (...call: Parameters<typeof changeGroup>): Promise<GroupChange> => track(changeGroup(...call)),
    /** Records the open changes of earlier processes as `unknown`, and looks at their jobs. Runs once; other callers wait. Rejects with audit_unavailable. */
    recover,
    /** Waits for running operations and their outcomes. */
    async close(): Promise<void> {
      closing.abort();
      await settled();
    },
  };
}

/** Changes one after the other until one fails or the gateway stops. */
async function changeEach(action: JobAction, ids: readonly string[], queue: string, control: JobControl, closing: AbortSignal) {
  const changes: JobChange[] = [];
  try {
    for (const jobId of ids) {
      if (closing.aborted) throw new JobsRefused("overloaded", "The gateway is stopping", 5);
      changes.push(await control.change(action, { jobId, queue }, true));
    }
  } catch (error) {
    return { changes, error };
  }
  return { changes, error: null };
}

/** The states of the entry's jobs; null where the source has no control. */
async function lookAt({ job }: AuditEntry, find: JobOperationsOptions["find"]): Promise<(string | null)[] | null> {
  const control = job && (await find(job.source));
  if (!job || !control) return null;
  const states: (string | null)[] = [];
  for (const jobId of job.ids) states.push(await control.look({ jobId, queue: job.queue }));
  return states;
}

/** Why an operation was refused. Nothing happened and nothing was recorded. */
export class JobsRefused extends Error {
  readonly code: "job_budget" | "overloaded";
  /** When to try again. */
  readonly retryAfterSeconds: number;

  constructor(code: JobsRefused["code"], message: string, retryAfterSeconds: number) {
    super(message);
    this.name = "JobsRefused";
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * Limits how many jobs a token may change in an hour. The other limits of restarts (containers/restart/limits.ts) do not fit: they are for few, slow actions, one at
 * a time for each container, with a pause after it. Here the job's row decides who changes it, and one operation has up to a hundred jobs. `now`: a monotonic
 * clock, milliseconds.
 */
export function createJobBudget({ jobsPerHour, now }: { readonly jobsPerHour: number; readonly now?: () => number }) {
  const budget = createHourlyBudget(jobsPerHour, now);
  return {
    /** Takes up to `jobs` jobs from the holder's hour. Returns how many it got, at least 1. @throws JobsRefused when none is left */
    take(holder: string, jobs: number): number {
      const { count, retryAfterSeconds } = budget.left(holder);
      if (count <= 0)
        throw new JobsRefused(
          "job_budget",
          `This token has used its budget of ${formatCount(jobsPerHour, "job")} an hour`,
          retryAfterSeconds,
        );
      const taken = Math.min(jobs, count);
      budget.take(holder, taken);
      return taken;
    },
    /** Returns jobs to the budget: nothing was tried. */
    giveBack: (holder: string, jobs: number) => budget.giveBack(holder, jobs),
  };
}

/** Who requests a change, and in which source. */
export interface JobRequest {
  readonly source: { readonly name: string; readonly env: Environment | null; readonly control: JobControl };
  readonly reason: string;
  readonly requestId: string;
  readonly principal: Principal;
  readonly origin: RequestOrigin;
}

/** The intent to change jobs, for the audit record. */
export function toJobIntent(action: JobAuditAction, job: JobTarget, request: JobRequest): AuditEntry {
  return toIntentEntry(request, { action, job, env: request.source.env });
}

const doneWords: Readonly<Record<JobAction, string>> = { retry: "retried", discard: "discarded" };

/** The error for a job that was not changed; null for one that was. */
export function toRefusal(action: JobAction, { changed, state, reason }: JobChange) {
  if (changed) return null;
  if (state === null) return { code: "job_not_found", message: "No such job in this source and queue" } as const;
  return {
    code: "job_conflict",
    message: `This job is ${state} and was not ${doneWords[action]}${reason === null ? "" : `: ${reason}`}`,
  } as const;
}

export function toChangeOutcome(action: JobAction, change: JobChange): AuditOutcome {
  const refusal = toRefusal(action, change);
  if (refusal === null) return { outcome: "ok", detail: change.state, code: null };
  return { outcome: "failed", detail: `${refusal.code}: ${refusal.message}`, code: refusal.code };
}

/** `error` is null when all jobs were tried. */
export function toGroupOutcome(action: JobAction, changes: readonly JobChange[], error: unknown): AuditOutcome {
  const done = changes.filter(({ changed }) => changed).length;
  const skipped = changes.filter(({ changed }) => !changed).map(({ jobId, state }) => `${jobId} (${state ?? "gone"})`);
  const detail = `${done} ${doneWords[action]}, ${skipped.length} skipped${skipped.length > 0 ? `: ${skipped.join(", ")}` : ""}`;
  if (error === null) return { outcome: "ok", detail, code: null };
  const failure = toFailureOutcome(error);
  return { ...failure, detail: `${detail}; then ${failure.detail}` };
}

export function toFailureOutcome(error: unknown): AuditOutcome & { readonly code: string } {
  const { code = "internal", message } = error as { readonly code?: string; readonly message: string };
  return { outcome: code === "job_unknown" ? "unknown" : "failed", detail: `${code}: ${message}`, code };
}

/** The outcome of an `unknown` change once its jobs could be read. It stays unknown: their states do not show who changed them. */
export function toSettled(states: readonly (string | null)[]): AuditOutcome {
  const counts = new Map<string, number>();
  for (const state of states) counts.set(state ?? "gone", (counts.get(state ?? "gone") ?? 0) + 1);
  const seen = [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
  return { outcome: "unknown", detail: `settled: now ${seen}`, code: null };
}
