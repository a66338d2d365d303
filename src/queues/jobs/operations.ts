import { hash } from "node:crypto";
import {
  type AuditEntry,
  type AuditOutcome,
  type JobAuditAction,
  type JobTarget,
  toIntentEntry,
} from "../../audit/audit.ts";
import type { EarlierAction, Ledger, NotBegun, OpenAction, Refusal } from "../../audit/ledger.ts";
import { createActionRunner } from "../../audit/runner.ts";
import type { RequestOrigin, Principal } from "../../auth/principal.ts";
import { pause } from "../../lib/abort.ts";
import type { Environment } from "../../lib/environment.ts";
import { type ErrorCode, OpsError, statusByCode } from "../../lib/errors.ts";
import { formatCount } from "../../facts/format.ts";
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
  /** Jobs that are gone, or whose state no longer allows the action. */
  readonly skipped: readonly JobChange[];
  /** Jobs of the group that were not tried. */
  readonly left: number;
  /** Why it stopped before all were tried; null when it did not. */
  readonly error: unknown;
}

export type JobOperations = ReturnType<typeof createJobOperations>;

interface JobOperationsOptions {
  readonly ledger: Ledger;
  /** The control of a source; null when it has none, or no longer. May reject. */
  readonly find: (source: string) => Promise<JobControl | null>;
  /** How many jobs one token may change in an hour. @default 1000 */
  readonly jobsPerHour?: number;
  /** How long, and how often, to look for jobs whose change is unknown. */
  readonly settleMs?: number;
  readonly pollMs?: number;
}

export function createJobOperations(options: JobOperationsOptions) {
  const { ledger, find, jobsPerHour = 1000, settleMs = 60_000, pollMs = 1000 } = options;
  /**
   * Reads the jobs' states until it succeeds or the time is up; after that the next start of the
   * gateway does. Stops if the source has no control.
   */
  const settle = async (action: OpenAction): Promise<void> => {
    const end = performance.now() + settleMs;
    do {
      const states = await lookAt(action.entry, find).catch(() => "unknown" as const);
      if (states === null) return;
      if (states !== "unknown") return runner.record(action, toSettled(states), null);
    } while (performance.now() < end && (await pause(pollMs, runner.closing)));
  };
  const runner = createActionRunner({
    ledger,
    family: "job",
    noun: "change",
    unknownCode: "job_unknown",
    toStopped,
    settle: (action) => settle(action).finally(() => ledger.release(action)),
  });

  /**
   * Takes the jobs from the token's hourly budget, as many as are left, and changes them between
   * two audit entries; then settles an unknown outcome.
   */
  const recordChange = async <T>(
    action: JobAuditAction,
    job: JobTarget,
    request: JobRequest,
    act: (ids: readonly string[], check: () => void) => Promise<T>,
    toOutcome: (result: T) => AuditOutcome,
    toPast: ((earlier: NotBegun) => Promise<T>) | null = null,
  ): Promise<T> => {
    const done = await runner.run(
      {
        limits: { cooldownMs: null, parallel: null, budget: { perHour: jobsPerHour, wanted: job.ids.length } },
        toEntry: (granted) => toJobIntent(action, { ...job, ids: job.ids.slice(0, granted) }, request),
      },
      { act: ({ entry }, check) => act(entry.job?.ids ?? [], check), toOutcome, toFailure: toFailureOutcome },
    );
    if (done.kind === "done") return done.result;
    if (done.kind === "earlier" && toPast) return toPast(done);
    throw toJobsRefused(done.kind === "refused" ? done.refusal : null, jobsPerHour);
  };

  const change = async (action: JobAction, job: JobRef, request: JobRequest): Promise<JobChange> => {
    const { name, control } = request.source;
    control.check(action, job);
    const target = { source: name, queue: job.queue, ids: [job.jobId], fingerprint: null };
    const act = (_: readonly string[], check: () => void) => control.change(action, job, false, check);
    return recordChange(`job.${action}`, target, request, act, (done) => toChangeOutcome(action, done));
  };
  /** The answer of an earlier request under the same key. */
  const replay = async (decision: NotBegun) => {
    const earlier = await runner.awaitOutcome(decision);
    if (earlier.kind === "refused") throw toJobsRefused(earlier.refusal, jobsPerHour);
    return { ids: [] as readonly string[], ...toPastChanges(earlier.entry, earlier.outcome) };
  };
  const changeGroup = async (action: JobAction, group: ErrorGroupJobs, request: JobRequest): Promise<GroupChange> => {
    const { queue, fingerprint, jobIds, total } = group;
    const { name, control } = request.source;
    for (const jobId of jobIds) control.check(action, { jobId, queue });
    const target = { source: name, queue, ids: jobIds, fingerprint };
    const act = async (ids: readonly string[], check: () => void) => {
      const mayGoOn = () => {
        if (runner.hurry.aborted) throw toStopped();
        check();
      };
      return {
        ids,
        ...(await changeEach(ids, mayGoOn, (jobId) => control.change(action, { jobId, queue }, true, check))),
      };
    };
    const toOutcome = (done: Awaited<ReturnType<typeof act>>) => toGroupOutcome(action, done.changes, done.error);
    const earlier = request.idempotencyKey
      ? await ledger.find(toJobIntent(`job.${action}_group`, target, request))
      : null;
    if (jobIds.length === 0 && !earlier) return { changed: [], skipped: [], left: 0, error: null };
    const { ids, changes, error } = earlier
      ? await replay(earlier)
      : await recordChange(`job.${action}_group`, target, request, act, toOutcome, replay);
    if (error !== null && changes.length === 0) throw error;
    const [changed, skipped] = [changes.filter((one) => one.changed), changes.filter((one) => !one.changed)];
    // Jobs that were changed before are no longer in the group.
    const left = ids.length === 0 ? total : Math.max(total - changes.length, ids.length - changes.length);
    return { changed, skipped, left, error };
  };

  return {
    /**
     * Changes a job between two audit entries: the intent before (no record, no change) and the
     * outcome after. Goes on when its caller leaves. Resolves also for a job that was not changed.
     * Rejects with JobsRefused, or as `JobControl.check` throws (neither is recorded), or as
     * `JobControl.change` and `Ledger.begin` do.
     */
    change: (...call: Parameters<typeof change>): Promise<JobChange> => runner.answer(change(...call)),
    /**
     * Changes many jobs one after the other as one operation. Rejects only when none was changed or
     * skipped. Repeating an `idempotencyKey` changes nothing and returns the recorded result, with
     * what is left now. An empty group changes nothing.
     */
    changeGroup: (...call: Parameters<typeof changeGroup>): Promise<GroupChange> => runner.answer(changeGroup(...call)),
    /**
     * Records the open changes of earlier processes as `unknown`, and looks at their jobs. Runs
     * once; other callers wait. Rejects with audit_unavailable.
     */
    recover: runner.recover,
    /** Takes over what other gateways left open since then. Rejects with audit_unavailable. */
    adopt: () => runner.adopt(),
    /**
     * Call it when the gateway stops: groups continue for 8 s more, and a change that still runs is
     * answered with job_unknown and goes on.
     */
    drain: runner.drain,
    /** Waits for running operations and their outcomes. */
    close: runner.close,
  };
}

function toStopped(): JobsRefused {
  return new JobsRefused("overloaded", "The gateway is stopping", 5);
}

/** Changes one after the other until one fails, or `mayGoOn` throws. */
async function changeEach(
  ids: readonly string[],
  mayGoOn: () => void,
  change: (jobId: string) => Promise<JobChange>,
): Promise<{ readonly changes: readonly JobChange[]; readonly error: unknown }> {
  const changes: JobChange[] = [];
  try {
    for (const jobId of ids) {
      mayGoOn();
      changes.push(await change(jobId));
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
  readonly code: "job_budget" | "overloaded" | "idempotency_key_reused";
  /** When to try again; null when waiting does not help. */
  readonly retryAfterSeconds: number | null;

  constructor(code: JobsRefused["code"], message: string, retryAfterSeconds: number | null) {
    super(message);
    this.name = "JobsRefused";
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

function toJobsRefused(refusal: Refusal | null, jobsPerHour: number): JobsRefused {
  if (refusal?.reason === "key_reused")
    return new JobsRefused("idempotency_key_reused", "This idempotency key was used for another change", null);
  const message = `This token has used its budget of ${formatCount(jobsPerHour, "job")} an hour`;
  return new JobsRefused("job_budget", message, refusal?.retryAfterSeconds ?? 1);
}

/** Who requests a change, and in which source. */
export interface JobRequest {
  readonly source: { readonly name: string; readonly env: Environment | null; readonly control: JobControl };
  readonly reason: string;
  /**
   * For a group: the same key, token and request get the same answer for 24 hours, and nothing is
   * changed twice.
   */
  readonly idempotencyKey?: string | null;
  /** How many jobs of a group to change; part of the request that a key stands for. */
  readonly limit?: number;
  readonly requestId: string;
  readonly principal: Principal;
  readonly origin: RequestOrigin;
}

/** The intent to change jobs, for the audit record. */
export function toJobIntent(action: JobAuditAction, job: JobTarget, request: JobRequest): AuditEntry {
  const { idempotencyKey: key, limit } = request;
  const keyed = key ? { keyHash: hash("sha256", key), args: limit === undefined ? {} : { limit } } : {};
  return toIntentEntry(request, { action, job, env: request.source.env, ...keyed });
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

/**
 * The jobs of a recorded group change, as far as the text of `toGroupOutcome` shows them. @throws
 * OpsError where none was changed
 */
export function toPastChanges(
  { job }: Pick<AuditEntry, "job">,
  outcome: EarlierAction["outcome"],
): { readonly changes: readonly JobChange[]; readonly error: unknown } {
  const { code, detail } = outcome ?? { code: null, detail: null };
  const [, done, skips, text = ""] = /^(\d+) \w+, (\d+) skipped(.*)$/s.exec(detail ?? "") ?? [];
  const isKnown = code !== null && Object.hasOwn(statusByCode, code);
  const error =
    outcome?.outcome === "ok" ? null : new OpsError(isKnown ? (code as ErrorCode) : "job_unknown", toPastText(detail));
  if (done === undefined) throw error ?? new OpsError("job_unknown", toPastText(detail));
  const tried = (job?.ids ?? []).slice(0, Number(done) + Number(skips));
  const changes = tried.map((jobId): JobChange => {
    const at = [": ", ", "].map((before) => text.indexOf(`${before}${jobId} (`)).find((index) => index >= 0);
    const queue = job?.queue ?? null;
    if (at === undefined) return { jobId, queue, changed: true, state: null, reason: null };
    const state = text.slice(at + jobId.length + 4, text.indexOf(")", at + jobId.length + 4));
    return { jobId, queue, changed: false, state: state === "gone" ? null : state, reason: null };
  });
  return { changes, error };
}

function toPastText(detail: string | null): string {
  return `From the audit record, for this idempotency key: ${detail ?? "its outcome is unknown"}`;
}

export function toFailureOutcome(error: unknown): AuditOutcome & { readonly code: string } {
  const { code = "internal", message } = error as { readonly code?: string; readonly message: string };
  return { outcome: code === "job_unknown" ? "unknown" : "failed", detail: `${code}: ${message}`, code };
}

/**
 * The outcome of an `unknown` change once its jobs could be read. It stays unknown, because their
 * states do not show who changed them.
 */
export function toSettled(states: readonly (string | null)[]): AuditOutcome {
  const counts = new Map<string, number>();
  for (const state of states) counts.set(state ?? "gone", (counts.get(state ?? "gone") ?? 0) + 1);
  const seen = [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
  return { outcome: "unknown", detail: `settled: now ${seen}`, code: null };
}
