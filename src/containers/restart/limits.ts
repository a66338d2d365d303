import type { ActionRequest, AuditEntry } from "../../audit/audit.ts";
import { createHourlyBudget } from "../../lib/hourly-budget.ts";
import { formatCount } from "../../lib/text.ts";
import { toRetryAfterSeconds } from "../../lib/time.ts";

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
  /** @default 2 */
  readonly parallel?: number;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
}

interface RestartPlace {
  /** Undoes `enter`: frees the place and returns the budget. */
  cancel(): void;
  /** The restart is over. The cooldown applies only if it happened, or may have. */
  leave(happened: boolean): void;
}

interface RestartLimits {
  /** Null when `enter` would admit it now. `holder` owns the budget. */
  check(fullId: string, holder: string): RestartRefused | null;
  /** Blocks restarts of a container while the outcome of its last one is unknown. */
  hold(fullId: string): Pick<RestartPlace, "leave">;
  /** Takes a place, and one restart of the holder's budget unless `free`. @throws RestartRefused */
  enter(fullId: string, holder: string, free?: boolean): RestartPlace;
}

/** One restart at a time for each container, a cooldown after it, a budget for each token, few in parallel. */
export function createRestartLimits(options: RestartLimitOptions): RestartLimits {
  const { cooldownMs, budgetPerHour, parallel = 2, now = () => performance.now() } = options;
  const running = new Set<string>();
  const coolUntil = new Map<string, number>();
  const budget = createHourlyBudget(budgetPerHour, now);

  const check = (fullId: string, holder: string, free = false): RestartRefused | null => {
    const at = now();
    for (const [id, end] of coolUntil) if (end <= at) coolUntil.delete(id);
    if (running.has(fullId)) return new RestartRefused("restart_in_progress", "This container is being restarted already");
    const until = coolUntil.get(fullId);
    if (until !== undefined) {
      const seconds = toRetryAfterSeconds(until - at);
      return new RestartRefused("restart_cooldown", `This container was just restarted; try again in ${seconds} s`, seconds);
    }
    const { count, retryAfterSeconds } = budget.left(holder);
    if (!free && count <= 0) {
      const message = `This token has used its budget of ${formatCount(budgetPerHour, "restart")} an hour`;
      return new RestartRefused("restart_budget", message, retryAfterSeconds);
    }
    if (running.size < parallel) return null;
    return new RestartRefused(
      "restart_busy",
      `${formatCount(parallel, "container is", "containers are")} being restarted already`,
      5,
    );
  };
  const leave = (fullId: string, happened: boolean) => {
    running.delete(fullId);
    if (happened && cooldownMs > 0) coolUntil.set(fullId, now() + cooldownMs);
  };
  return {
    check,
    hold(fullId) {
      running.add(fullId);
      return { leave: (happened) => leave(fullId, happened) };
    },
    enter(fullId, holder, free = false) {
      const refused = check(fullId, holder, free);
      if (refused) throw refused;
      running.add(fullId);
      if (!free) budget.take(holder, 1);
      return {
        cancel() {
          running.delete(fullId);
          if (!free) budget.giveBack(holder, 1);
        },
        leave: (happened) => leave(fullId, happened),
      };
    },
  };
}
