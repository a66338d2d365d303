import { expect, it } from "vitest";
import type { StatsPoint } from "../../src/domain/container.ts";
import {
  chooseHistory,
  hasPoints,
  isRecent,
  isUsage,
  isWhole,
  toContainerHistory,
  toRemembered,
} from "../../src/domain/container-history.ts";

const from = 1_800_000_000;
const point = (second: number, cpuPct: number | null): StatsPoint => ({
  sampledAt: new Date((from + second) * 1000).toISOString(),
  cpuPct,
  memPct: 40,
  memUsedBytes: 400,
});
/** One in five seconds, as the memory keeps them. */
const remembered = Array.from({ length: 25 }, (_, index) => point(index * 5, index));

it("what is remembered is answered at the times of the range, each with the newest sample until then", () => {
  const history = toRemembered({ from, step: 10, steps: 12 }, remembered);
  expect(history).toMatchObject({ source: "memory", stepSeconds: 10, since: null });
  expect(history.points[0]).toEqual({ time: "2027-01-15T08:00:10Z", cpuPct: 2, memPct: 40, restarts: null });
  expect(history.points.map(({ cpuPct }) => cpuPct)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]);
  expect(isWhole(history)).toBe(true);
});

it("points are no closer than samples", () => {
  const { stepSeconds, points } = toRemembered({ from, step: 2, steps: 60 }, remembered);
  expect(stepSeconds).toBe(6);
  expect(points).toHaveLength(20);
  expect(points.every(({ cpuPct }) => cpuPct !== null)).toBe(true);
});

it("before the first sample, and where nobody asked, nothing is known", () => {
  const holes = [...remembered.slice(0, 5), ...remembered.slice(17)];
  const history = toRemembered({ from: from - 30, step: 5, steps: 30 }, holes);
  expect(history.since).toBe("2027-01-15T08:00:00Z");
  expect(isWhole(history)).toBe(false);
  const known = history.points.filter(({ memPct }) => memPct !== null).map(({ time }) => Date.parse(time) / 1000 - from);
  expect(known).toEqual([0, 5, 10, 15, 20, 25, 85, 90, 95, 100, 105, 110, 115, 120]);
});

it("of a container that was never sampled nothing is known up to the end", () => {
  const history = toRemembered({ from, step: 60, steps: 2 }, []);
  expect(history).toMatchObject({ since: "2027-01-15T08:02:00Z", stepSeconds: 60 });
  expect(history.points.map(({ cpuPct, memPct }) => cpuPct ?? memPct)).toEqual([null, null]);
});

it("the memory is asked about ten minutes and no more", () => {
  const now = from * 1000;
  expect(isRecent({ from: from - 600, step: 3, steps: 200 }, now)).toBe(true);
  expect(isRecent({ from: from - 660, step: 3, steps: 220 }, now)).toBe(false);
});

it("what was scraped goes first, unless only the memory tells of use", () => {
  const range = { from, step: 10, steps: 3 };
  const sampled = [from + 9, from + 19, from + 29];
  const none = sampled.map(() => Number.NaN);
  const whole = toContainerHistory("prometheus", range, { sampled, cpu: [1, 2, 3], mem: [1, 1, 1], restarts: [0, 0, 0] });
  const restartsOnly = toContainerHistory("prometheus", range, { sampled, cpu: none, mem: none, restarts: [0, 0, 1] });
  const memory = toRemembered(range, remembered);
  const empty = toRemembered(range, []);
  expect(chooseHistory(memory, whole)).toBe(whole);
  expect(chooseHistory(memory, null)).toBe(memory);
  expect(chooseHistory(memory, restartsOnly)).toBe(memory);
  expect(chooseHistory(empty, restartsOnly)).toBe(restartsOnly);
});

it.each([
  [null, null, null, false, false],
  [1, null, null, true, true],
  [null, 2, null, true, true],
  [0, 0, null, true, true],
  [null, null, 3, false, true],
  [null, null, 0, false, true],
])("CPU %s, memory %s, restarts %s: usage %s, something known %s", (cpuPct, memPct, restarts, usage, known) => {
  const one = { time: "2027-01-15T08:00:00Z", cpuPct, memPct, restarts };
  const history = { ...toRemembered({ from, step: 10, steps: 1 }, []), points: [one] };
  expect([isUsage(one), hasPoints(history)]).toEqual([usage, known]);
});
