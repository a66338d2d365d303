import { OpsError } from "../lib/errors.ts";
import { toSocketCode } from "../lib/http-client.ts";

const variable = "WALLET_CORE_OPS_LOG_HISTORY_URL";

/**
 * Failures of the log history: the public message, and the operator's remedy (only `cli check`).
 */
const kinds = {
  unreachable: [
    "The log history is not reachable",
    `start VictoriaLogs, or set ${variable} to its address as seen from here`,
  ],
  deadline: ["The log history did not answer in time", "check its load, and firewalls between it and here"],
  credentials: ["The log history refused the credentials", `put user:password@ into ${variable}`],
  redirect: [
    "The log history answered with a redirect",
    `set ${variable} to the final address; redirects are not followed`,
  ],
  no_api: ["There is no VictoriaLogs at the configured URL", `check the path prefix in ${variable}`],
  server: ["The log history answered with a server error", "read its log"],
  rejected: ["The log history rejected the query", "use a VictoriaLogs of 2025 or newer"],
  not_logs: [
    "The answer is not from VictoriaLogs",
    `check that ${variable} is not a login page or another service, and read the log of VictoriaLogs`,
  ],
  too_many: [
    "Too many lines of the log history have the same time",
    "ship the engine's time with each line, see docs/containers.md",
  ],
} as const;

export type FailureKind = keyof typeof kinds;

/** 503 log_history_unavailable, with a remedy for the operator. */
export class LogHistoryError extends OpsError {
  readonly kind: FailureKind;
  readonly remedy: string;

  /**
   * `detail` is public: an error code, a status or a time of ours, never text of the upstream or
   * the URL.
   */
  constructor(kind: FailureKind, detail = "", cause?: unknown) {
    const message = detail ? `${kinds[kind][0]} (${detail})` : kinds[kind][0];
    super("log_history_unavailable", message, { cause, upstream: "victorialogs" });
    this.kind = kind;
    this.remedy = kinds[kind][1];
  }
}

/** The LogHistoryError for a failed exchange. `deadline` is our total deadline. */
export function toLogHistoryError(error: unknown, deadline: AbortSignal, timeoutMs: number): LogHistoryError {
  if (error instanceof LogHistoryError) return error;
  if (deadline.aborted) return new LogHistoryError("deadline", `${timeoutMs} ms`, error);
  return new LogHistoryError("unreachable", toSocketCode(error), error);
}

/** The failure that a status means; null for an answer. */
export function toStatusFailure(status: number): LogHistoryError | null {
  if (status === 200) return null;
  const detail = `HTTP ${status}`;
  if (status === 401 || status === 403 || status === 407) return new LogHistoryError("credentials", detail);
  if (status >= 300 && status < 400) return new LogHistoryError("redirect", detail);
  if (status === 400 || status === 422) return new LogHistoryError("rejected", detail);
  if (status >= 500 || status === 429) return new LogHistoryError("server", detail);
  return new LogHistoryError(status >= 400 ? "no_api" : "not_logs", detail);
}
