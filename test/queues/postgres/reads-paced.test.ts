import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Database } from "../../../src/queues/postgres/database.ts";
import { createPaced } from "../../../src/queues/postgres/reads.ts";
import { createMemoryDatabase } from "../../support/memory-database.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const signal = new AbortController().signal;
const database = (): Database => createMemoryDatabase(() => Promise.reject(new Error("not asked")));

/** Work that counts its runs, takes `tookMs` and ends as it is told. */
function createWork(tookMs = 0) {
  let runs = 0;
  let fails: Error | null = null;
  const work = async () => {
    runs += 1;
    vi.advanceTimersByTime(tookMs);
    if (fails) throw fails;
    return runs;
  };
  return { work, runs: () => runs, fail: (error: Error | null) => (fails = error) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("paced work", () => {
  it("runs once a minute for all callers, who get the last answer", async () => {
    const paced = createPaced<number>(database());
    const { work, runs } = createWork();
    expect(await Promise.all(Array.from({ length: 50 }, () => paced.read("k", work, signal)))).toEqual(
      Array.from({ length: 50 }, () => 1),
    );
    vi.advanceTimersByTime(59_999);
    expect(await paced.read("k", work, signal)).toBe(1);
    expect(runs()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await paced.read("k", work, signal)).toBe(1);
    await settle();
    expect([await paced.read("k", work, signal), runs()]).toEqual([2, 2]);
  });

  it("runs at most half of the time", async () => {
    const paced = createPaced<number>(database());
    const { work, runs } = createWork(100_000);
    await paced.read("k", work, signal);
    vi.advanceTimersByTime(99_999);
    await paced.read("k", work, signal);
    await settle();
    expect(runs()).toBe(1);
    vi.advanceTimersByTime(1);
    await paced.read("k", work, signal);
    await settle();
    expect(runs()).toBe(2);
  });

  it("does nothing without callers, and returns no old answer to the next", async () => {
    const paced = createPaced<number>(database());
    const { work, runs } = createWork();
    await paced.read("k", work, signal);
    vi.advanceTimersByTime(3_600_000);
    await settle();
    expect(runs()).toBe(1);
    expect(await paced.read("k", work, signal)).toBe(2);
  });

  it("returns its failure, and tries again sooner after a cheap one", async () => {
    const paced = createPaced<number>(database());
    const locked = createWork(500);
    locked.fail(new Error("locked"));
    await expect(paced.read("k", locked.work, signal)).rejects.toThrow("locked");
    vi.advanceTimersByTime(14_499);
    await expect(paced.read("k", locked.work, signal)).rejects.toThrow("locked");
    expect(locked.runs()).toBe(1);
    vi.advanceTimersByTime(1);
    locked.fail(null);
    expect(await paced.read("k", locked.work, signal)).toBe(2);
  });

  it.each([
    ["nothing", 0, 1000],
    ["40 ms", 40, 1200],
    ["2 s", 2000, 60_000],
    ["10 s", 10_000, 60_000],
  ])("that failed after %s (%i ms) runs again after %i ms", async (_what, tookMs, restMs) => {
    const paced = createPaced<number>(database());
    const { work, fail, runs } = createWork(tookMs);
    fail(new Error("away"));
    await expect(paced.read("k", work, signal)).rejects.toThrow("away");
    vi.advanceTimersByTime(restMs - tookMs - 1);
    await expect(paced.read("k", work, signal)).rejects.toThrow("away");
    expect(runs()).toBe(1);
    vi.advanceTimersByTime(1);
    await expect(paced.read("k", work, signal)).rejects.toThrow("away");
    expect(runs()).toBe(2);
  });

  it("returns an answer for three periods, and only its own failure", async () => {
    const paced = createPaced<number>(database(), { everyMs: 1000 });
    const { work, fail } = createWork();
    await paced.read("k", work, signal);
    fail(new Error("away"));
    vi.advanceTimersByTime(2999);
    expect(await paced.read("k", work, signal)).toBe(1);
    await settle();
    vi.advanceTimersByTime(1);
    await expect(paced.read("k", work, signal)).rejects.toThrow("away");
    expect(await paced.read("other", async () => 7, signal)).toBe(7);
  });

  it("asks nothing for a caller that has already left", async () => {
    const { work, runs } = createWork();
    await expect(createPaced<number>(database()).read("k", work, AbortSignal.abort(new Error("gone")))).rejects.toThrow(
      "gone",
    );
    expect(runs()).toBe(0);
  });

  it("returns the last answer for three minutes after a failure", async () => {
    const paced = createPaced<number>(database());
    const { work, fail } = createWork();
    await paced.read("k", work, signal);
    fail(new Error("away"));
    vi.advanceTimersByTime(60_000);
    expect(await paced.read("k", work, signal)).toBe(1);
    await settle();
    expect(await paced.read("k", work, signal)).toBe(1);
    vi.advanceTimersByTime(120_000);
    await expect(paced.read("k", work, signal)).rejects.toThrow("away");
  });

  it("never returns the answer to another question", async () => {
    const paced = createPaced<string>(database());
    expect(await paced.read("a", async () => "of a", signal)).toBe("of a");
    expect(await paced.read("b", async () => "of b", signal)).toBe("of b");
  });

  it("lets the first caller wait a limited time, and goes on for the next", async () => {
    const paced = createPaced<string>(database(), { waitMs: 30 });
    const { promise, resolve } = Promise.withResolvers<string>();
    await expect(paced.read("k", () => promise, signal)).rejects.toMatchObject({
      code: "postgres_unavailable",
      message: expect.stringContaining("try again soon"),
    });
    const second = paced.read("k", () => Promise.reject(new Error("a second run")), signal);
    resolve("late");
    expect(await second).toBe("late");
  });

  it("continues when a caller leaves, and lets it go at once", async () => {
    const paced = createPaced<string>(database());
    const { promise, resolve } = Promise.withResolvers<string>();
    const leaving = new AbortController();
    const left = paced.read("k", () => promise, leaving.signal);
    leaving.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    resolve("answer");
    await settle();
    expect(await paced.read("k", () => Promise.reject(new Error("a second run")), signal)).toBe("answer");
  });

  it("runs one at a time for a database, and ends when it is closed", async () => {
    const one = database();
    const [first, second] = [createPaced<string>(one), createPaced<string>(one)];
    const { promise, resolve } = Promise.withResolvers<string>();
    const running = first.read("k", () => promise, signal);
    const waits = vi.fn<() => Promise<string>>(async () => "second");
    const waiting = second.read("k", waits, signal);
    await settle();
    expect(waits).not.toHaveBeenCalled();
    resolve("first");
    expect([await running, await waiting]).toEqual(["first", "second"]);

    const closing = createPaced<string>(one);
    const untilAborted = (run: AbortSignal) =>
      new Promise<string>((_, reject) => run.addEventListener("abort", () => reject(new Error("closed"))));
    const ended = closing.read("k", untilAborted, signal);
    await settle();
    closing.close();
    await expect(ended).rejects.toThrow("closed");
  });
});
