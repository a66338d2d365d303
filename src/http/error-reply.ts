import { STATUS_CODES } from "node:http";
import type { OpsError } from "../errors.ts";
import type { EdgeReply } from "./surface.ts";

const problemType = { "Content-Type": "application/problem+json" };

/**
 * An error as an answer: `{"message", "error": {"code", "message", "request_id"}}`, or RFC 9457 when `problem` is true. A 401
 * says nothing about why, not even a request id: all its bodies are the same bytes. 503 carries `Retry-After`, 1 to 3 s, spread.
 */
export function createErrorReply(
  error: OpsError,
  requestId: string,
  problem: boolean,
  headers?: Readonly<Record<string, string>>,
): EdgeReply {
  const { code, status } = error;
  const extra: Record<string, string> = { ...error.headers, ...headers };
  if (status === 401) extra["WWW-Authenticate"] = "Bearer";
  if (status === 503) extra["Retry-After"] = String(1 + Math.floor(Math.random() * 3));
  const message = status === 401 ? "Missing or invalid Authorization header" : error.message;
  const id = status === 401 ? undefined : requestId;
  if (!problem) {
    return { status, code, headers: extra, body: JSON.stringify({ message, error: { code, message, request_id: id } }) };
  }
  const body = JSON.stringify({
    type: `urn:ops:error:${code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail: message,
    instance: id && `urn:ops:request:${id}`,
    code,
  });
  return { status, code, headers: { ...extra, ...problemType }, body };
}

/** Whether the client asked for RFC 9457. */
export function wantsProblem(accept: string | undefined): boolean {
  return accept !== undefined && accept.includes("application/problem+json");
}
