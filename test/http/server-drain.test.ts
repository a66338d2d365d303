import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { EdgeReply } from "../../src/http/surface.ts";
import { bearer, createSpySurface, sendRaw, startEdge, token } from "../support/edge.ts";

const path = "/api/v1/admin/ops/slow";
const request = (line: string) => `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;

test("requests in flight finish, then the connection closes", async () => {
  const gate = Promise.withResolvers<EdgeReply>();
  const surface = createSpySurface(() => gate.promise);
  await using edge = await startEdge({ surfaces: [surface] });
  const slow = sendRaw(edge.port, request(`GET ${path}`), 60_000);
  const idle = sendRaw(edge.port, request("GET /healthz"), 60_000);
  await expect.poll(() => [edge.lines.length, surface.calls.length]).toEqual([1, 1]);
  const drained = edge.edge.drain();
  let isDrained = false;
  void drained.then(() => (isDrained = true));
  expect(isDrained).toBe(false);
  gate.resolve({ status: 200, body: '{"whole":true}' });
  expect(await slow).toMatch(/Connection: close\r\n[^]*\r\n\r\n\{"whole":true\}$/);
  await drained;
  expect(await idle).toContain('{"status":"ok"}');
  // Whichever of the listening sockets it would come to.
  for (let left = 40; left > 0; left -= 1)
    await expect(sendRaw(edge.port, request("GET /healthz"))).rejects.toThrow(/ECONNREFUSED/);
});

test("what comes on new connections during a drain is refused", async () => {
  const gate = Promise.withResolvers<EdgeReply>();
  const surface = createSpySurface(() => gate.promise);
  await using edge = await startEdge({ surfaces: [surface], limits: { drainMs: 60_000 } });
  const busy = sendRaw(edge.port, request(`GET ${path}`), 60_000);
  await expect.poll(() => surface.calls.length).toBe(1);
  const drained = edge.edge.drain();
  // Whichever of the listening sockets it comes to.
  for (let left = 20; left > 0; left -= 1) {
    expect((await edge.send("GET", "/healthz")).status).toBe(200);
    for (const page of ["/readyz", "/readyz/reads"]) {
      expect(await edge.send("GET", page)).toMatchObject({ status: 503, text: '{"status":"not_ready"}' });
    }
    const refused = await edge.send("GET", path, bearer);
    expect(refused).toMatchObject({ status: 503, headers: { connection: "close" } });
    expect(JSON.parse(refused.text)).toMatchObject({
      error: { code: "overloaded", message: "The gateway is stopping" },
    });
  }
  expect(surface.calls).toHaveLength(1);
  // Readers that came late hold nobody up.
  const stuck = connect(edge.port, "127.0.0.1").on("error", () => {});
  stuck.write("GET /healthz HTTP/1.1\r\n");
  gate.resolve({ status: 200, body: "{}" });
  await Promise.all([busy, drained]);
});

test("readyz is 503 while no action could begin, reads go on", async () => {
  let canAct = true;
  await using edge = await startEdge({ canAct: () => canAct });
  const read = async () => {
    const pages = ["/readyz", "/readyz/reads", "/healthz"].map((page) => edge.send("GET", page));
    return (await Promise.all(pages)).map(({ status }) => status);
  };
  expect(await read()).toEqual([200, 200, 200]);
  canAct = false;
  expect(await read()).toEqual([503, 200, 200]);
  canAct = true;
  expect(await read()).toEqual([200, 200, 200]);
});

test("readyz is 503 at once, also on an open connection", async () => {
  const gate = Promise.withResolvers<EdgeReply>();
  const surface = createSpySurface(() => gate.promise);
  await using edge = await startEdge({ surfaces: [surface] });
  const busy = sendRaw(edge.port, request(`GET ${path}`), 60_000);
  await expect.poll(() => surface.calls.length).toBe(1);
  const socket = connect(edge.port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (answer += chunk));
  socket.write("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  await expect.poll(() => answer).toMatch(/^HTTP\/1\.1 200 /);
  answer = "";
  const drained = edge.edge.drain();
  socket.write("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  await expect.poll(() => answer).toMatch(/^HTTP\/1\.1 503 [^]*Connection: close/);
  gate.resolve({ status: 200, body: "{}" });
  await Promise.all([busy, drained]);
});

test("requests that do not end in time are cut off", async () => {
  const surface = createSpySurface(() => new Promise<EdgeReply>(() => {}));
  await using edge = await startEdge({ surfaces: [surface], limits: { drainMs: 150 } });
  const stuck = sendRaw(edge.port, request(`GET ${path}`), 60_000).catch(() => "");
  await expect.poll(() => surface.calls.length).toBe(1);
  const startedAt = performance.now();
  await edge.edge.drain();
  expect(performance.now() - startedAt).toBeGreaterThan(100);
  expect(await stuck).toBe("");
});

test("readyz is 503 until what was begun has an outcome", async () => {
  const [gate, outcome] = [Promise.withResolvers<EdgeReply>(), Promise.withResolvers<void>()];
  const surface = createSpySurface(() => gate.promise);
  await using edge = await startEdge({ surfaces: [surface], limits: { drainMs: 150, lingerMs: 0 } });
  const stuck = sendRaw(edge.port, request(`GET ${path}`), 60_000).catch(() => "");
  await expect.poll(() => surface.calls.length).toBe(1);
  let isSettling = false;
  const drained = edge.edge.drain(() => {
    isSettling = true;
    return outcome.promise;
  });
  await expect.poll(() => isSettling).toBe(true);
  expect(await stuck).toBe("");
  expect(await edge.send("GET", "/readyz")).toMatchObject({ status: 503, text: '{"status":"not_ready"}' });
  expect((await edge.send("GET", path, bearer)).status).toBe(503);
  outcome.resolve();
  await drained;
  await expect(sendRaw(edge.port, request("GET /readyz"))).rejects.toThrow(/ECONNREFUSED/);
});

test("a slow reader gets its whole answer although a drain has begun", async () => {
  const body = "x".repeat(20_000_000);
  await using edge = await startEdge({ surfaces: [createSpySurface(() => ({ status: 200, body }))] });
  const socket = connect(edge.port, "127.0.0.1");
  let length = 0;
  socket.pause();
  socket.write(request(`GET ${path}`));
  await expect.poll(() => edge.lines.length).toBe(1);
  const drained = edge.edge.drain();
  await sleep(400);
  socket.on("data", (chunk) => (length += chunk.length)).resume();
  await drained;
  await expect.poll(() => length).toBeGreaterThan(body.length);
});

test("a client that goes away aborts the signal and is logged as 499", async () => {
  const aborted = Promise.withResolvers<void>();
  const surface = createSpySurface(
    ({ signal }) =>
      new Promise<EdgeReply>((resolve) => {
        signal.addEventListener("abort", () => {
          aborted.resolve();
          resolve({ status: 200, body: "{}" });
        });
      }),
  );
  await using edge = await startEdge({ surfaces: [surface] });
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(request(`GET ${path}`));
  await expect.poll(() => surface.calls.length).toBe(1);
  socket.destroy();
  await aborted.promise;
  await expect.poll(() => edge.lines.join("")).toContain('"status":499');
  expect((await edge.send("GET", "/healthz")).status).toBe(200);
});

test("the signal is aborted after the client left, never after the answer", async () => {
  const seen: boolean[] = [];
  const signals: AbortSignal[] = [];
  const surface = createSpySurface(async (asked) => {
    await new Promise((resolve) => asked.res.once("close", resolve));
    seen.push(asked.signal.aborted);
    return { status: 200, body: "" };
  });
  const quick = createSpySurface(({ signal }) => {
    signals.push(signal);
    return { status: 200, body: "{}" };
  }, "/quick");
  await using edge = await startEdge({ surfaces: [surface, quick] });
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(request(`GET ${path}`));
  await expect.poll(() => surface.calls.length).toBe(1);
  socket.destroy();
  await expect.poll(() => seen).toEqual([true]);
  await edge.send("GET", "/quick", bearer);
  await sleep(20);
  expect(signals[0]?.aborted).toBe(false);
});

test("beyond the limit: a short wait, then 503 overloaded; health answers", async () => {
  const gates: PromiseWithResolvers<EdgeReply>[] = [];
  const surface = createSpySurface(() => {
    const gate = Promise.withResolvers<EdgeReply>();
    gates.push(gate);
    return gate.promise;
  });
  await using edge = await startEdge({ surfaces: [surface], limits: { limit: 2, reserve: 0, waitMs: 50 } });
  const working = [edge.send("GET", path, bearer), edge.send("GET", path, bearer)];
  await expect.poll(() => gates.length).toBe(2);
  const refused = await edge.send("GET", path, bearer);
  expect([refused.status, JSON.parse(refused.text).error.code]).toEqual([503, "overloaded"]);
  expect(refused.headers["retry-after"]).toMatch(/^[123]$/);
  expect((await edge.send("GET", "/healthz")).status).toBe(200);
  for (const gate of gates) gate.resolve({ status: 200, body: "{}" });
  await Promise.all(working);
  const next = edge.send("GET", path, bearer);
  await expect.poll(() => gates.length).toBe(3);
  gates[2]?.resolve({ status: 200, body: "{}" });
  expect((await next).status).toBe(200);
});
