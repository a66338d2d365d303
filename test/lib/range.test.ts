import * as fc from "fast-check";
import { expect, it } from "vitest";
import { type HistoryRange, isFresh, toGrid, toTimes } from "../../src/lib/range.ts";

/**
 * What a database answers at each time of a range for samples taken then: the newest one until it,
 * for five minutes.
 */
function lookUp(range: HistoryRange, samples: readonly number[]): number[] {
  return toTimes(range).map((time) => {
    const newest = samples.findLast((sample) => sample <= time);
    return newest !== undefined && time - newest < 300 ? newest : Number.NaN;
  });
}

const every = (interval: number, from: number, to: number) =>
  Array.from({ length: Math.max(0, Math.floor((to - from) / interval) + 1) }, (_, index) => from + index * interval);

it.each([
  ["as often as the step", 15, 15, 15],
  ["a little late", 15.002, 15, 15],
  ["more often", 15, 60, 60],
  ["less often", 60, 15, 60],
  ["less often, not by a whole number", 15, 10, 20],
  ["once a minute for a step of a second", 60, 1, 60],
])("samples taken %s: every %d s, step %d s, points every %d s", (_, interval, step, expected) => {
  const range = { from: 1_800_000_000, step, steps: 240 };
  const grid = toGrid(range, lookUp(range, every(interval, range.from - 300, range.from + 240 * step)));
  expect(grid.stepSeconds).toBe(expected);
  expect(grid.points.every(({ known }) => known)).toBe(true);
  expect(grid.points.at(-1)?.index).toBe(239);
});

it("a long gap is not an interval: it is unknown, and the step stays", () => {
  const range = { from: 1_800_000_000, step: 15, steps: 80 };
  const samples = [...every(15, range.from, range.from + 300), ...every(15, range.from + 600, range.from + 1200)];
  const { stepSeconds, points } = toGrid(range, lookUp(range, samples));
  expect(stepSeconds).toBe(15);
  const lost = points.filter(({ known }) => !known).map(({ index }) => (index + 1) * 15);
  expect(lost).toEqual(every(15, 330, 585));
});

it("points end with the range, steps apart, known with a recent sample", () => {
  const sampled = fc.record({
    step: fc.integer({ min: 1, max: 600 }),
    steps: fc.integer({ min: 1, max: 60 }),
    interval: fc.double({ min: 1, max: 290, noNaN: true }),
    lost: fc.array(fc.nat(200), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(sampled, ({ step, steps, interval, lost }) => {
      const range = { from: 1_800_000_000, step, steps };
      const samples = every(interval, range.from - 300, range.from + step * steps).filter(
        (_, index) => !lost.includes(index),
      );
      const grid = toGrid(range, lookUp(range, samples));
      expect(grid.stepSeconds % step).toBe(0);
      expect(grid.points.at(-1)?.index).toBe(steps - 1);
      const times = grid.points.map(({ time }) => Date.parse(time) / 1000);
      expect(times).toEqual(
        times.map((_, place) => range.from + step * steps - (times.length - 1 - place) * grid.stepSeconds),
      );
      for (const { index, at, known } of grid.points) {
        expect(at).toBe(range.from + (index + 1) * step);
        const age = at - (samples.findLast((sample) => sample <= at) ?? Number.NaN);
        expect(known).toBe(age <= grid.stepSeconds * 1.5 && age < 300);
      }
    }),
    { numRuns: 300 },
  );
});

it.each([
  [undefined, false],
  [Number.NaN, false],
  [1000, true],
  [978, true],
  [977.5, true],
  [977.4, false],
])("a sample of %s belongs to a point of 1000 in steps of 15: %s", (sampled, fresh) => {
  expect(isFresh(sampled, 1000, 15)).toBe(fresh);
});

it("points have their times, and are known after a sample", () => {
  const range = { from: 1_768_298_400, step: 15, steps: 4 };
  expect(toTimes(range)).toEqual([15, 30, 45, 60].map((seconds) => range.from + seconds));
  const [, second = 0, , fourth = 0] = toTimes(range);
  expect(toGrid(range, [Number.NaN, second, second, fourth])).toEqual({
    stepSeconds: 30,
    points: [
      { index: 1, at: second, time: "2026-01-13T10:00:30Z", known: true },
      { index: 3, at: fourth, time: "2026-01-13T10:01:00Z", known: true },
    ],
  });
  const none = Array<number>(4).fill(Number.NaN);
  expect(toGrid(range, none).points.map(({ index, known }) => [index, known])).toEqual([
    [0, false],
    [1, false],
    [2, false],
    [3, false],
  ]);
  // Never further apart than the range is long.
  expect(toGrid({ ...range, steps: 2 }, [1000, 2000]).stepSeconds).toBe(30);
});
