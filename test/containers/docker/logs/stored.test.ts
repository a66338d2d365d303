import { Readable } from "node:stream";
import { afterEach, expect, it, vi } from "vitest";
import { readStored } from "../../../../src/containers/docker/logs/stored.ts";
import type { StoredBatch, StoredOptions } from "../../../../src/containers/logs/log.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { collect } from "../../../support/collect.ts";
import { fullId } from "../../../support/docker-fake.ts";
import { countStepsAtOnce, createStepSearch } from "../../../support/rounds.ts";
import { createLogEngine, type LogEntry } from "../../../support/log-engine.ts";

const ref = { engine: "web-1", fullId: fullId("a") };
const time = (seconds: number) => toLogTimestamp(seconds.toFixed(9));
const write = (count: number, text = (n: number) => `line ${n}`): LogEntry[] =>
  Array.from({ length: count }, (_, n) => ({ at: 1000 + n, text: text(n) }));
const texts = (batches: readonly StoredBatch[]) => batches.flatMap(({ lines }) => lines.map(({ message }) => message));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `line ${from + n}`);

afterEach(() => void vi.useRealTimers());

function setUp(log: readonly LogEntry[]) {
  const { engine, state } = createLogEngine();
  state.log = [...log];
  const abort = new AbortController();
  const open = (options: Partial<StoredOptions> = {}) =>
    readStored(engine, ref, { newest: null, ...options }, abort.signal);
  return { engine, state, abort, open, read: async (options: Partial<StoredOptions> = {}) => collect(open(options)) };
}

it("a log of any length is read in one answer of the engine", async () => {
  const { state, read } = setUp(write(20_000));
  const batches = await read();
  expect(texts(batches)).toEqual(numbers(0, 20_000));
  expect(state.queries).toEqual([{ stdout: 1, stderr: 1, timestamps: 1, tail: "all" }]);
  // A piece of the answer at a time.
  expect(batches.length).toBeGreaterThan(10);
  expect(batches.every(({ cutAt }) => cutAt === null)).toBe(true);
});

it("filters and times choose lines, also those that are out of order", async () => {
  const log = [...write(10), { at: 1006, text: "late", stream: "stderr" } as const, { at: 1020, text: "line 20" }];
  const { state, read } = setUp(log);
  const [since, until] = [time(1004), time(1007)];
  expect(texts(await read({ since, until }))).toEqual([...numbers(4, 8), "late"]);
  expect(state.queries[0]).toMatchObject({ since: "1004.000000000", until: "1009.000000000" });
  expect(texts(await read({ search: "line 1" }))).toEqual(["line 1"]);
  expect(texts(await read({ stream: "stderr" }))).toEqual(["late"]);
  expect(state.queries[2]).toMatchObject({ stdout: 0, stderr: 1 });
});

it("newest entries are cut where the engine has more", async () => {
  const { state, read } = setUp(write(100));
  const batches = await read({ newest: 30, search: "line", until: time(2000) });
  expect(texts(batches)).toEqual(numbers(70, 100));
  expect(batches.at(-1)?.cutAt).toBe(time(1070));
  // The engine would choose the newest before `until`.
  expect(state.queries[0]).toEqual({ stdout: 1, stderr: 1, timestamps: 1, tail: 30 });
  expect((await read({ newest: 101 })).at(-1)?.cutAt).toBeNull();
});

it("a Podman's log is read whole", async () => {
  const { state, read } = setUp(write(100));
  state.meanwhile = [];
  expect(texts(await read({ newest: 10 }))).toEqual(numbers(0, 100));
  expect(state.queries[0]).toMatchObject({ tail: "all" });
});

it("a reader that does not ask makes the engine wait", async () => {
  const { state, open } = setUp(write(50_000));
  const reading = open();
  await reading.next();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const [stream] = state.streams;
  expect(stream?.readableEnded).toBe(false);
  await reading.return();
  expect(stream?.destroyed).toBe(true);
});

it("an abort ends the reading and the engine's answer", async () => {
  const { state, abort, open } = setUp(write(50_000));
  const reading = open();
  await reading.next();
  abort.abort(new Error("gone"));
  await expect(collect(reading)).rejects.toThrow("gone");
  expect(state.streams[0]?.destroyed).toBe(true);
});

it("an engine that sends nothing for a minute is not waited for", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { engine, open } = setUp([]);
  const silent = new Readable({ read() {} });
  Object.assign(engine.client, { open: async () => silent });
  const reading = collect(open());
  reading.catch(() => {});
  await vi.advanceTimersByTimeAsync(60_001);
  await expect(reading).rejects.toThrow("No answer within 60000 ms");
  expect(silent.destroyed).toBe(true);
});

it("an answer that is no log is an error", async () => {
  const { engine, open } = setUp([]);
  Object.assign(engine.client, { open: async () => Readable.from([Buffer.from("<html>not a log</html>")]) });
  await expect(collect(open())).rejects.toThrow("unexpected response to GET /containers/{id}/logs");
});

it("many readings at once work on one line in a round", async () => {
  const { most, steps } = await countStepsAtOnce(async (step) => {
    const search = createStepSearch(step);
    await Promise.all(Array.from({ length: 30 }, () => setUp(write(3)).read({ search })));
  });
  expect(steps).toBe(90);
  expect(most).toBeLessThanOrEqual(2);
});
