import type { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { answerClientError } from "../../src/http/server.ts";
import { silentLogger } from "../../src/lib/logger.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 0, 13, 9, 40) }));
afterEach(() => void vi.useRealTimers());

/** What a connection is sent, and what the log says, for a fault of node:http's parser. */
function answer(code: string | undefined, { writable = true, isAnswering = false } = {}) {
  const sent: string[] = [];
  const lines: unknown[] = [];
  const destroy = vi.fn<() => void>();
  const socket = { writable, destroy, end: (text: string) => void sent.push(text) } as unknown as Duplex;
  const logger = { ...silentLogger, info: (...line: unknown[]) => void lines.push(line) };
  answerClientError(Object.assign(new Error("x"), code && { code }), socket, isAnswering, logger);
  return { sent, lines, destroyed: destroy.mock.calls.length };
}

test.each([
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large", "headers_too_large", "The headers are too large"],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", "413 Payload Too Large", "payload_too_large", "The chunk extensions are too large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout", "request_timeout", "The request did not arrive in time"],
  ["HPE_INVALID_METHOD", "400 Bad Request", "invalid_request", "The request is not valid HTTP"],
  [undefined, "400 Bad Request", "invalid_request", "The request is not valid HTTP"],
])("the fault %s is answered with %s and logged", (fault, status, code, message) => {
  const { sent, lines, destroyed } = answer(fault);
  const [head = "", body = ""] = sent.join("").split("\r\n\r\n");
  const requestId = /X-Request-Id: ([\da-f-]{36})/.exec(head)?.[1];
  expect(JSON.parse(body)).toEqual({ message, error: { code, message, request_id: requestId } });
  expect(head.split("\r\n")).toEqual([
    `HTTP/1.1 ${status}`,
    "Date: Tue, 13 Jan 2026 09:40:00 GMT",
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: no-referrer",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    `X-Request-Id: ${requestId}`,
    "Content-Type: application/json",
    "Connection: close",
    `Content-Length: ${body.length}`,
  ]);
  const fields = { status: Number(status.slice(0, 3)), code, request_id: requestId, fault: fault ?? "" };
  expect([lines, destroyed]).toEqual([[[fields, "request not parsed"]], 0]);
});

test.each([
  ["that was reset", "ECONNRESET", {}],
  ["that takes no more", "HPE_INVALID_METHOD", { writable: false }],
  ["with an answer on its way", "HPE_INVALID_METHOD", { isAnswering: true }],
])("a connection %s is closed without an answer", (_what, fault, state) => {
  expect(answer(fault, state)).toEqual({ sent: [], lines: [], destroyed: 1 });
});
