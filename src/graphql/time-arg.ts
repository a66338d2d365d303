import { parseLogTime } from "../domain/log-time.ts";
import { OpsError } from "../errors.ts";

/** A time as callers write it, in unix seconds with up to nine decimals. Throws invalid_request with the argument's name. */
export function parseTimeArg(name: string, text: string, nowMs: number): string {
  const parsed = parseLogTime(text, nowMs);
  if (parsed !== null) return parsed;
  throw new OpsError("invalid_request", `${name} must be a time (RFC 3339 or unix seconds) or a duration such as 10m`);
}
