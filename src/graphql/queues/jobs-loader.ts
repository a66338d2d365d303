import { OpsError, toProblem } from "../../lib/errors.ts";
import { errorGroupMinutes, type JobAction, type JobChange, type JobRef } from "../../queues/jobs/control.ts";
import { type ErrorGroupJobs, type JobRequest, JobsRefused, toRefusal } from "../../queues/jobs/operations.ts";
import { findSource, type FingerprintedJobs, type QueueSource } from "../../queues/queue.ts";
import type { OpsContext } from "../context.ts";
import { checkIdempotencyKey, requireReason } from "../errors.ts";

/** A job that was changed. */
export interface JobChanged {
  readonly source: string;
  readonly queue: string;
  readonly jobId: string;
  readonly state: string;
}

/** The outcome for an error group. */
export interface ErrorGroupChanged {
  readonly source: string;
  readonly queue: string;
  /** Ids of the jobs that were changed or, in a dry run, would be. */
  readonly changed: readonly string[];
  readonly skipped: readonly { readonly jobId: string; readonly code: string; readonly message: string }[];
  readonly left: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface ChangeRequest {
  readonly source: string;
  readonly reason: string;
}

/**
 * @throws jobs_disabled, invalid_request, not_found, operation_not_supported, job_not_found,
 *   job_conflict, job_budget, or as the port does
 */
export async function changeJob(
  action: JobAction,
  asked: ChangeRequest,
  job: JobRef,
  context: OpsContext,
): Promise<JobChanged> {
  const request = toRequest(asked, await findChanged(asked, context), context);
  const change = await context.sources.jobs.change(action, job, request).catch(rethrow);
  const refusal = toRefusal(action, change);
  if (refusal !== null) throw new OpsError(refusal.code, refusal.message, { upstream: `queues:${asked.source}` });
  return { source: asked.source, queue: change.queue ?? "", jobId: change.jobId, state: change.state ?? "" };
}

interface GroupRequest extends ChangeRequest {
  readonly queue: string;
  readonly fingerprint: string;
  readonly limit: number;
  readonly idempotencyKey?: string | null | undefined;
  /** Changes, records and counts nothing. */
  readonly dryRun: boolean;
}

/**
 * @throws as `changeJob`; not_found if no job of the window with this fingerprint can be changed,
 * except in a dry run
 */
export async function changeErrorGroup(
  action: JobAction,
  asked: GroupRequest,
  context: OpsContext,
): Promise<ErrorGroupChanged> {
  const source = await findChanged(asked, context);
  // Text that PostgreSQL can store: it is checked before any job is looked up.
  if (!/^[^\0\p{Cs}]{1,500}$/u.test(asked.queue))
    throw new OpsError("invalid_request", "queue must have 1 to 500 characters");
  if (!/^[0-9a-f]{12}$/.test(asked.fingerprint))
    throw new OpsError("invalid_request", "fingerprint must be 12 hex digits");
  if (asked.limit < 1 || asked.limit > 100) throw new OpsError("invalid_request", "limit must be from 1 to 100");
  checkIdempotencyKey(asked.idempotencyKey);
  const { limit, idempotencyKey = null } = asked;
  const keyed = idempotencyKey === null ? {} : { limit, idempotencyKey };
  const request = { ...toRequest(asked, source, context), ...keyed };
  const failed = (await source.failedJobs?.(asked.queue, action, context.signal)) ?? null;
  if (failed === null) throw notSupported(source, "its jobs cannot be found by their error");
  const group = toGroup(asked, failed);
  if (asked.dryRun) return toPlan(action, asked, group, request);
  if (group.jobIds.length === 0 && idempotencyKey === null) throw nothingToChange(action);
  const { changed, skipped, left, error } = await context.sources.jobs
    .changeGroup(action, group, request)
    .catch(rethrow);
  if (idempotencyKey !== null && changed.length + skipped.length === 0) throw nothingToChange(action);
  return {
    source: asked.source,
    queue: asked.queue,
    changed: changed.map(({ jobId }) => jobId),
    skipped: skipped.map((change) => toSkipped(action, change)),
    left,
    error: error === null ? null : toProblem(toJobsError(error)),
  };
}

function nothingToChange(action: JobAction): OpsError {
  const what = action === "retry" ? "retried" : "discarded";
  return new OpsError(
    "not_found",
    `No job of this queue failed with this error in the last ${errorGroupMinutes} minutes and can still be ${what}`,
  );
}

/**
 * What a change would do now. @throws operation_not_supported, invalid_request where the change
 * would
 */
function toPlan(
  action: JobAction,
  { source, queue }: GroupRequest,
  group: ErrorGroupJobs,
  request: JobRequest,
): ErrorGroupChanged {
  for (const jobId of group.jobIds) request.source.control.check(action, { jobId, queue });
  return { source, queue, changed: group.jobIds, skipped: [], left: group.total - group.jobIds.length, error: null };
}

/** The jobs whose error text has this fingerprint, newest text first, each job once. */
function toGroup({ queue, fingerprint, limit }: GroupRequest, failed: readonly FingerprintedJobs[]): ErrorGroupJobs {
  const own = failed.filter((jobs) => jobs.fingerprint === fingerprint);
  const jobIds = [...new Set(own.flatMap((text) => text.jobIds))];
  // A job may have failed with several of the texts: if all are here, distinct ids count.
  const isWhole = own.every((text) => text.jobIds.length === text.jobs);
  const total = isWhole ? jobIds.length : own.reduce((sum, { jobs }) => sum + jobs, 0);
  return { queue, fingerprint, jobIds: jobIds.slice(0, limit), total };
}

function toSkipped(action: JobAction, change: JobChange): ErrorGroupChanged["skipped"][number] {
  const refusal = toRefusal(action, change);
  return { jobId: change.jobId, code: refusal?.code ?? "job_conflict", message: refusal?.message ?? "" };
}

async function findChanged(
  { source: name, reason }: ChangeRequest,
  { loaders, sources, signal }: OpsContext,
): Promise<QueueSource> {
  if (!sources.jobsEnabled) {
    throw new OpsError("jobs_disabled", "Operations on jobs are off; WALLET_CORE_OPS_JOBS=on enables them");
  }
  requireReason(reason);
  const source = await findSource(await loaders.queues.visible(), name, signal);
  if (!source) throw new OpsError("not_found", "No queue source of this name");
  return source;
}

function toRequest(
  { reason }: ChangeRequest,
  source: QueueSource,
  { sources, principal, origin, requestId }: OpsContext,
): JobRequest {
  const { name, env, control, readOnly = `jobs of the kind ${source.kind} are only read` } = source;
  if (!control) throw notSupported(source, readOnly);
  return { source: { name, env: env ?? sources.env, control }, reason, requestId, principal, origin: origin() };
}

function notSupported({ name }: QueueSource, why: string): OpsError {
  return new OpsError("operation_not_supported", `Not supported by the source ${name}: ${why}`, {
    upstream: `queues:${name}`,
  });
}

function rethrow(error: unknown): never {
  throw toJobsError(error);
}

/** A refusal as a public error, with its `Retry-After`; anything else unchanged. */
function toJobsError(error: unknown): unknown {
  if (!(error instanceof JobsRefused)) return error;
  const { code, message, retryAfterSeconds } = error;
  return new OpsError(
    code,
    message,
    retryAfterSeconds === null ? {} : { headers: { "Retry-After": String(retryAfterSeconds) } },
  );
}
