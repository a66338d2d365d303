import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultLimits } from "../../src/http/limits.ts";
import { expect, test } from "vitest";
import type { EdgeRequest } from "../../src/http/surface.ts";
import { bearer, createSpySurface, sendRaw, startEdge, token, openRaw } from "../support/edge.ts";

const path = "/api/v1/admin/ops/stream";
const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;

/** A surface whose answer is what `write` yields, then the reason of its end. */
function createStreaming(write: (signal: AbortSignal) => AsyncGenerator<string>) {
  const returned: string[] = [];
  const surface = createSpySurface((edge: EdgeRequest) => {
    const { signal } = edge.openStream();
    const chunks = async function* () {
      try {
        yield* write(signal);
        if (typeof signal.reason === "string") yield `end: ${signal.reason}\n`;
      } finally {
        returned.push(String(signal.reason));
      }
    };
    return {
      status: 200,
      headers: { "content-type": "text/event-stream" },
      body: "",
      stream: { chunks: chunks(), heartbeat: ": still here\n", signal },
    };
  });
  return { surface, returned };
}

const untilEnd = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

async function* quiet(signal: AbortSignal) {
  yield "begin\n";
  await untilEnd(signal);
}

async function* flood(signal: AbortSignal) {
  while (!signal.aborted) {
    yield "x".repeat(65_536);
    await sleep(0);
  }
}

test("heartbeats are sent while nothing else is", async () => {
  const { surface } = createStreaming(quiet);
  await using edge = await startEdge({ surfaces: [surface], limits: { heartbeatMs: 100 } });
  const reader = openRaw(edge.port, request);
  await expect.poll(() => reader.text().match(/: still here/g)?.length).toBeGreaterThan(1);
  expect(reader.text()).toMatch(/^HTTP\/1\.1 200 [^]*X-Request-Id: [^]*\r\n\r\n/i);
  expect(reader.text()).toContain("begin\n");
  await reader.leave();
});

test("streams have their own places, and a limited number of them", async () => {
  const { surface, returned } = createStreaming(quiet);
  await using edge = await startEdge({
    surfaces: [surface],
    limits: { limit: 1, reserve: 0, waitMs: 20, streamsPerToken: 2 },
  });
  const open = [1, 2].map(() => openRaw(edge.port, request));
  await expect.poll(() => surface.calls.length).toBe(2);
  const third = await edge.send("GET", path, bearer);
  expect(third.status).toBe(429);
  expect(JSON.parse(third.text)).toMatchObject({ error: { code: "rate_limited" } });
  await Promise.all(open.map((reader) => reader.leave()));
  // Both are gone: there is room again.
  await expect.poll(() => returned).toEqual(["client_gone", "client_gone"]);
  const next = openRaw(edge.port, request);
  await expect.poll(() => next.text()).toContain("begin");
  await next.leave();
});

test("all tokens together have a limit too", async () => {
  const { surface } = createStreaming(quiet);
  await using edge = await startEdge({ surfaces: [surface], limits: { streams: 1 } });
  const first = openRaw(edge.port, request);
  await expect.poll(() => surface.calls.length).toBe(1);
  expect((await edge.send("GET", path, bearer)).status).toBe(429);
  await first.leave();
});

test("a stalled reader pauses the source, then is cut off and logged", async () => {
  let sent = 0;
  const { surface, returned } = createStreaming(async function* (signal) {
    for await (const chunk of flood(signal)) {
      sent += chunk.length;
      yield chunk;
    }
  });
  await using edge = await startEdge({ surfaces: [surface], limits: { stalledReaderMs: 1500 } });
  const socket = connect(edge.port, "127.0.0.1", () => socket.write(request)).on("error", () => {});
  socket.pause();
  await expect.poll(() => returned).toEqual(["slow_consumer"]);
  await expect.poll(() => edge.lines.map((line) => JSON.parse(line).code)).toEqual(["slow_consumer"]);
  // What the kernel takes for both ends; in the same time a reader that reads is sent many times as
  // much.
  const [held, begin] = [sent, performance.now()];
  sent = 0;
  const reading = connect(edge.port, "127.0.0.1", () => reading.write(request)).on("error", () => {});
  reading.resume();
  await expect.poll(() => sent > held * 2 || performance.now() - begin > 15_000).toBe(true);
  expect(sent).toBeGreaterThan(held * 2);
  reading.destroy();
  socket.destroy();
});

test("a slow reader that goes on reading is not cut off", async () => {
  const { surface, returned } = createStreaming(flood);
  await using edge = await startEdge({ surfaces: [surface], limits: { stalledReaderMs: 1500 } });
  const socket = connect(edge.port, "127.0.0.1", () => socket.write(request));
  socket.on("data", () => {});
  for (const begin = performance.now(); performance.now() - begin < 2500;) {
    socket.resume();
    await sleep(30);
    socket.pause();
    await sleep(120);
  }
  expect(returned).toEqual([]);
  socket.destroy();
});

test("at shutdown each stream gets the reason and ends at once", async () => {
  const { surface } = createStreaming(quiet);
  await using edge = await startEdge({ surfaces: [surface] });
  const open = Array.from({ length: 5 }, () => sendRaw(edge.port, request, 60_000));
  await expect.poll(() => surface.calls.length).toBe(5);
  const begin = performance.now();
  await edge.edge.drain();
  // Long before they would be cut off.
  expect(performance.now() - begin).toBeLessThan(defaultLimits.drainMs / 2);
  for (const answer of await Promise.all(open)) expect(answer).toContain("end: shutdown\n");
});

test("a stream over its age gets the reason, ends and frees its place", async () => {
  const { surface, returned } = createStreaming(quiet);
  await using edge = await startEdge({ surfaces: [surface], limits: { streamMs: 300, streamsPerToken: 1 } });
  const begin = performance.now();
  const answer = await sendRaw(edge.port, request.replace("Host: x", "Host: x\r\nConnection: close"), 60_000);
  expect(answer).toContain("begin\n");
  expect(answer).toContain("end: expired\n");
  expect(performance.now() - begin).toBeGreaterThanOrEqual(290);
  expect(returned).toEqual(["expired"]);
  await expect.poll(() => edge.lines.map((line) => JSON.parse(line).code)).toEqual(["expired"]);
  const next = openRaw(edge.port, request);
  await expect.poll(() => next.text()).toContain("begin\n");
  await next.leave();
});

test("a client that goes away ends its source at once", async () => {
  const { surface, returned } = createStreaming(quiet);
  await using edge = await startEdge({ surfaces: [surface] });
  const reader = openRaw(edge.port, request);
  await expect.poll(() => reader.text()).toContain("begin\n");
  await reader.leave();
  await expect.poll(() => returned).toEqual(["client_gone"]);
  await expect.poll(() => edge.lines.map((line) => JSON.parse(line).status)).toEqual([499]);
});
