import { EventEmitter, once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Exchange } from "../../src/http/exchange.ts";
import { defaultLimits } from "../../src/http/limits.ts";
import { createUnfinished } from "../../src/http/unfinished.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createCaller } from "../support/caller.ts";
import { bearer, createSpySurface, sendRaw, startEdge, token } from "../support/edge.ts";

const path = "/api/v1/admin/ops/x";
const surface = createSpySurface(() => ({ status: 200, body: "{}" }));

test("a header under maxHeaderSize is read, one byte more is 431", async () => {
  await using edge = await startEdge({ surfaces: [surface] });
  const headers = { Host: "x", Authorization: `Bearer ${token}`, Connection: "close", X: "" };
  // node:http counts the path, the names and the values.
  const counted = path.length + Object.entries(headers).flat().join("").length;
  const send = (size: number) => {
    const all = Object.entries({ ...headers, X: "x".repeat(size - counted) });
    return sendRaw(
      edge.port,
      `GET ${path} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
    );
  };
  expect(await send(defaultLimits.maxHeaderSize - 1)).toMatch(/^HTTP\/1\.1 200 /);
  expect(await send(defaultLimits.maxHeaderSize)).toMatch(/^HTTP\/1\.1 431 /);
});

test("beyond maxConnections a new one is served, the longest idle closed", async () => {
  await using edge = await startEdge({ surfaces: [surface], limits: { maxConnections: 3 } });
  const sockets: Socket[] = [];
  const open = async () => {
    const socket = connect(edge.port, "127.0.0.1").on("error", () => {});
    sockets.push(socket);
    const answer = new Promise<string>((resolve) => {
      socket.once("data", (chunk) => resolve(chunk.toString("latin1", 0, 12)));
      socket.once("close", () => resolve("closed"));
    });
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    return answer;
  };
  const answers = [await open(), await open(), await open(), await open()];
  expect(answers).toEqual(["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 200"]);
  await expect.poll(() => sockets.map(({ closed }) => closed)).toEqual([true, false, false, false]);
  for (const socket of sockets) socket.destroy();
});

test("beyond waitingConnections the longest waiting, idle one is closed", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const slow = createSpySurface(async () => {
    asked.resolve();
    await answer.promise;
    return { status: 200, body: "{}" };
  });
  await using edge = await startEdge({ surfaces: [slow], limits: { waitingConnections: 2 } });
  const open = (text: string) => {
    const socket = connect(edge.port, "127.0.0.1").on("error", () => {});
    let received = "";
    socket.on("data", (chunk) => (received += chunk.toString("latin1"))).write(text);
    return { socket, received: () => received };
  };
  const working = open(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await asked.promise;
  const first = open("GET / HTTP/1.1\r\nX: ");
  await once(first.socket, "connect");
  const second = open("GET / HTTP/1.1\r\nX: ");
  await once(second.socket, "connect");
  const served = open("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  await expect.poll(() => first.socket.closed).toBe(true);
  await expect.poll(served.received).toMatch(/^HTTP\/1\.1 200 /);
  answer.resolve();
  await expect.poll(working.received).toMatch(/^HTTP\/1\.1 200 /);
  // Answered, it waits like the others. It had an accepted token: one without gives way, and a new
  // one comes last.
  await expect.poll(() => served.socket.closed).toBe(true);
  expect([working.socket.closed, second.socket.closed]).toEqual([false, false]);
  for (const { socket } of [working, first, second, served]) socket.destroy();
});

test("a network with many waiting connections loses its own first", async () => {
  await using edge = await startEdge({ surfaces: [surface], limits: { waitingConnections: 3 } });
  const open = async (localAddress: string) => {
    const socket = connect({ port: edge.port, host: "127.0.0.1", localAddress }).on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  const only = await open("127.0.0.1");
  const others: Socket[] = [];
  for (let count = 0; count < 6; count += 1) others.push(await open("127.0.1.2"));
  await expect.poll(() => others.filter(({ closed }) => closed).length).toBe(4);
  expect(others.slice(-2).map(({ closed }) => closed)).toEqual([false, false]);
  only.write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  expect(String(await once(only, "data"))).toMatch(/^HTTP\/1\.1 200 /);
  for (const socket of others) socket.destroy();
});

test("failedAuthBurst failures are 401, one more 429; good tokens pass", async () => {
  await using edge = await startEdge({
    surfaces: [surface],
    limits: { failedAuthBurst: 3, failedAuthPerSecond: 0.01 },
  });
  const statuses = [];
  for (let count = 0; count < 4; count += 1) statuses.push((await edge.send("GET", path)).status);
  expect(statuses).toEqual([401, 401, 401, 429]);
  expect((await edge.send("GET", path, bearer)).status).toBe(200);
});

describe("answers that wait for slow readers", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  let started = 0;

  /** An answer of which `waiting` bytes wait for the reader of this caller. */
  function createAnswer(caller: string, waiting: number, more: { isPublic?: boolean; isStream?: boolean } = {}) {
    const res = Object.assign(new EventEmitter(), { writableLength: waiting });
    const socket = { destroyed: false, resetAndDestroy: () => void (socket.destroyed = true) };
    const own = { place: -1, unsentBytes: 0, waitsSince: null, startedAt: (started += 1) };
    const exchange = {
      res,
      req: { socket },
      caller,
      maybePrincipal: undefined,
      isPublic: false,
      isStream: false,
      ...own,
      ...more,
    };
    return { exchange: exchange as unknown as Exchange, res, socket };
  }

  function createLimited(limits: { answerMs?: number; pageMs?: number; unsentBytes?: number }) {
    const ended: Exchange[] = [];
    const onEnd = (exchange: Exchange) => void ended.push(exchange);
    const wanted = { pages: 0 };
    const unfinished = createUnfinished(
      { ...defaultLimits, ...limits, pagesWanted: () => wanted.pages },
      silentLogger,
      onEnd,
    );
    return { ended, unfinished, wanted, unwatch: unfinished.watch() };
  }

  test("beyond unsentBytes, the longest wait of the largest caller ends", () => {
    const { ended, unfinished } = createLimited({ unsentBytes: 100 });
    const [small, old, young, last] = [
      createAnswer("one", 30),
      createAnswer("two", 30),
      createAnswer("two", 40),
      createAnswer("three", 1),
    ];
    for (const { exchange } of [small, old, young]) {
      unfinished.add(exchange);
      vi.advanceTimersByTime(10);
    }
    expect([small, old, young].map(({ socket }) => socket.destroyed)).toEqual([false, false, false]);
    unfinished.add(last.exchange);
    expect([small, old, young, last].map(({ socket }) => socket.destroyed)).toEqual([false, true, false, false]);
    expect(ended).toEqual([old.exchange]);
    expect(new Set(unfinished.responses())).toEqual(new Set([small.res, young.res, last.res]));
  });

  test("free their bytes when read or ended; streams are counted each second", () => {
    const { unfinished } = createLimited({ unsentBytes: 100 });
    const [first, second, stream] = [
      createAnswer("a", 60),
      createAnswer("b", 40),
      createAnswer("c", 0, { isStream: true }),
    ];
    for (const { exchange } of [first, second, stream]) unfinished.add(exchange);
    first.res.writableLength = 50;
    stream.res.writableLength = 10;
    vi.advanceTimersByTime(1000);
    expect([first, second, stream].map(({ socket }) => socket.destroyed)).toEqual([false, false, false]);
    second.res.emit("close");
    stream.res.writableLength = 50;
    vi.advanceTimersByTime(1000);
    expect([first, stream].map(({ socket }) => socket.destroyed)).toEqual([false, false]);
    stream.res.writableLength = 51;
    vi.advanceTimersByTime(1000);
    expect([first, stream].map(({ socket }) => socket.destroyed)).toEqual([false, true]);
  });

  test("of public files share one Buffer and are not counted", () => {
    const { unfinished } = createLimited({ unsentBytes: 100 });
    const answers = [1, 2, 3].map(() => createAnswer("", 90, { isPublic: true }));
    for (const { exchange } of answers) unfinished.add(exchange);
    expect(answers.some(({ socket }) => socket.destroyed)).toBe(false);
  });

  test("end answerMs after they began to wait, streams do not", () => {
    const { unfinished, unwatch } = createLimited({ answerMs: 10_000 });
    const [api, file, stream, idle] = [
      createAnswer("a", 1),
      createAnswer("", 1, { isPublic: true }),
      createAnswer("b", 1, { isStream: true }),
      createAnswer("c", 0),
    ];
    for (const { exchange } of [api, file, stream, idle]) unfinished.add(exchange);
    vi.advanceTimersByTime(9999);
    expect([api, file, stream, idle].map(({ socket }) => socket.destroyed)).toEqual([false, false, false, false]);
    vi.advanceTimersByTime(1);
    expect([api, file, stream, idle].map(({ socket }) => socket.destroyed)).toEqual([true, true, false, false]);
    unwatch();
  });

  test("of pages give way after pageMs, the longest waiting first", () => {
    const { unfinished, ended, wanted } = createLimited({ pageMs: 5000 });
    const [api, taken, first, second, third] = [
      createAnswer("a", 1),
      createAnswer("", 0, { isPublic: true }),
      ...[1, 2, 3].map(() => createAnswer("", 1, { isPublic: true })),
    ] as const;
    for (const one of [api, taken, first, second]) unfinished.add((one as typeof api).exchange);
    vi.advanceTimersByTime(1);
    unfinished.add((third as typeof api).exchange);
    wanted.pages = 1;
    vi.advanceTimersByTime(4998);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ended).toEqual([first?.exchange]);
    wanted.pages = 0;
    vi.advanceTimersByTime(2000);
    expect(ended).toEqual([first?.exchange]);
    wanted.pages = 5;
    vi.advanceTimersByTime(1000);
    expect(ended).toEqual([first, second, third].map((one) => one?.exchange));
    expect([api, taken].map(({ socket }) => socket.destroyed)).toEqual([false, false]);
  });

  test("behind another answer end with their connection", () => {
    const { ended, unfinished } = createLimited({});
    const behind = createAnswer("a", 1);
    unfinished.add(behind.exchange);
    behind.socket.destroyed = true;
    vi.advanceTimersByTime(1000);
    expect(ended).toEqual([behind.exchange]);
    behind.res.emit("close");
    expect(ended).toHaveLength(1);
  });

  test.each([
    [undefined, { ip: "192.0.2.1" }],
    [createCaller().principal, { subject: "test", kid: "test" }],
  ])("are logged with the reason when they are cut off", (maybePrincipal, who) => {
    const lines: unknown[][] = [];
    const logger = { ...silentLogger, warn: (...line: unknown[]) => void lines.push(line) };
    const wanted = { pages: 0 };
    const limits = { ...defaultLimits, answerMs: 5000, pageMs: 2000, unsentBytes: 100 };
    const unfinished = createUnfinished({ ...limits, pagesWanted: () => wanted.pages }, logger, () => {});
    const unwatch = unfinished.watch();
    const more = { requestId: "r-1", ip: "192.0.2.1", maybePrincipal };
    const create = (waiting: number, isPublic = false) => {
      const answer = createAnswer("a", waiting, { isPublic });
      Object.assign(answer.exchange, more);
      return answer.exchange;
    };
    const reasonOf = () => lines.splice(0);
    const lineOf = (reason: string, bytes: number) => [
      [{ request_id: "r-1", ...who, reason, unsent_bytes: bytes }, "slow reader: connection closed"],
    ];
    unfinished.add(create(101));
    expect(reasonOf()).toEqual(lineOf("unsent_bytes", 101));
    unfinished.add(create(7, true));
    wanted.pages = 1;
    vi.advanceTimersByTime(2000);
    expect(reasonOf()).toEqual(lineOf("page_wanted", 7));
    unfinished.add(create(8));
    vi.advanceTimersByTime(5000);
    expect(reasonOf()).toEqual(lineOf("answer_deadline", 8));
    unwatch();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("are counted anew when added again, and followed once", () => {
    const { unfinished, ended } = createLimited({ unsentBytes: 100 });
    const [one, other] = [createAnswer("a", 60), createAnswer("b", 40)];
    unfinished.add(one.exchange);
    unfinished.add(one.exchange);
    unfinished.add(other.exchange);
    expect([one.res.listenerCount("close"), ended]).toEqual([1, []]);
    one.res.writableLength = 61;
    unfinished.add(one.exchange);
    expect(ended).toEqual([one.exchange]);
    // Its bytes are gone with it.
    unfinished.add(createAnswer("c", 60).exchange);
    expect(ended).toHaveLength(1);
  });

  test("start to wait anew when the reader has read all", () => {
    const { ended, unfinished, unwatch } = createLimited({ answerMs: 10_000 });
    const { exchange, res } = createAnswer("a", 1);
    unfinished.add(exchange);
    vi.advanceTimersByTime(9000);
    res.writableLength = 0;
    vi.advanceTimersByTime(1000);
    res.writableLength = 1;
    vi.advanceTimersByTime(10_000);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(ended).toEqual([exchange]);
    unwatch();
  });

  test.each([
    [5000, 499, 500],
    [60_000, 999, 1000],
  ])("with %d ms are checked after a tenth of it, or a second", (answerMs, before, then) => {
    const { ended, unfinished, unwatch } = createLimited({ answerMs });
    const behind = createAnswer("a", 1);
    unfinished.add(behind.exchange);
    behind.socket.destroyed = true;
    vi.advanceTimersByTime(before);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(then - before);
    expect(ended).toEqual([behind.exchange]);
    unwatch();
  });

  test("give way together when far too much waits", () => {
    const { ended, unfinished, unwatch } = createLimited({ unsentBytes: 100 });
    const streams = ["a", "a", "b"].map((caller) => createAnswer(caller, 0, { isStream: true }));
    for (const { exchange } of streams) unfinished.add(exchange);
    for (const { res } of streams) res.writableLength = 90;
    vi.advanceTimersByTime(1000);
    // Of 270 bytes 90 may stay: first goes one of the caller with two.
    expect(ended).toHaveLength(2);
    expect(ended[0]).toBe(streams[0]?.exchange);
    unwatch();
  });
});
