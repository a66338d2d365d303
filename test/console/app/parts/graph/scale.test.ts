import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  findCurrent,
  findGaps,
  findNearest,
  toPath,
  toTimeTicks,
  toValueTicks,
} from "../../../../../src/console/app/parts/graph/scale.ts";

const minute = 60_000;
const day = 86_400_000;
const at = (text: string) => new Date(text).getTime();

test.each([
  ["2026-11-27T09:41:10", 10 * minute, 6, ["09:42", "09:44", "09:46", "09:48", "09:50"]],
  ["2026-11-27T09:41:10", 20_000, 4, ["09:41:10", "09:41:15", "09:41:20", "09:41:25", "09:41:30"]],
  ["2026-11-26T20:00:00", 12 * 60 * minute, 4, ["21:00", "11-27", "03:00", "06:00"]],
  ["2026-11-01T12:00:00", 30 * day, 5, ["11-08", "11-15", "11-22", "11-29"]],
])("times from %s over %i ms, about %i, are written as people do", (from, length, most, labels) => {
  const begin = at(from);
  const ticks = toTimeTicks(begin, begin + length, most);
  expect(ticks.map(({ label }) => label)).toEqual(expect.arrayContaining(labels.slice(0, 2)));
});

test("times of an axis are inside it, ascending, and not too many", () => {
  const range = fc.record({
    from: fc.integer({ min: at("2024-01-01"), max: at("2027-01-01") }),
    length: fc.integer({ min: 1000, max: 90 * day }),
  });
  fc.assert(
    fc.property(range, fc.integer({ min: 1, max: 20 }), ({ from, length }, most) => {
      const values = toTimeTicks(from, from + length, most).map(({ value }) => value);
      expect(
        values.every((value, index) => value >= from && value <= from + length && value > (values[index - 1] ?? -1)),
      ).toBe(true);
      expect(values.length).toBeLessThanOrEqual(most + 2);
    }),
  );
});

test.each([
  [0, 4, 1, [0, 0.5, 1]],
  [9, 4, 10, [0, 5, 10]],
  [100, 4, 100, [0, 50, 100]],
  [0.07, 4, 0.08, [0, 0.02, 0.04, 0.06, 0.08]],
  [380, 4, 400, [0, 100, 200, 300, 400]],
])("a scale for %d with at most %i steps ends at %d", (largest, most, top, ticks) => {
  expect(toValueTicks(largest, most)).toEqual({ top, ticks });
});

test("a scale holds its values, in few even steps", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.integer({ min: 2, max: 8 }), (largest, most) => {
      const { top, ticks } = toValueTicks(largest, most);
      expect(top).toBeGreaterThanOrEqual(largest * (1 - 1e-9));
      expect(ticks[0]).toBe(0);
      expect(ticks.length).toBeLessThanOrEqual(most + 2);
    }),
  );
});

test("the nearest time is the nearest time", () => {
  const times = fc
    .uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 1 })
    .map((list) => list.toSorted((a, b) => a - b));
  fc.assert(
    fc.property(times, fc.integer({ min: -10, max: 1010 }), (list, moment) => {
      const found = list[findNearest(list, moment)] as number;
      expect(Math.abs(found - moment)).toBe(Math.min(...list.map((one) => Math.abs(one - moment))));
    }),
  );
  expect(findNearest([], 1)).toBe(-1);
});

test.each([
  ["a value of this step", [1, 2, 3, 4], 3],
  ["a value of two steps ago", [1, 2, null, null], 1],
  ["an older value, which is not of now", [1, null, null, null], 3],
  ["no value at all", [null, null, null, null], 3],
])("what is current with %s", (_, values, index) => {
  const times = values.map((_value, step) => step * 5 * minute);
  expect(findCurrent(times, (one) => values[one] !== null)).toBe(index);
});

test("a value of the last minute is current in small steps", () => {
  const values = [null, 1, ...Array.from({ length: 6 }, () => null)];
  const current = (step: number) =>
    findCurrent(
      values.map((_, index) => index * step),
      (one) => values[one] !== null,
    );
  expect([current(10_000), current(11_000)]).toEqual([1, 7]);
});

test.each([
  [
    "between known points",
    "1__1_11",
    [
      [0, 3],
      [3, 5],
    ],
  ],
  ["before the first point and after the last one", "__11_1__", [[3, 5]]],
  ["after a last point that is not of now", "_11___", [[2, 5]]],
  ["where nothing is known", "____", []],
])("gaps %s", (_, text, gaps) => {
  const times = Array.from(text, (_mark, index) => index * 5 * minute);
  expect(findGaps(times, (index) => text[index] === "1")).toEqual(gaps);
});

test("a line has gaps where values are unknown, and dots where one is alone", () => {
  expect(toPath([0, 1, 2, 3, 4], [1, 2, null, 4, null])).toBe(
    "M0.0 1.0L1.0 2.0M3.0 4.0m-.75 0a.75.75 0 1 0 1.5 0a.75.75 0 1 0-1.5 0",
  );
  expect(toPath([0, 1], [null, null])).toBe("");
});
