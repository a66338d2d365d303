import { passesByItself } from "../lib/errors.ts";

/** What to do about an error of the gateway. Codes without an entry say it in their message. */
const remedies: Readonly<Record<string, string>> = {
  unauthorized:
    "The token is wrong or has expired: make one with `wallet-core-ops token`, or ask the person who runs the gateway.",
  forbidden: "Ask for a token with the scope and the environment that this needs.",
  restart_disabled: "Restarts are allowed where the gateway runs with WALLET_CORE_OPS_RESTART=on.",
  jobs_disabled: "Jobs may be changed where the gateway runs with WALLET_CORE_OPS_JOBS=on.",
  restart_protected: "A label of the container forbids it.",
  container_ambiguous: "Say which engine.",
  queue_ambiguous: "Say which source.",
  role_ambiguous: "Say which service and destination.",
  restart_in_progress: "Wait for it to end.",
  restart_cooldown: "It was restarted moments ago: wait.",
  restart_budget: "The hour's restarts are used up: wait, or find out why so many were needed.",
  restart_busy: "Others are being restarted: wait.",
  restart_unknown: "Look at the container before you try again: it may have been restarted.",
  job_budget: "The hour's changes of jobs are used up: wait.",
  job_conflict: "The job has moved on: look at it again.",
  job_unknown: "Look at the job before you try again: it may have been changed.",
  rate_limited: "Wait as long as the answer says.",
  overloaded: "The gateway has more requests than it can serve: wait a moment.",
  docker_unavailable: "Look at the engine: `wallet-core-ops check` on the gateway's machine says more.",
  queues_unavailable: "Look at the job database: `wallet-core-ops check` on the gateway's machine says more.",
  postgres_unavailable: "Look at the job database: `wallet-core-ops check` on the gateway's machine says more.",
  prometheus_unavailable: "Look at Prometheus: `wallet-core-ops check` on the gateway's machine says more.",
  audit_unavailable: "Nothing was changed, as it could not be recorded: look at the disk of the audit file.",
  unreachable: "Is the address right, does the gateway run, and does a firewall or proxy let you through?",
  not_a_gateway: "Is the address that of the gateway, and not of a proxy or another program?",
};

/** What to do about an error of this code; null where its message says it. */
export function findRemedy(code: string): string | null {
  return Object.hasOwn(remedies, code) ? (remedies[code] ?? null) : null;
}

interface OpsErrorOptions {
  readonly cause?: unknown;
  /** HTTP status; absent when there was no answer. */
  readonly status?: number | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** The field that has no value because of it. */
  readonly path?: string | undefined;
}

/**
 * An error of the gateway, or of the way to it. `code` is one of the gateway's (`extensions.code`
 * of its errors), or `unreachable` (no answer), `not_a_gateway` (something else answered),
 * `timeout` (no answer in time; a change may have been made). `message` and `remedy` are for
 * people.
 */
export class OpsError extends Error {
  readonly code: string;
  readonly remedy: string | null;
  readonly status: number | null;
  readonly retryAfterSeconds: number | null;
  readonly path: string | null;

  constructor(code: string, message: string, { cause, status, retryAfterSeconds, path }: OpsErrorOptions = {}) {
    super(message, { cause });
    this.name = "OpsError";
    this.code = code;
    this.remedy = findRemedy(code);
    this.status = status ?? null;
    this.retryAfterSeconds = retryAfterSeconds ?? null;
    this.path = path ?? null;
  }
}

/** Whether the same question may be answered later. */
export function isPassing(error: unknown): error is OpsError {
  return error instanceof OpsError && passesByItself(error.code);
}

/** As `isPassing`, before the first answer: what is not a gateway is probably a wrong address. */
export function mayAnswer(error: unknown): error is OpsError {
  return isPassing(error) && error.code !== "not_a_gateway";
}

/**
 * Whether nothing came from the gateway: it may be gone, or the way to it. Else it gave the error
 * itself.
 */
export function isLost(error: unknown): boolean {
  return error instanceof OpsError && ["unreachable", "timeout", "not_a_gateway"].includes(error.code);
}
