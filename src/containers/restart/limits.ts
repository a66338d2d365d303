import type { ActionRequest, AuditEntry } from "../../audit/audit.ts";
import type { ActionLimits, Refusal } from "../../audit/ledger.ts";
import { formatCount } from "../../facts/format.ts";

export interface RestartRequest extends ActionRequest {
  /** Same key, same token, same request: the same answer, and no second restart. */
  readonly idempotencyKey?: string | null;
  /** How long to wait for its health afterwards; null: no wait. */
  readonly waitMs?: number | null;
  /** Recorded in the audit record. */
  readonly args?: AuditEntry["args"];
  /** Does not count against the token's budget. */
  readonly free?: boolean;
}

/** Why a restart is refused, as the caller sees it. */
export interface RestartRefusal {
  readonly code: string;
  readonly message: string;
}

/** Why a restart is not even tried. Nothing happened and nothing was recorded. */
export class RestartRefused extends Error {
  readonly code: RefusalCode;
  /** When to try again; null when waiting does not help. */
  readonly retryAfterSeconds: number | null;

  constructor(code: RefusalCode, message: string, retryAfterSeconds: number | null = null) {
    super(message);
    this.name = "RestartRefused";
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

type RefusalCode =
  | "restart_in_progress"
  | "restart_cooldown"
  | "restart_budget"
  | "restart_busy"
  | "restart_protected"
  | "idempotency_key_reused";

export interface RestartLimitOptions {
  /** Between the end of a container's restart and its next one. */
  readonly cooldownMs: number;
  /** Restarts of one token in an hour; restarting a whole role counts once. */
  readonly budgetPerHour: number;
  /** Restarts at a time. @default 2 */
  readonly parallel?: number;
}

/**
 * One restart at a time for each container, a cooldown after it, a budget for each token, few in
 * parallel. `free`: takes nothing of the budget.
 */
export function toActionLimits(
  { cooldownMs, budgetPerHour, parallel = 2 }: RestartLimitOptions,
  free = false,
): ActionLimits {
  return { cooldownMs, parallel, budget: free ? null : { perHour: budgetPerHour, wanted: 1 } };
}

/** A refusal as the caller sees it. */
export function toRestartRefused(
  { reason, retryAfterSeconds: seconds }: Refusal,
  { budgetPerHour, parallel = 2 }: RestartLimitOptions,
): RestartRefused {
  const are = formatCount(parallel, "container is", "containers are");
  switch (reason) {
    case "cooldown":
      return new RestartRefused(
        "restart_cooldown",
        `This container was just restarted; try again in ${seconds} s`,
        seconds,
      );
    case "budget":
      return new RestartRefused(
        "restart_budget",
        `This token has used its budget of ${formatCount(budgetPerHour, "restart")} an hour`,
        seconds,
      );
    case "busy":
      return new RestartRefused("restart_busy", `${are} being restarted already`, seconds);
    case "key_reused":
      return new RestartRefused("idempotency_key_reused", "This Idempotency-Key was used for another restart");
    default:
      return new RestartRefused("restart_in_progress", "This container is being restarted already");
  }
}
