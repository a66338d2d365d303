import { findRemedy } from "../facts/error.ts";
import { passesByItself } from "../lib/errors.ts";

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

/** Whether asking again later may succeed. */
export function isPassing(error: unknown): error is OpsError {
  return error instanceof OpsError && passesByItself(error.code);
}

/**
 * As `isPassing`, before the first answer: if something else answers, the address is probably
 * wrong.
 */
export function mayAnswer(error: unknown): error is OpsError {
  return isPassing(error) && error.code !== "not_a_gateway";
}

/**
 * Whether the gateway did not answer: it, or the network to it, may be down. Else the error is its
 * answer.
 */
export function isLost(error: unknown): boolean {
  return error instanceof OpsError && ["unreachable", "timeout", "not_a_gateway"].includes(error.code);
}
