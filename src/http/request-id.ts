import { randomUUID } from "node:crypto";

let lastMs = 0;
let count = 0;
let head = "";
let tail = "";

/**
 * A UUIDv7 (RFC 9562 section 6.2, method 1): the millisecond, a 12-bit counter within it, and 62 random bits drawn anew in each
 * millisecond. Unique and sorted by time; not a secret.
 */
export function createRequestId(nowMs: number = Date.now()): string {
  count += 1;
  if (nowMs !== lastMs || count > 0xfff) {
    const hex = nowMs.toString(16).padStart(12, "0");
    head = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    tail = randomUUID().slice(18);
    lastMs = nowMs;
    count = 0;
  }
  return head + (0x1000 + count).toString(16).slice(1) + tail;
}

const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The trace id of a W3C `traceparent`; undefined unless it is well-formed. Source: Trace Context, section 3.2. */
export function parseTraceId(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? traceparent.exec(header)?.[1] : undefined;
}

const clientId = /^[A-Za-z0-9._-]{1,64}$/;

/** The id that a client sent, for the log alone; undefined unless it is short and plain. */
export function parseClientRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && clientId.test(header) ? header : undefined;
}
