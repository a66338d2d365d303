import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { HistoryRange } from "../../src/lib/range.ts";
import type { QueueHistory } from "../../src/queues/history.ts";
import { cacheHistories } from "../../src/queues/source.ts";

vi.mock("node:timers/promises", () => import("../support/timers-promises.ts"));
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
/** What is asked, while a read takes its 10 ms. */
const read = async <T>(asked: Promise<T>): Promise<T> => (await pass(10), asked);

const { signal } = new AbortController();
const range: HistoryRange = { from: 1_800_000_000, step: 60, steps: 10 };

function createReader() {
  const asked: string[] = [];
  const shared = cacheHistories(async (queues, { from }, end) => {
    asked.push(`${queues?.join() ?? "all"} ${from - range.from}`);
    await sleep(10, undefined, { signal: end });
    return new Map();
  }, 50);
  return { asked, shared };
}

it("one read serves all callers of a question, and those shortly after", async () => {
  const { asked, shared } = createReader();
  const answers = await read(Promise.all(Array.from({ length: 20 }, () => shared(null, { ...range }, signal))));
  expect(new Set(answers).size).toBe(1);
  expect(await shared(null, range, signal)).toBe(answers[0]);
  expect(asked).toEqual(["all 0"]);
  await pass(49);
  expect(await shared(null, range, signal)).toBe(answers[0]);
  await pass(2);
  await read(shared(null, range, signal));
  expect(asked).toEqual(["all 0", "all 0"]);
  // However long reads take: what is of the clock's last minute is not shown for longer.
  await pass(51);
  await read(shared(null, range, signal));
  expect(asked).toEqual(["all 0", "all 0", "all 0"]);
});

it("other queues and other ranges are other questions", async () => {
  const { asked, shared } = createReader();
  const later = { ...range, from: range.from + 60 };
  await read(
    Promise.all([
      shared(null, range, signal),
      shared(["a"], range, signal),
      shared([], range, signal),
      shared(null, later, signal),
    ]),
  );
  expect(asked).toEqual(["all 0", "a 0", " 0", "all 60"]);
});

it("a caller that leaves does not end the read; the last one does", async () => {
  const { asked, shared } = createReader();
  const leaving = new AbortController();
  const [left, stayed] = [shared(null, range, leaving.signal), shared(null, range, signal)];
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  expect(await read(stayed)).toEqual(new Map());
  const alone = new AbortController();
  const only = shared(["a"], range, alone.signal);
  alone.abort(new Error("gone"));
  await expect(only).rejects.toThrow("gone");
  expect(await read(shared(["a"], range, signal))).toEqual(new Map());
  expect(asked).toEqual(["all 0", "a 0", "a 0"]);
});

it("a failure is not cached", async () => {
  let asked = 0;
  const shared = cacheHistories(async () => {
    asked += 1;
    if (asked === 1) throw new Error("away");
    return new Map();
  }, 1000);
  await expect(shared(null, range, signal)).rejects.toThrow("away");
  expect(await shared(null, range, signal)).toEqual(new Map());
});

it.each([
  [[5000], 1],
  [[2500, 2500], 1],
  [[5001], 2],
  [[2500, 2501], 2],
])("an answer of %j points is read %i times for two callers", async (sizes, times) => {
  let asked = 0;
  const shared = cacheHistories(async () => {
    asked += 1;
    const toHistory = (size: number) => ({
      points: Array.from({ length: size }) as QueueHistory["points"],
      exact: true as const,
      sampled: false,
      since: null,
    });
    return new Map(sizes.map((size, index) => [`q${index}`, toHistory(size)]));
  }, 50);
  await shared(null, range, signal);
  await shared(null, range, signal);
  expect(asked).toBe(times);
});

it("other steps of the same range are another question", async () => {
  const { asked, shared } = createReader();
  const ranges = [range, { ...range, step: 30 }, { ...range, steps: 20 }];
  await read(Promise.all(ranges.map((one) => shared(null, one, signal))));
  expect(asked).toHaveLength(3);
});

it("a large answer is only for its waiting callers", async () => {
  let asked = 0;
  const points = Array.from({ length: 6000 }) as QueueHistory["points"];
  const shared = cacheHistories(async () => {
    asked += 1;
    await sleep(10);
    return new Map([["a", { points, exact: true as const, sampled: false, since: null }]]);
  }, 50);
  await read(Promise.all([shared(null, range, signal), shared(null, range, signal)]));
  expect(asked).toBe(1);
  await read(shared(null, range, signal));
  expect(asked).toBe(2);
});
