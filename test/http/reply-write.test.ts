import { expect, test } from "vitest";
import type { Exchange } from "../../src/http/exchange.ts";
import { presetHeaders, writeReply } from "../../src/http/reply.ts";
import type { EdgeReply } from "../../src/http/surface.ts";

const security = Object.entries({
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}).flat();

/** What a reply writes, and the length that it reports. */
function write(reply: EdgeReply, { isLast = false, isHead = false } = {}) {
  const calls: unknown[][] = [];
  const res = {
    writeHead: (...head: unknown[]) => void calls.push(head),
    end: (...body: unknown[]) => void calls.push(body),
  };
  const bytes = writeReply({ res, requestId: "r-1", isHead } as unknown as Exchange, reply, isLast);
  const [head, body] = calls;
  return { head, body, bytes };
}

test.each([
  [
    "JSON",
    { status: 200, body: "{}" },
    ["Content-Type", "application/json", "Content-Length", "2"],
    ["{}", "latin1"],
    2,
  ],
  [
    "nothing",
    { status: 200, body: "" },
    ["Content-Type", "application/json", "Content-Length", "0"],
    ["", "latin1"],
    0,
  ],
  [
    "beyond ASCII",
    { status: 404, body: "ä" },
    ["Content-Type", "application/json", "Content-Length", "2"],
    ["ä", "utf8"],
    2,
  ],
  [
    "of another type",
    { status: 200, headers: { "content-Type": "text/plain", "X-Other-Name": "b" }, body: "a" },
    ["content-Type", "text/plain", "X-Other-Name", "b", "Content-Length", "1"],
    ["a", "latin1"],
    1,
  ],
  [
    "with a header as long as the type's",
    { status: 200, headers: { "X-Twelve-Twe": "b" }, body: "a" },
    ["X-Twelve-Twe", "b", "Content-Type", "application/json", "Content-Length", "1"],
    ["a", "latin1"],
    1,
  ],
  [
    "of bytes",
    { status: 200, body: Buffer.from("ä") },
    ["Content-Type", "application/json", "Content-Length", "2"],
    [Buffer.from("ä"), "latin1"],
    2,
  ],
  ["without a body: 204", { status: 204, headers: { Allow: "GET" }, body: "x" }, ["Allow", "GET"], [], 0],
  ["without a body: 304", { status: 304, body: "x" }, [], [], 0],
])("an answer %s", (_what, reply: EdgeReply, headers, body, bytes) => {
  const list = [...security, "X-Request-Id", "r-1", ...headers];
  expect(write(reply)).toEqual({ head: [reply.status, list], body, bytes });
  expect(write(reply, { isLast: true }).head).toEqual([reply.status, [...list, "Connection", "close"]]);
  expect(write(reply, { isHead: true })).toEqual({ head: [reply.status, list], body, bytes: 0 });
});

test("an answer's own policy replaces the security headers", () => {
  const { head } = write({ status: 200, policy: ["X-Own", "1"], body: "" });
  expect(head).toEqual([
    200,
    ["X-Own", "1", "X-Request-Id", "r-1", "Content-Type", "application/json", "Content-Length", "0"],
  ]);
});

test.each([
  [262_144, false],
  [262_145, true],
])("text of %d characters is sent as a Buffer: %j", (length, isBuffer) => {
  const { body, bytes } = write({ status: 200, body: "x".repeat(length) });
  expect([Buffer.isBuffer(body?.[0]), body?.[1], bytes]).toEqual([isBuffer, "latin1", length]);
});

test("a surface that answers by itself gets the same headers", () => {
  const set: string[] = [];
  const res = { setHeader: (...header: string[]) => void set.push(...header) };
  presetHeaders({ res, requestId: "r-1" } as unknown as Exchange);
  expect(set).toEqual([...security, "X-Request-Id", "r-1"]);
});
