import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import type { LimitFunction } from "p-limit";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type EngineEvent, eventsQuery } from "../../../../src/containers/docker/engine/events.ts";
import { createInventory } from "../../../../src/containers/docker/engine/inventory.ts";
import { createRefresher, createWatcher } from "../../../../src/containers/docker/engine/sync.ts";
import { StatusError } from "../../../../src/containers/docker/http/errors.ts";
import { createFairLimit } from "../../../../src/lib/budget/fair-limit.ts";
import { OpsError } from "../../../../src/lib/errors.ts";
import { app, rulesOf } from "../../../support/docker-facts.ts";
import { eventLine, fullId } from "../../../support/docker-fake.ts";
import { useFakeSleep } from "../../../support/fake-sleep.ts";

let useRealTimers = () => {};
beforeEach(() => {
  useRealTimers = useFakeSleep();
  // The longest delays.
  vi.spyOn(Math, "random").mockReturnValue(1);
});
afterEach(() => {
  vi.restoreAllMocks();
  useRealTimers();
});
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const id = fullId("a");
const facts = app("wallet-core", "web", "v1", { fullId: id, name: "web" });
const hang = () => new Promise<never>(() => {});

/**
 * A watcher of an engine with one container; in `log` what happened, with its time in milliseconds.
 */
function setUp() {
  const begin = performance.now();
  const log: string[] = [];
  const write = (line: string) => void log.push(`${performance.now() - begin} ${line}`);
  const streams: PassThrough[] = [];
  const state = {
    open: async (_signal: AbortSignal): Promise<unknown> => null,
    list: async (): Promise<unknown> => null,
    inspect: async (): Promise<unknown> => null,
  };
  const run = (async (work: () => Promise<unknown>) => work()) as unknown as LimitFunction;
  const name = "web-1";
  const inventory = createInventory({ env: null, rules: rulesOf("wallet-core"), hostNames: [] }, () => {});
  const refresher = createRefresher({
    name,
    inventory,
    limit: createFairLimit(10),
    fullLimit: run,
    onSettled: () => {},
    onLost: (error) => watcher.lose(error),
    async list() {
      write("list");
      await state.list();
      return [{ raw: facts, recent: false }];
    },
    async inspect() {
      write("inspect");
      const asked = inventory.begin();
      await state.inspect();
      inventory.learn(facts, asked);
    },
  });
  const client = {
    async openEvents(query: unknown, signal: AbortSignal) {
      expect(query).toBe(eventsQuery);
      write("open");
      await state.open(signal);
      const stream = new PassThrough();
      streams.push(stream);
      return stream as unknown as IncomingMessage;
    },
    forget: () => write("forget"),
  };
  const onEvent = (event: EngineEvent) => {
    write(`event ${event.action}`);
    refresher.onEvent(event);
  };
  const report = (error: OpsError | null) => write(`report ${error?.code ?? "well"}`);
  const onBegin = () => write("begin");
  const watcher = createWatcher({
    name,
    client,
    timeoutMs: 700,
    resyncMs: 30_000,
    refresher,
    onBegin,
    onEvent,
    report,
  });
  const close = () => {
    watcher.close();
    refresher.close();
  };
  return { state, streams, watcher, close, write, take: () => log.splice(0) };
}
const well = ["open", "begin", "list", "inspect", "report well"];
const at = (ms: number, ...lines: readonly string[]) => lines.map((line) => `${ms} ${line}`);
/** One that watches since the time 0. */
async function setUpWatching() {
  const kit = setUp();
  void kit.watcher.ready();
  await pass(0);
  expect(kit.take()).toEqual(at(0, ...well));
  return kit;
}

describe("an engine", () => {
  it("is asked nothing until there is a caller, and once for all callers", async () => {
    const { watcher, take, streams } = setUp();
    await pass(60_000);
    expect([take(), watcher.loss()]).toEqual([[], null]);
    const ready = watcher.ready();
    expect(watcher.ready()).toBe(ready);
    await ready;
    expect(take()).toEqual(at(60_000, ...well));
    expect([watcher.ready(), watcher.loss(), streams.length]).toEqual([null, null, 1]);
    await pass(1000);
    expect(take()).toEqual([]);
  });

  it("is watched a while after its list although an inspection hangs", async () => {
    const { watcher, take, state } = setUp();
    state.inspect = hang;
    void watcher.ready();
    await pass(2499);
    expect(take()).toEqual(at(0, "open", "begin", "list", "inspect"));
    await pass(1);
    expect(take()).toEqual(["2500 report well"]);
  });

  it("that reports events has them passed on and inspected", async () => {
    const { streams, take } = await setUpWatching();
    await pass(100);
    streams[0]?.write(eventLine("restart", id));
    await pass(1000);
    expect(take()).toEqual(["100 event restart", "250 inspect"]);
  });

  it("is listed again at each interval, and lost when that fails", async () => {
    const { take, state, watcher } = await setUpWatching();
    await pass(60_000);
    expect(take()).toEqual(["30000 list", "60000 list"]);
    state.list = () => Promise.reject(new StatusError(500, ""));
    await pass(30_000);
    expect(take()).toEqual([
      ...at(90_000, "list", "forget", "report docker_error"),
      // It was well before, so it is asked again at once.
      ...at(90_000, "open", "begin", "list", "forget", "report docker_error"),
    ]);
    expect(watcher.loss()).toMatchObject({ error: { message: "Docker engine web-1: it answered with status 500" } });
    expect(watcher.loss()?.at).toBe(Date.now());
    state.list = async () => null;
    await pass(200);
    expect(take()).toEqual(at(90_200, ...well));
    expect(watcher.loss()).toBeNull();
  });
});

describe("an engine that cannot be reached", () => {
  it("is tried again after a time that doubles up to 5 s", async () => {
    const { watcher, take, state } = setUp();
    state.open = () => Promise.reject(Object.assign(new Error("x"), { code: "ENOENT" }));
    const ready = watcher.ready();
    const begin = Date.now();
    await ready;
    expect(take()).toEqual(at(0, "open", "forget", "report docker_unavailable"));
    expect(watcher.ready()).toBeNull();
    await pass(20_000);
    const times = take().filter((line) => line.endsWith("open"));
    expect(times).toEqual([200, 600, 1400, 3000, 6200, 11_200, 16_200].map((ms) => `${ms} open`));
    expect(watcher.loss()?.at).toBe(begin);
    state.open = async () => null;
    await pass(1200);
    expect(take()).toEqual(at(21_200, ...well));
  });

  it("is tried again after half of that time at least", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { watcher, take, state } = setUp();
    state.open = () => Promise.reject(new Error("x"));
    void watcher.ready();
    await pass(11_000);
    const times = take().filter((line) => line.endsWith("open"));
    expect(times).toEqual([0, 100, 300, 700, 1500, 3100, 5600, 8100, 10_600].map((ms) => `${ms} open`));
  });

  it("is given up after the deadline, also when its list hangs", async () => {
    const { watcher, take, state } = setUp();
    const signals: AbortSignal[] = [];
    state.open = (signal) => (signals.push(signal), hang());
    void watcher.ready();
    // Sockets are read once more after the deadline, which takes a millisecond of this clock.
    await pass(701);
    expect(take()).toEqual(["0 open", "701 forget", "701 report docker_timeout"]);
    expect(signals[0]?.aborted).toBe(true);
    expect(watcher.loss()?.error.message).toBe("Docker engine web-1: no answer within 0.7 s");
  });
});

describe("a stream that ends", () => {
  it.each([
    ["1 s", 1000, false],
    ["more than 1 s", 1001, true],
  ])("after %s: others wait for the next attempt: %s", async (_, ms, waits) => {
    const { streams, take, watcher, state } = await setUpWatching();
    await pass(ms);
    state.open = () => new Promise((resolve) => setTimeout(resolve, 50));
    streams[0]?.end();
    await pass(0);
    expect(take()).toEqual(at(ms, "forget", ...(waits ? ["open"] : ["report docker_unavailable"])));
    const ready = watcher.ready();
    expect([ready === null, watcher.loss() === null]).toEqual([!waits, waits]);
    await pass(250);
    const again = ms + (waits ? 50 : 250);
    expect(take()).toEqual([...(waits ? [] : [`${ms + 200} open`]), ...at(again, ...well.slice(1))]);
    await ready;
    expect(watcher.ready()).toBeNull();
  });

  it("that breaks is opened again at once each time", async () => {
    const { streams, take } = await setUpWatching();
    for (const round of [1, 2, 3]) {
      await pass(2000);
      streams.at(-1)?.destroy(Object.assign(new Error("x"), { code: "ECONNRESET" }));
      await pass(0);
      expect(take()).toEqual(at(round * 2000, "forget", ...well));
    }
    await pass(30_000);
    // Only the last one lists.
    expect(take()).toEqual(["36000 list"]);
  });

  it("before the end of its list is a failure", async () => {
    const { watcher, take, state, streams } = setUp();
    state.list = hang;
    void watcher.ready();
    await pass(100);
    streams[0]?.end();
    await pass(0);
    expect(take()).toEqual([...at(0, "open", "begin", "list"), ...at(100, "forget", "report docker_unavailable")]);
    expect(watcher.loss()?.error.cause).toMatchObject({ message: "The stream of events ended", code: "ECONNRESET" });
  });
});

describe("an engine that another call finds gone", () => {
  it("is lost at once and asked again", async () => {
    const { watcher, take, streams } = await setUpWatching();
    await pass(5000);
    const error = new OpsError("docker_timeout", "silent");
    watcher.lose(error);
    expect(watcher.loss()).toEqual({ error, at: Date.now() });
    expect(take()).toEqual(["5000 report docker_timeout"]);
    await pass(0);
    expect(take()).toEqual(at(5000, "forget", "report docker_timeout", ...well));
    expect([streams[0]?.destroyed, streams[1]?.destroyed]).toEqual([true, false]);
    expect(watcher.loss()).toBeNull();
  });

  it("whose connection ended alone is not lost before it is asked again", async () => {
    const { watcher, take } = await setUpWatching();
    await pass(5000);
    const cause = Object.assign(new Error("x"), { code: "ECONNRESET" });
    watcher.lose(new OpsError("docker_unavailable", "x", { cause }));
    expect([watcher.loss(), take()]).toEqual([null, []]);
    await pass(0);
    expect(take()).toEqual(at(5000, "forget", ...well));
  });
});

describe("an engine that is closed", () => {
  it("is not asked any more", async () => {
    const { close, take, streams } = await setUpWatching();
    streams[0]?.write(eventLine("die", id));
    await pass(10);
    take();
    close();
    await pass(60_000);
    expect(take()).toEqual(["10 forget"]);
    expect([streams[0]?.destroyed, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it("ends its waiting callers, and is not tried again", async () => {
    const { watcher, close, take, state } = setUp();
    state.open = hang;
    const ready = watcher.ready();
    await pass(10);
    close();
    await ready;
    await pass(60_000);
    expect(take()).toEqual(["0 open", "10 forget"]);
  });

  it("ends the pause before the next attempt", async () => {
    const { watcher, close, take, state } = setUp();
    state.open = () => Promise.reject(new Error("x"));
    void watcher.ready();
    await pass(50);
    take();
    close();
    await pass(60_000);
    expect([take(), vi.getTimerCount()]).toEqual([[], 0]);
  });
});
