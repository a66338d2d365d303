import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Engine } from "../../../../src/containers/docker/engine/engine.ts";
import type { SampledEngine } from "../../../../src/containers/docker/stats/read.ts";
import { createSampler, type Sampler } from "../../../../src/containers/docker/stats/sampler.ts";
import { OpsError } from "../../../../src/lib/errors.ts";
import { fullId } from "../../../support/docker-fake.ts";
import { asker, sample } from "../../../support/stats-sample.ts";

const engine = { name: "web-1" } as Engine;
const id = fullId("a");
const open: Sampler[] = [];
vi.mock("node:timers/promises", () => import("../../../support/timers-promises.ts"));
beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  for (const sampler of open.splice(0)) sampler.close();
  vi.useRealTimers();
});
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
/** What comes of it, while so much time passes as two samples take. */
const sampled = async <T>(asked: Promise<T>): Promise<T> => (await pass(25), asked);

/** A container that uses `share` of the host's two CPUs; each read is counted. */
function setUp({ share = 0.25, leaseMs = 200, periodMs = 40 } = {}) {
  const state = { reads: 0, life: "first", share, failure: null as OpsError | null, stopped: false };
  let total = 0;
  let last = performance.now();
  const reader = {
    read: async () => {
      state.reads += 1;
      if (state.failure) throw state.failure;
      if (state.stopped) return null;
      const at = performance.now();
      total += (at - last) * 1e6 * 2 * state.share;
      last = at;
      return { at, sample: sample({ life: state.life, cpuTotal: total, cpuSystem: at * 1e6 * 2, readAt: String(at) }) };
    },
  };
  const sampler = createSampler({ reader, windowMs: 20, leaseMs, periodMs });
  open.push(sampler);
  return { state, sampler, ask: () => sampler.measure(engine, id, asker) };
}

test("the first answer takes two samples, and 16 callers share them", async () => {
  const { state, ask } = setUp();
  const answers = await sampled(Promise.all(Array.from({ length: 16 }, ask)));
  expect(state.reads).toBe(2);
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]?.cpuPct).toBeCloseTo(50, 0);
});

test("cached points are those that others asked for: they start no sampling", async () => {
  const { state, sampler, ask } = setUp();
  expect(sampler.historyCached(id)).toEqual([]);
  await pass(100);
  expect(state.reads).toBe(0);
  await sampled(ask());
  expect(sampler.historyCached(id)).toEqual(sampler.history(engine, id));
  expect(sampler.historyCached(id)).toHaveLength(1);
  await pass(1000);
  const before = state.reads;
  sampler.historyCached(id);
  await pass(200);
  expect(state.reads).toBe(before);
});

test("answers come from memory while asked for; then sampling ends", async () => {
  const { state, ask } = setUp();
  await sampled(ask());
  for (let round = 0; round < 20; round += 1) {
    await pass(15);
    const before = state.reads;
    const answer = await ask();
    expect(state.reads).toBe(before);
    expect(performance.now() - Number(answer?.sampledAt)).toBeLessThan(200);
  }
  expect(state.reads).toBeGreaterThan(4);
  await pass(400);
  const ended = state.reads;
  await pass(200);
  expect(state.reads).toBe(ended);
  // The next one begins anew.
  await sampled(ask());
  expect(state.reads).toBe(ended + 2);
});

test("a restart does not mix lives: numbers are of the new one alone", async () => {
  const { state, ask } = setUp({ share: 0.25, leaseMs: 5000 });
  await sampled(ask());
  state.life = "second";
  state.share = 0.5;
  for (let round = 0; round < 40; round += 1) {
    await pass(5);
    const pct = (await sampled(ask()))?.cpuPct ?? 0;
    expect(Math.min(Math.abs(pct - 50), Math.abs(pct - 100))).toBeLessThan(2);
  }
  expect((await sampled(ask()))?.cpuPct).toBeCloseTo(100, 0);
});

test("a stopped container is null from memory too, until it runs again", async () => {
  const { state, ask } = setUp();
  state.stopped = true;
  expect(await ask()).toBeNull();
  expect(state.reads).toBe(1);
  expect(await ask()).toBeNull();
  expect(state.reads).toBe(1);
  state.stopped = false;
  await pass(150);
  expect((await sampled(ask()))?.cpuPct).toBeGreaterThan(0);
});

test("one that runs again is not reported stopped by an old sample", async () => {
  // Nothing looks at it in between.
  const { state, ask } = setUp({ periodMs: 5000 });
  state.stopped = true;
  expect(await ask()).toBeNull();
  state.stopped = false;
  await pass(300);
  expect((await sampled(ask()))?.cpuPct).toBeGreaterThan(0);
});

test("a failure reaches each caller once, and is not retried by itself", async () => {
  const { state, ask } = setUp();
  state.failure = new OpsError("docker_unavailable", "gone");
  await expect(ask()).rejects.toMatchObject({ code: "docker_unavailable" });
  await pass(150);
  expect(state.reads).toBe(1);
  state.failure = new OpsError("container_not_found", "vanished");
  expect(await ask()).toBeNull();
  state.failure = null;
  expect((await sampled(ask()))?.memPct).toBe(25);
});

test("the history is empty at first, and asking for it starts sampling", async () => {
  const { state, sampler } = setUp();
  expect(sampler.history(engine, id)).toEqual([]);
  await pass(100);
  expect(sampler.history(engine, id)).toMatchObject([{ memPct: 25, memUsedBytes: 100_000_000 }]);
  expect(state.reads).toBeGreaterThan(1);
});

test("closing ends the current samples and the later ones", async () => {
  const { state, sampler, ask } = setUp();
  const waiting = ask();
  await pass(5);
  sampler.close();
  await expect(waiting).rejects.toMatchObject({ code: "docker_timeout" });
  const { reads } = state;
  await pass(150);
  expect(state.reads).toBe(reads);
});

test.each([
  [2000, 0],
  [2001, 1],
])("an answer of %i ms ago is renewed: %i reads", async (age, reads) => {
  const { state, ask } = setUp({ periodMs: 50_000 });
  await sampled(ask());
  // It was read 3 ms before.
  await pass(age - 3);
  const before = state.reads;
  await sampled(ask());
  expect(state.reads - before).toBe(reads);
});

test.each([
  [250, 0],
  [251, 1],
])("a stop that was seen %i ms ago is checked again: %i reads", async (age, reads) => {
  const { state, ask } = setUp({ periodMs: 50_000 });
  state.stopped = true;
  expect(await ask()).toBeNull();
  await pass(age);
  expect(await ask()).toBeNull();
  expect(state.reads - 1).toBe(reads);
});

test("a container is sampled once in each period until its lease ends", async () => {
  const { state, ask } = setUp({ leaseMs: 200, periodMs: 50 });
  const begin = performance.now();
  await sampled(ask());
  const times: number[] = [];
  let { reads } = state;
  for (let ms = performance.now() - begin; ms < 1000; ms++) {
    await pass(1);
    if (state.reads !== reads) times.push(Math.round(performance.now() - begin));
    ({ reads } = state);
  }
  expect(times).toEqual([50, 100, 150, 200]);
  expect(vi.getTimerCount()).toBe(0);
});

test("the second sample comes a little after the shortest window", async () => {
  const { state, ask } = setUp();
  const asked = ask();
  await pass(21);
  expect(state.reads).toBe(1);
  await pass(1);
  expect(state.reads).toBe(2);
  await asked;
});

test("an unknown error is one of the engine", async () => {
  const { state, ask } = setUp();
  state.failure = new Error("secret") as OpsError;
  await expect(ask()).rejects.toMatchObject({
    code: "docker_error",
    message: "Docker engine web-1: the call failed",
    upstream: "docker:web-1",
  });
  const { reads } = state;
  await pass(1000);
  expect([state.reads, vi.getTimerCount()]).toEqual([reads, 0]);
});

test("a closed sampler starts no timer", async () => {
  const { sampler, ask } = setUp();
  sampler.close();
  await ask().catch(() => {});
  expect(sampler.history(engine, fullId("b"))).toEqual([]);
  await pass(0);
  expect(vi.getTimerCount()).toBe(0);
});

test("a version is that of all samples, as long as none is new", async () => {
  const { state, sampler, ask } = setUp();
  const version = (refs: readonly { engine: string; fullId: string }[]) => sampler.version(refs, () => engine);
  const refs = [{ engine: "web-1", fullId: id }];
  expect(version(refs)).toBeNull();
  await sampled(ask());
  const first = version(refs);
  expect([first, version(refs), version([])]).toEqual([expect.any(Number), first, expect.any(Number)]);
  expect(version([...refs])).not.toBe(first);
  expect(version([...refs, { engine: "web-1", fullId: fullId("b") }])).toBeNull();
  await pass(45);
  const second = version(refs);
  expect([second === first, version(refs) === second]).toEqual([false, true]);
  // Asking for it continues the sampling.
  const before = state.reads;
  for (let round = 0; round < 60; round += 1) {
    await pass(10);
    expect(version(refs)).not.toBeNull();
  }
  expect(state.reads - before).toBeGreaterThan(10);
  await pass(400);
  expect(version(refs)).toBeNull();
});

test("a version ends when a sample is too old", async () => {
  const { state, sampler, ask } = setUp({ periodMs: 60_000, leaseMs: 100_000 });
  const refs = [{ engine: "web-1", fullId: id }];
  const version = () => sampler.version(refs, () => engine);
  await sampled(ask());
  const first = version();
  await pass(1900);
  expect(version()).toBe(first);
  await pass(200);
  expect(version()).toBeNull();
  state.stopped = true;
  await ask();
  const stopped = version();
  expect(stopped).not.toBe(first);
  await pass(240);
  expect(version()).toBe(stopped);
  await pass(20);
  expect(version()).toBeNull();
});

test("of many that nobody waits for, 1,000 are sampled at once, and all", async () => {
  const [silent, other] = [engine, { name: "web-2" } as Engine];
  const seen = { now: 0, most: 0, ids: new Set<string>() };
  const answer = Promise.withResolvers<null>();
  const reader = {
    read: async (from: SampledEngine, container: string) => {
      if (from === silent) return answer.promise;
      seen.now += 1;
      seen.most = Math.max(seen.most, seen.now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.now -= 1;
      seen.ids.add(container);
      return { at: performance.now(), sample: sample({}) };
    },
  };
  const sampler = createSampler({ reader, windowMs: 20, leaseMs: 5000, periodMs: 1000 });
  open.push(sampler);
  const ids = Array.from({ length: 2000 }, (_, index) => fullId(index.toString(16)));
  for (const from of [silent, other]) for (const container of ids) sampler.history(from, `${container}${from.name}`);
  await pass(60);
  expect(seen.most).toBeLessThanOrEqual(500);
  // One that somebody waits for is read at once.
  const asked = fullId("ffff");
  void sampler.measure(other, asked, asker);
  await pass(6);
  expect(seen.ids.has(asked)).toBe(true);
  await pass(900);
  expect(seen.ids.size).toBe(ids.length + 1);
  answer.resolve(null);
});
