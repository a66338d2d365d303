import { toIntentEntry } from "./audit-intent.ts";
import type { AuditEntry, JobAuditAction, JobTarget } from "./audit.ts";
import type { Environment } from "./environment.ts";
import type { JobAction, JobChange, JobControl } from "./job-control.ts";
import type { Origin, Principal } from "./principal.ts";

/** Who asks for a change, and where. */
export interface JobRequest {
  readonly source: { readonly name: string; readonly env: Environment | null; readonly control: JobControl };
  readonly reason: string;
  readonly requestId: string;
  readonly principal: Principal;
  readonly origin: Origin;
}

type Told = Pick<AuditEntry, "outcome" | "detail" | "code">;

/** The intent to change jobs, for the audit record. */
export function toJobIntent(action: JobAuditAction, job: JobTarget, request: JobRequest): AuditEntry {
  return toIntentEntry(request, { action, job, env: request.source.env });
}

/** Why a job was not changed: the error that its caller gets. Null for one that was. */
export function toRefusal(action: JobAction, { changed, state, reason }: JobChange) {
  if (changed) return null;
  if (state === null) return { code: "job_not_found", message: "No such job in this source and queue" } as const;
  const done = action === "retry" ? "retried" : "discarded";
  return {
    code: "job_conflict",
    message: `This job is ${state} and was not ${done}${reason === null ? "" : `: ${reason}`}`,
  } as const;
}

export function toChangeOutcome(action: JobAction, change: JobChange): Told {
  const refusal = toRefusal(action, change);
  if (refusal === null) return { outcome: "ok", detail: change.state, code: null };
  return { outcome: "failed", detail: `${refusal.code}: ${refusal.message}`, code: refusal.code };
}

/** `error` null: all were tried. */
export function toGroupOutcome(changes: readonly JobChange[], error: unknown): Told {
  const retried = changes.filter(({ changed }) => changed).length;
  const skipped = changes.filter(({ changed }) => !changed).map(({ jobId, state }) => `${jobId} (${state ?? "gone"})`);
  const detail = `${retried} retried, ${skipped.length} skipped${skipped.length > 0 ? `: ${skipped.join(", ")}` : ""}`;
  if (error === null) return { outcome: "ok", detail, code: null };
  const failure = toFailureOutcome(error);
  return { ...failure, detail: `${detail}; then ${failure.detail}` };
}

export function toFailureOutcome(error: unknown): Told & { readonly code: string } {
  const { code = "internal", message } = error as { readonly code?: string; readonly message: string };
  return { outcome: code === "job_unknown" ? "unknown" : "failed", detail: `${code}: ${message}`, code };
}

/** Of an `unknown`, once the jobs could be looked at. Their states do not tell who made them so: it stays unknown. */
export function toSettled(states: readonly (string | null)[]): Told {
  const counts = new Map<string, number>();
  for (const state of states) counts.set(state ?? "gone", (counts.get(state ?? "gone") ?? 0) + 1);
  const seen = [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
  return { outcome: "unknown", detail: `settled: now ${seen}`, code: null };
}
