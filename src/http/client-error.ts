import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type ErrorCode, OpsError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { createErrorReply } from "./error-reply.ts";
import { createRequestId } from "./request-id.ts";
import { apiHeaders } from "./security-headers.ts";

const codes: Record<string, readonly [ErrorCode, string]> = {
  HPE_HEADER_OVERFLOW: ["headers_too_large", "The headers are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ["payload_too_large", "The chunk extensions are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: ["request_timeout", "The request did not arrive in time"],
};

/**
 * Answers what node:http could not parse, like any other error of ours, and ends the connection. Nothing is written when an answer is
 * already on its way there (`isAnswering`): it would become part of that one.
 */
export function answerClientError(error: Error, socket: Duplex, isAnswering: boolean, logger: Logger): void {
  const { code: fault = "" } = error as NodeJS.ErrnoException;
  if (fault === "ECONNRESET" || !socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const [code, message] = codes[fault] ?? ["invalid_request", "The request is not valid HTTP"];
  const requestId = createRequestId();
  const reply = createErrorReply(new OpsError(code, message), requestId, false);
  const headers = [...apiHeaders, "X-Request-Id", requestId, "Content-Type", "application/json", "Connection", "close"];
  const lines = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? "Error"}`, `Date: ${new Date().toUTCString()}`];
  for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  lines.push(`Content-Length: ${Buffer.byteLength(reply.body)}`, "", reply.body.toString());
  socket.end(lines.join("\r\n"));
  logger.info({ status: reply.status, code, request_id: requestId, fault }, "request not parsed");
}
