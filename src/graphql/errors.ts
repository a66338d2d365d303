import { sanitiseReason } from "../audit/audit.ts";
import { PastFailure } from "../containers/restart/idempotency.ts";
import { RestartRefused } from "../containers/restart/limits.ts";
import { type ErrorCode, OpsError, statusByCode } from "../lib/errors.ts";

/** A refusal as a public error, with its `Retry-After`; anything else unchanged. */
export function toRestartError(error: unknown): unknown {
  if (error instanceof PastFailure) return new OpsError(isCode(error.code) ? error.code : "internal", error.message);
  if (!(error instanceof RestartRefused)) return error;
  const { code, message, retryAfterSeconds } = error;
  return new OpsError(
    code,
    message,
    retryAfterSeconds === null ? {} : { headers: { "Retry-After": String(retryAfterSeconds) } },
  );
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(statusByCode, code);
}

export function restartDisabled(): OpsError {
  return new OpsError("restart_disabled", "Restarts are off; WALLET_CORE_OPS_RESTART=on enables them");
}

/** @throws restart_disabled, invalid_request */
export function checkRestartArgs(
  enabled: boolean,
  args: {
    readonly reason?: string | null | undefined;
    readonly idempotencyKey?: string | null | undefined;
    readonly waitSeconds?: number;
  },
): void {
  if (!enabled) throw restartDisabled();
  const { reason, idempotencyKey: key, waitSeconds = 60 } = args;
  if (reason && reason.length > 200) throw new OpsError("invalid_request", "reason must have at most 200 characters");
  checkIdempotencyKey(key);
  if (waitSeconds < 1 || waitSeconds > 300) throw new OpsError("invalid_request", "waitSeconds must be from 1 to 300");
}

/** @throws invalid_request */
export function checkIdempotencyKey(key: string | null | undefined): void {
  if (!key || /^[\x21-\x7e]{1,255}$/.test(key)) return;
  throw new OpsError("invalid_request", "Idempotency-Key must have 1 to 255 printable ASCII characters without spaces");
}

/** @throws invalid_request, also if the reason has only blanks and invisible characters */
export function requireReason(reason: string): void {
  if (sanitiseReason(reason) !== null && reason.length <= 200) return;
  throw new OpsError("invalid_request", "reason must have 1 to 200 characters");
}
