import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toTimeTexts } from "../../src/lib/range.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { type HistoryStep, toPoints } from "../../src/queues/history.ts";

/** Points at 1060, 1120 and 1180. */
const range = { from: 1000, step: 60, steps: 3 };
const nothing = {
  due: 0,
  taken: 0,
  processed: 0,
  failures: 0,
  waitP50: null,
  waitP95: null,
  runP95: null,
  oldestDue: null,
};
const happened = (step: number, more: Partial<HistoryStep>): HistoryStep => ({ ...nothing, step, ...more });
const unknown = {
  depth: null,
  processedPerSec: null,
  failures: null,
  oldestAgeSeconds: null,
  waitP50Seconds: null,
  waitP95Seconds: null,
  runP95Seconds: null,
};

/**
 * Five jobs could run before the range, two of them were taken then; the third began to wait at 940
 * and is taken in the third step.
 */
const steps = [
  happened(0, { due: 5, taken: 2, processed: 70, failures: 80, waitP50: 90, waitP95: 91, runP95: 92 }),
  happened(1, { due: 10, taken: 4, processed: 30, failures: 7, waitP50: 11, waitP95: 12, runP95: 13, oldestDue: 930 }),
  happened(3, { due: 1, taken: 2, processed: 15, failures: 8, waitP50: 31, waitP95: 32, runP95: 33, oldestDue: 940 }),
  happened(4, { oldestDue: 1015 }),
];
const first = {
  time: "1970-01-01T00:17:40Z",
  depth: 9,
  processedPerSec: 0.5,
  failures: 7,
  oldestAgeSeconds: 120,
  waitP50Seconds: 11,
  waitP95Seconds: 12,
  runP95Seconds: 13,
};
const second = {
  ...unknown,
  time: "1970-01-01T00:18:40Z",
  depth: 9,
  processedPerSec: 0,
  failures: 0,
  oldestAgeSeconds: 180,
};
const third = {
  time: "1970-01-01T00:19:40Z",
  depth: 8,
  processedPerSec: 0.25,
  failures: 8,
  oldestAgeSeconds: 165,
  waitP50Seconds: 31,
  waitP95Seconds: 32,
  runP95Seconds: 33,
};

describe("the points of a queue's past", () => {
  it("have the end of each step as their time, from the first to the last", () => {
    expect(toPoints(range, steps, null)).toEqual([first, second, third]);
  });

  it("are unknown for steps before what is known", () => {
    const blank = (point: { readonly time: string }) => ({ ...unknown, time: point.time });
    expect(toPoints(range, steps, 1000)).toEqual([first, second, third]);
    expect(toPoints(range, steps, 1001)).toEqual([blank(first), second, third]);
    expect(toPoints(range, steps, 1120)).toEqual([blank(first), blank(second), third]);
    expect(toPoints(range, steps, 1180)).toEqual([first, second, third].map(blank));
  });

  it("have no depth and no age if an earlier job has no time", () => {
    const withUndated = (undated: number) => [happened(0, { ...steps[0], undated }), ...steps.slice(1)];
    const lost = { depth: null, oldestAgeSeconds: null };
    expect(toPoints(range, withUndated(1), null)).toEqual(
      [first, second, third].map((point) => ({ ...point, ...lost })),
    );
    expect(toPoints(range, withUndated(0), null)).toEqual([first, second, third]);
  });

  it("are zeros if nothing happened", () => {
    const quiet = { ...unknown, depth: 0, processedPerSec: 0, failures: 0 };
    expect(toPoints(range, [], null)).toEqual([first, second, third].map(({ time }) => ({ ...quiet, time })));
  });

  it("have no age for a job that runs later, or since -infinity", () => {
    const ages = (oldestDue: number) =>
      toPoints(range, [happened(4, { oldestDue })], null).map(({ oldestAgeSeconds }) => oldestAgeSeconds);
    expect(ages(1120)).toEqual([null, 0, 60]);
    expect(ages(1121)).toEqual([null, null, 59]);
    expect(ages(Number.NEGATIVE_INFINITY)).toEqual([null, null, null]);
  });

  it("equal a count of the jobs one by one", () => {
    const at = fc.integer({ min: 900, max: 1240 });
    const job = fc.tuple(at, fc.option(fc.integer({ min: 0, max: 200 })));
    fc.assert(
      fc.property(fc.array(job, { maxLength: 30 }), (drawn) => {
        const jobs = drawn.map(([due, wait]) => ({
          due,
          taken: wait === null ? Number.POSITIVE_INFINITY : due + wait,
        }));
        const stepOf = (time: number) => Math.max(0, Math.ceil((Math.min(time, 1181) - 1000) / 60));
        const own = Array.from({ length: 5 }, (_, step) => {
          const taken = jobs.filter((one) => one.due <= 1180 && stepOf(one.taken) === step);
          const due = step === 4 ? 0 : jobs.filter((one) => stepOf(one.due) === step).length;
          const oldestDue = taken.length === 0 ? null : Math.min(...taken.map((one) => one.due));
          return happened(step, { due, taken: step === 4 ? 0 : taken.length, oldestDue });
        });
        const counted = [1060, 1120, 1180].map((time) => {
          const waiting = jobs.filter(({ due, taken }) => due <= time && taken > time).map(({ due }) => due);
          return [waiting.length, waiting.length === 0 ? null : time - Math.min(...waiting)];
        });
        expect(toPoints(range, own, null).map(({ depth, oldestAgeSeconds }) => [depth, oldestAgeSeconds])).toEqual(
          counted,
        );
      }),
    );
  });
});

it("the times of a range are created once", () => {
  expect(toTimeTexts(range)).toEqual([first.time, second.time, third.time]);
  expect(toTimeTexts(range)).toBe(toTimeTexts(range));
  expect(toTimeTexts({ ...range, steps: 1 })).toEqual([first.time]);
  expect(formatRfc3339(1_768_297_210_999)).toBe("2026-01-13T09:40:10Z");
});
