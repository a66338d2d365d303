import { getEventListeners } from "node:events";
import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Exchange } from "../../src/http/exchange.ts";
import { writeStream } from "../../src/http/reply.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/**
 * A response whose reader takes a part when the test says so; from 10 bytes on there is no more
 * room.
 */
class TestResponse extends Writable {
  readonly head: unknown[] = [];
  readonly parts: string[] = [];
  isFlushed = false;
  /** Takes what waits; null while nothing does. */
  take: (() => void) | null = null;

  constructor() {
    super({ highWaterMark: 10, decodeStrings: false });
  }

  writeHead(...head: unknown[]): void {
    this.head.push(...head);
  }

  flushHeaders(): void {
    this.isFlushed = true;
  }

  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    this.parts.push(chunk.toString());
    this.take = () => {
      this.take = null;
      done();
    };
  }
}

function begin(heartbeat: string | undefined = ":beat\n") {
  const res = new TestResponse();
  const abort = new AbortController();
  const pieces: string[] = [];
  let wake = () => {};
  const state = { asked: 0, returned: 0, isOver: false };
  async function* chunks() {
    try {
      for (;;) {
        state.asked += 1;
        while (pieces.length === 0 && !state.isOver) await new Promise<void>((resolve) => (wake = resolve));
        if (pieces.length === 0) return;
        yield pieces.shift() as string;
      }
    } finally {
      state.returned += 1;
    }
  }
  const exchange = { res, requestId: "r-1" } as unknown as Exchange;
  const stream = { chunks: chunks(), signal: abort.signal, ...(heartbeat && { heartbeat }) };
  const written = writeStream(exchange, { status: 200, headers: { "X-Own": "1" }, body: "" }, stream, 1000);
  const settle = () => vi.advanceTimersByTimeAsync(0);
  return {
    res,
    abort,
    state,
    written,
    settle,
    give: async (...more: string[]) => {
      pieces.push(...more);
      wake();
      await settle();
    },
    end: async () => {
      state.isOver = true;
      wake();
      await settle();
    },
    take: async () => {
      res.take?.();
      await settle();
    },
  };
}

test("headers are sent at once, parts follow, bytes are counted", async () => {
  const { res, give, take, end, written, state } = begin();
  expect(res.isFlushed).toBe(true);
  expect(res.head).toEqual([
    200,
    Object.entries({
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
      "X-Request-Id": "r-1",
      "X-Accel-Buffering": "no",
      "X-Own": "1",
    }).flat(),
  ]);
  await give("ä1");
  await take();
  await give("22");
  await take();
  await end();
  expect(await written).toBe(5);
  expect([res.parts, res.writableEnded, state.returned]).toEqual([["ä1", "22"], true, 1]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a heartbeat is sent only when nothing was sent for its time", async () => {
  const { res, give, take, end, written } = begin();
  await vi.advanceTimersByTimeAsync(499);
  expect(res.parts).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(res.parts).toEqual([":beat\n"]);
  await take();
  await give("part");
  await take();
  await vi.advanceTimersByTimeAsync(500);
  expect(res.parts).toEqual([":beat\n", "part"]);
  await vi.advanceTimersByTimeAsync(500);
  expect(res.parts).toEqual([":beat\n", "part", ":beat\n"]);
  await take();
  await give("as much as fits");
  await vi.advanceTimersByTimeAsync(5000);
  expect(res.parts).toEqual([":beat\n", "part", ":beat\n", "as much as fits"]);
  await take();
  await end();
  await written;
});

test("without a heartbeat nothing is written between the parts", async () => {
  const { res, end, written } = begin("");
  await vi.advanceTimersByTimeAsync(5000);
  expect(res.parts).toEqual([]);
  await end();
  expect(await written).toBe(0);
});

test("the next part is asked for when there is room; listeners are removed", async () => {
  const { res, abort, state, give, take, end, written } = begin();
  const [drain, close] = [res.listenerCount("drain"), res.listenerCount("close")];
  await give("0123456789", "next");
  expect([res.parts, state.asked]).toEqual([["0123456789"], 1]);
  await take();
  expect([res.parts, state.asked]).toEqual([["0123456789", "next"], 3]);
  expect([res.listenerCount("drain"), res.listenerCount("close")]).toEqual([drain, close]);
  expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  await take();
  await end();
  expect(await written).toBe(14);
});

test("a stream that ends while it waits for room still says why", async () => {
  const { res, abort, give, take, end, written } = begin();
  await give("0123456789");
  abort.abort("expired");
  await give("end: expired");
  await end();
  expect(await written).toBe(22);
  expect(res.listenerCount("drain")).toBe(0);
  await take();
  expect(res.parts).toEqual(["0123456789", "end: expired"]);
});

test("a client that leaves ends the parts, whatever they wait for", async () => {
  for (const first of ["0123456789", "0"]) {
    const { res, state, give, written } = begin();
    await give(first);
    res.destroy();
    await give("more");
    expect(await written).toBe(first.length);
    expect([res.parts, state.returned]).toEqual([[first], 1]);
    expect(vi.getTimerCount()).toBe(0);
  }
});

test("an error of the parts is thrown after the answer and timers ended", async () => {
  const res = new TestResponse();
  const broken = async function* () {
    yield "1";
    throw new Error("broken");
  };
  const stream = { chunks: broken(), signal: new AbortController().signal };
  const exchange = { res, requestId: "r-1" } as unknown as Exchange;
  await expect(writeStream(exchange, { status: 200, body: "" }, stream, 1000)).rejects.toThrow("broken");
  expect([res.writableEnded, vi.getTimerCount()]).toEqual([true, 0]);
});
