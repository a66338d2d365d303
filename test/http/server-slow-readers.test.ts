import { BlockList, connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { PublicPage, Surface } from "../../src/http/surface.ts";
import { environments } from "../../src/lib/environment.ts";
import { askWithoutReading, bearer, createSpySurface, startEdge, type TestEdge } from "../support/edge.ts";

/** More than the kernel takes for a reader that does not read. */
const large = Buffer.alloc(20_000_000, "x");
const files = "/files/large";
const page: PublicPage = { path: files, accepts: () => true, reply: async () => ({ status: 200, body: large }) };
const path = "/api/v1/admin/ops/large";
const surface = createSpySurface(() => ({ status: 200, body: large }));

const ended = (edge: TestEdge) =>
  edge.lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "slow reader: connection closed");
const closed = (socket: Socket) => new Promise<void>((resolve) => void socket.once("close", () => resolve()));
const requests = (edge: TestEdge) => edge.lines.filter((line) => line.includes('"msg":"request"')).length;

test("readers of public pages have own places; health pages need none", async () => {
  await using edge = await startEdge({
    surfaces: [createSpySurface(() => ({ status: 200, body: "{}" }))],
    publicPages: [page],
    limits: { publicAnswers: 2, limit: 1, reserve: 0, waitMs: 50 },
  });
  const readers = [askWithoutReading(edge.port, files), askWithoutReading(edge.port, files)];
  await expect.poll(() => requests(edge)).toBe(2);
  const refused = await edge.send("GET", files);
  expect([refused.status, JSON.parse(refused.text).error.code]).toEqual([503, "overloaded"]);
  expect(refused.headers["retry-after"]).toMatch(/^[123]$/);
  expect((await edge.send("GET", path, bearer)).status).toBe(200);
  expect((await edge.send("GET", "/healthz")).status).toBe(200);
  expect((await edge.send("GET", "/readyz")).status).toBe(200);
  for (const reader of readers) reader.destroy();
  await expect.poll(async () => (await edge.send("HEAD", files)).status).toBe(200);
});

test("one address leaves a quarter of the public pages to others", async () => {
  const trustedProxies = new BlockList();
  trustedProxies.addAddress("127.0.0.1");
  await using edge = await startEdge({ publicPages: [page], trustedProxies, limits: { publicAnswers: 4, waitMs: 50 } });
  const readers = Array.from({ length: 4 }, () => askWithoutReading(edge.port, files));
  await expect.poll(() => requests(edge)).toBe(4);
  expect((await edge.send("GET", files)).status).toBe(503);
  expect((await edge.send("GET", files, { "x-forwarded-for": "192.0.2.7" })).status).toBe(200);
  for (const reader of readers) reader.destroy();
});

test("slow readers block a public page for a limited time only", async () => {
  await using edge = await startEdge({ publicPages: [page], limits: { publicAnswers: 2, waitMs: 5000, pageMs: 300 } });
  const readers = [askWithoutReading(edge.port, files), askWithoutReading(edge.port, files)];
  await expect.poll(() => requests(edge)).toBe(2);
  expect((await edge.send("GET", files)).status).toBe(200);
  // One place was wanted, and one was given up.
  expect(ended(edge)).toMatchObject([{ reason: "page_wanted" }]);
  for (const reader of readers) reader.destroy();
});

test("a client that leaves keeps its place until its work has ended", async () => {
  const working = Promise.withResolvers<void>();
  let begun = 0;
  const busy = createSpySurface(async () => {
    begun += 1;
    await working.promise;
    return { status: 200, body: "{}" };
  });
  await using edge = await startEdge({
    surfaces: [busy],
    limits: { limit: 9, limitPerToken: 2, reserve: 0, waitMs: 50 },
  });
  for (let count = 1; count <= 2; count += 1) {
    const client = askWithoutReading(edge.port, path);
    await expect.poll(() => begun).toBe(count);
    client.destroy();
  }
  // The edge has seen that both left: it answers nobody but the next.
  await sleep(50);
  expect((await edge.send("GET", path, bearer)).status).toBe(503);
  working.resolve();
  await expect.poll(async () => (await edge.send("GET", path, bearer)).status).toBe(200);
  expect(begun).toBe(3);
});

test("a place is freed by a client that leaves, wherever it waits", async () => {
  const loaded = Promise.withResolvers<void>();
  const slow: PublicPage = {
    ...page,
    path: "/files/slow",
    reply: () => loaded.promise.then(() => ({ status: 200, body: large })),
  };
  await using edge = await startEdge({
    publicPages: [page, slow],
    limits: { publicAnswers: 1, waitMs: 100, answerMs: 1000 },
  });
  const first = askWithoutReading(edge.port, "/files/slow");
  await sleep(50);
  const inLine = askWithoutReading(edge.port, files);
  await sleep(50);
  inLine.destroy();
  first.destroy();
  await sleep(50);
  loaded.resolve();
  const pipelined = connect(edge.port, "127.0.0.1").on("error", () => {});
  pipelined.pause().write(`GET ${files} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(3));
  await expect.poll(() => requests(edge)).toBeGreaterThanOrEqual(3);
  pipelined.destroy();
  await expect.poll(async () => (await edge.send("HEAD", files)).status).toBe(200);
});

test("a slow reader does not keep its answer longer than the deadline", async () => {
  const direct: Surface = {
    prefix: "/direct",
    subtree: false,
    handle: async ({ res }) => {
      res.end(large);
      return null;
    },
  };
  await using edge = await startEdge({
    surfaces: [surface, direct],
    publicPages: [page],
    limits: { answerMs: 400, unsentBytes: 100_000_000 },
  });
  const startedAt = performance.now();
  const drips = [path, files, "/direct"].map(async (from) => {
    // At most 64 kB in 20 ms: twenty times the deadline for the whole.
    const socket = askWithoutReading(edge.port, from);
    socket.on("data", () => socket.pause());
    const timer = setInterval(() => socket.resume(), 20);
    await closed(socket);
    clearInterval(timer);
  });
  await Promise.all(drips);
  expect(performance.now() - startedAt).toBeGreaterThan(350);
  expect(performance.now() - startedAt).toBeLessThan(400 * 16);
  expect(ended(edge)).toHaveLength(3);
  expect(ended(edge)[0]).toMatchObject({ level: 40, reason: "answer_deadline", unsent_bytes: expect.any(Number) });
});

test("the deadline begins with the answer, after a restart's own time", async () => {
  const late = createSpySurface(() => sleep(600).then(() => ({ status: 200, body: "{}" })));
  await using edge = await startEdge({ surfaces: [late], limits: { answerMs: 200 } });
  expect((await edge.send("GET", path, bearer)).status).toBe(200);
});

test("the longest wait of the caller with most unsent bytes is ended", async () => {
  const toPrincipal = (subject: string) => ({
    subject,
    kid: subject,
    auth: "token" as const,
    scopes: new Set(["ops:read" as const]),
    environments: new Set(environments),
  });
  await using edge = await startEdge({
    surfaces: [surface],
    limits: { unsentBytes: 70_000_000 },
    authenticate: (authorization) => (authorization ? toPrincipal(authorization) : null),
  });
  const other = askWithoutReading(edge.port, path, "other");
  await expect.poll(() => requests(edge)).toBe(1);
  const greedy = [];
  for (let count = 2; count <= 6; count += 1) {
    greedy.push(askWithoutReading(edge.port, path, "greedy"));
    await expect.poll(() => requests(edge)).toBe(count);
  }
  expect(ended(edge).map(({ subject, reason }) => [subject, reason])).toEqual(
    Array.from({ length: ended(edge).length }, () => ["greedy", "unsent_bytes"]),
  );
  expect(ended(edge).length).toBeGreaterThanOrEqual(2);
  // The newest of the greedy one and the other's are still there, whole.
  for (const socket of [greedy.at(-1), other]) {
    let length = 0;
    socket?.on("data", (chunk) => (length += chunk.length)).resume();
    await expect.poll(() => length).toBeGreaterThan(large.length);
    socket?.destroy();
  }
});

test("a connection with too many pipelined requests is closed", async () => {
  const counted = createSpySurface(() => ({ status: 200, body: "{}" }));
  await using edge = await startEdge({ surfaces: [counted], limits: { pipelined: 3 } });
  const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer.authorization}\r\n\r\n`;
  const few = connect(edge.port, "127.0.0.1");
  let text = "";
  few.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  // One that is answered, and three behind it.
  few.write(request.repeat(4));
  await expect.poll(() => text.match(/HTTP\/1\.1 200/g)?.length).toBe(4);
  few.write(request.repeat(4));
  await expect.poll(() => text.match(/HTTP\/1\.1 200/g)?.length).toBe(8);
  expect(few.destroyed).toBe(false);
  few.destroy();
  const many = connect(edge.port, "127.0.0.1").on("error", () => {});
  many.resume().write(request.repeat(5));
  await closed(many);
  expect(counted.calls.length).toBe(12);
  const health = connect(edge.port, "127.0.0.1").on("error", () => {});
  health.resume().write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000));
  await closed(health);
  expect(edge.lines.filter((line) => line.includes('"path":"/healthz"')).length).toBe(4);
  const closings = edge.lines.filter((line) => line.includes("too many requests wait on one connection"));
  expect(closings.map((line) => JSON.parse(line).ip)).toEqual(["127.0.0.1", "127.0.0.1"]);
});
