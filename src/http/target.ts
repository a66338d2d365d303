import type { ErrorCode } from "../errors.ts";

/** RFC 3986 path characters and well-formed percent-encoding, from the first slash on. */
const originForm = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/\\]|%[0-9A-Fa-f]{2})*$/;
const evasion = /\/\/|\\|%(?:2[fF]|5[cC]|00)|\/(?:\.|%2[eE]){1,2}(?:\/|$)/;

/**
 * What is wrong with a request path, null when nothing is. `invalid_request` for what is not a path (absolute-form, `*`, broken
 * percent-encoding, raw bytes); `not_found` for one that could mean another path to somebody behind us: dot segments, encoded
 * slashes, backslashes, NUL, empty segments. Nothing is normalised: such a path simply names nothing here.
 */
export function findTargetFault(path: string): Extract<ErrorCode, "invalid_request" | "not_found"> | null {
  if (!originForm.test(path)) return "invalid_request";
  return evasion.test(path) ? "not_found" : null;
}
