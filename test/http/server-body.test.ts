import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bearer, createSpySurface, sendRaw, startEdge, type TestEdge, token } from "../support/edge.ts";

const rest = createSpySurface(async (request) => ({ status: 200, body: String((await request.body()).length) }));
let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge({ surfaces: [rest] });
});
afterAll(() => edge[Symbol.asyncDispose]());

const path = "/api/v1/admin/ops/x";

test("a body of 64 KiB is read, one byte more is not", async () => {
  expect((await edge.send("POST", path, bearer, Buffer.alloc(65_536))).text).toBe("65536");
  const answer = await edge.send("POST", path, bearer, Buffer.alloc(65_537));
  expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([413, "payload_too_large"]);
  expect((await edge.send("POST", path, bearer)).text).toBe("0");
});

test("a chunked body is counted as it arrives", async () => {
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
  expect(await sendRaw(edge.port, `${head}${chunk}${chunk}0\r\n\r\n`)).toMatch(/\r\n\r\n65536$/);
  expect(await sendRaw(edge.port, `${head}${chunk}${chunk}${chunk}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
});

test("a compressed body is not unpacked", async () => {
  const answer = await edge.send(
    "POST",
    path,
    { ...bearer, "content-encoding": "gzip" },
    gzipSync(Buffer.alloc(1_000_000)),
  );
  expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([415, "unsupported_media_type"]);
});

const ask = (authorization: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\n${authorization}Connection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`;

test("Expect: 100-continue gets a Continue only with a valid token", async () => {
  expect(await sendRaw(edge.port, ask(""))).toMatch(/^HTTP\/1\.1 401 /);
  const answer = await sendRaw(edge.port, `${ask(`Authorization: Bearer ${token}\r\n`)}abc`);
  expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
});

test("a body that does not arrive ends at the request timeout", async () => {
  await using strict = await startEdge({
    surfaces: [rest],
    limits: { requestTimeout: 300, headersTimeout: 200, connectionsCheckingInterval: 50 },
  });
  const answer = await sendRaw(
    strict.port,
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 10\r\n\r\nabc`,
    60_000,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
});

test("headers that arrive too slowly are cut off: 408 and a log line", async () => {
  await using strict = await startEdge({
    limits: { requestTimeout: 2000, headersTimeout: 200, connectionsCheckingInterval: 50 },
  });
  const answer = await sendRaw(strict.port, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(answer).toContain('"code":"request_timeout"');
  expect(strict.lines.join("")).toContain("request_timeout");
});
