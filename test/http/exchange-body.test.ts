import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { readBody } from "../../src/http/exchange.ts";

function createRequest(headers: Record<string, string> = {}) {
  const req = Object.assign(new PassThrough(), { headers });
  const listeners = () => ["data", "end", "close", "error"].map((name) => req.listenerCount(name));
  return {
    req,
    listeners,
    body: (max: number, signal?: AbortSignal) => readBody(req as unknown as IncomingMessage, max, signal),
  };
}

test.each([
  ["in one piece", ["12345"]],
  ["in several", ["1", "23", "45"]],
])("a body of the maximum size is read, one byte more is not: %s", async (_how, parts) => {
  for (const [max, code] of [
    [5, null],
    [4, "payload_too_large"],
  ] as const) {
    const { req, body, listeners } = createRequest();
    const before = listeners();
    const reading = body(max).then(String, (error: { code: string }) => error.code);
    for (const part of parts) req.write(part);
    req.end();
    expect(await reading).toBe(code ?? "12345");
    expect(listeners()).toEqual(before);
  }
});

test("a declared length over the maximum is refused before reading", async () => {
  const { body } = createRequest({ "content-length": "5" });
  await expect(body(4)).rejects.toMatchObject({
    code: "payload_too_large",
    message: "The body is larger than 4 bytes",
  });
  const { req, body: fits } = createRequest({ "content-length": "5" });
  req.end("12345");
  expect(String(await fits(5))).toBe("12345");
});

test("the encoding identity is accepted", async () => {
  const { req, body } = createRequest({ "content-encoding": "identity" });
  req.end("1");
  expect(String(await body(1))).toBe("1");
  await expect(createRequest({ "content-encoding": "br" }).body(1)).rejects.toMatchObject({
    code: "unsupported_media_type",
    message: "A compressed body is not accepted",
  });
});

test.each([undefined, new Error("reset")])("a client that leaves while sending ends the read: %s", async (error) => {
  const { req, body, listeners } = createRequest();
  req.on("error", () => {});
  const before = listeners();
  const reading = body(10);
  req.write("1");
  req.destroy(error);
  await expect(reading).rejects.toMatchObject({ code: "request_timeout", message: "The body did not arrive" });
  expect(listeners()).toEqual(before);
});

test.each(["before", "while"])("a signal that aborts %s it reads ends the read with its reason", async (when) => {
  const { req, body, listeners } = createRequest();
  const abort = new AbortController();
  const reason = new Error("enough");
  const before = listeners();
  if (when === "before") abort.abort(reason);
  const reading = body(10, abort.signal);
  req.write("1");
  abort.abort(reason);
  await expect(reading).rejects.toBe(reason);
  expect(listeners()).toEqual(before);
});

test("a body in chunks of one byte takes little more than its bytes", async () => {
  const { req, body } = createRequest();
  const sent = Buffer.alloc(20_000, "abc");
  const reading = body(100_000);
  for (const byte of sent) req.write(Buffer.from([byte]));
  req.end();
  const read = await reading;
  expect(read.equals(sent)).toBe(true);
  expect(read.buffer.byteLength).toBeLessThanOrEqual(40_000);
});
