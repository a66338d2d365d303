import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createCache, createKeyedCache } from "../../src/lib/cache.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const signal = new AbortController().signal;

it("concurrent and close callers share one question and its answer", async () => {
  let asked = 0;
  const cached = createCache(async () => (asked += 1), 1000);
  expect(await Promise.all(Array.from({ length: 100 }, () => cached(signal)))).toEqual(
    Array.from({ length: 100 }, () => 1),
  );
  vi.advanceTimersByTime(999);
  expect(await cached(signal)).toBe(1);
  vi.advanceTimersByTime(1);
  expect([await cached(signal), await cached(signal), asked]).toEqual([2, 2, 2]);
});

it("failures are not cached", async () => {
  let asked = 0;
  const cached = createCache(async () => {
    asked += 1;
    if (asked === 1) throw new Error("away");
    return asked;
  }, 1000);
  await expect(cached(signal)).rejects.toThrow("away");
  expect(await cached(signal)).toBe(2);
});

it("a caller may leave at once while the others get their answer", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const cached = createCache(() => promise, 1000);
  const leaving = new AbortController();
  const [left, stayed] = [cached(leaving.signal), cached(signal)];
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  resolve("answer");
  expect(await stayed).toBe("answer");
});

it("the TTL is nine times the query time, 15 s at most", async () => {
  let [asked, tookMs] = [0, 400];
  const cached = createCache(async () => {
    vi.advanceTimersByTime(tookMs);
    return (asked += 1);
  }, 1000);
  const askedAfter = async (ms: number) => {
    vi.advanceTimersByTime(ms);
    return cached(signal);
  };
  // One slow answer may be that of a connection that was made for it.
  expect([await cached(signal), await askedAfter(999), await askedAfter(1)]).toEqual([1, 1, 2]);
  expect([await askedAfter(3599), await askedAfter(1)]).toEqual([2, 3]);
  tookMs = 7000;
  expect([await askedAfter(3600), await askedAfter(3599), await askedAfter(1)]).toEqual([4, 4, 5]);
  expect([await askedAfter(14_999), await askedAfter(1)]).toEqual([5, 6]);
  tookMs = 10;
  expect([await askedAfter(15_000), await askedAfter(999), await askedAfter(1)]).toEqual([7, 7, 8]);
});
describe("a keyed single flight", () => {
  it("runs once for each key while it runs, and anew after", async () => {
    const runs: string[] = [];
    const gates = new Map<string, PromiseWithResolvers<string>>();
    const ask = createKeyedCache<string, string>(
      (question) => question.slice(0, 1),
      (question) => {
        runs.push(question);
        const gate = Promise.withResolvers<string>();
        gates.set(question, gate);
        return gate.promise;
      },
    );
    const asked = [ask("a1", signal), ask("a2", signal), ask("b1", signal)];
    expect(runs).toEqual(["a1", "b1"]);
    gates.get("a1")?.resolve("A");
    gates.get("b1")?.reject(new Error("no"));
    const [a, same, b] = await Promise.allSettled(asked);
    expect([a, same, b]).toMatchObject([{ value: "A" }, { value: "A" }, { reason: { message: "no" } }]);
    const again = [ask("a3", signal), ask("b3", signal)];
    expect(runs).toEqual(["a1", "b1", "a3", "b3"]);
    for (const question of ["a3", "b3"]) gates.get(question)?.resolve(question);
    expect(await Promise.all(again)).toEqual(["a3", "b3"]);
  });

  it("caches an answer for its TTL, and no failure", async () => {
    vi.useFakeTimers();
    let runs = 0;
    const ask = createKeyedCache<string, number>(
      (question) => question,
      async (question) => {
        runs += 1;
        if (question === "bad") throw new Error("no");
        return runs;
      },
      (answer) => (answer === 3 ? 0 : 100),
    );
    expect([await ask("a", signal), await ask("a", signal)]).toEqual([1, 1]);
    vi.advanceTimersByTime(99);
    expect(await ask("a", signal)).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await ask("a", signal)).toBe(2);
    expect([await ask("b", signal), await ask("b", signal)]).toEqual([3, 4]);
    for (const times of [5, 6]) {
      await expect(ask("bad", signal)).rejects.toThrow("no");
      expect(runs).toBe(times);
    }
  });

  it("runs and stores nothing for a caller that has left", async () => {
    const run = vi.fn<(question: string) => Promise<string>>(async (question) => question);
    const ask = createKeyedCache<string, string>((question) => question, run);
    await expect(ask("a", AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
    expect(run).not.toHaveBeenCalled();
    expect(await ask("a", signal)).toBe("a");
  });
});
