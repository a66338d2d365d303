import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobCounters } from "../../../src/domain/queue.ts";
import type { HistoryRange } from "../../../src/domain/queue-history.ts";
import { addSamples, createHistoryRing } from "../../../src/upstreams/queues/history-ring.ts";
import { sampleQueue } from "../../support/memory-sources.ts";

const start = 1_800_000_000;

/** A ring that is given a queue's counters over a clock of our own, seconds from `start`. */
function createWatch() {
  let now = 0;
  const ring = createHistoryRing(() => (start + now) * 1000);
  return {
    see(seconds: number, counters: JobCounters, depth = 0) {
      now = seconds;
      // What a source tells of five minutes is not what happened in a step.
      const fiveMinutes = { processedPerSec: 99, waitSeconds: { p50: 99, p95: 99 } };
      ring.add([sampleQueue({ name: "q", depth, counters, ...fiveMinutes })]);
    },
    ring,
    points: (range: Omit<HistoryRange, "from"> & { readonly from: number }) =>
      ring.history(["q"], { ...range, from: start + range.from }).get("q")?.points ?? [],
  };
}

describe("createHistoryRing", () => {
  it("has the rate and the failures of each step, not those of five minutes", () => {
    const watch = createWatch();
    // Two a second until 300 s, one in ten seconds fails; then nothing happens any more.
    for (let second = 0; second <= 600; second += 10) {
      const worked = Math.min(second, 300);
      watch.see(second, { processed: 2 * worked, failures: worked / 10 });
    }
    const points = watch.points({ from: 0, step: 60, steps: 10 });
    expect(points.map(({ processedPerSec }) => processedPerSec)).toEqual([2, 2, 2, 2, 2, 0, 0, 0, 0, 0]);
    expect(points.map(({ failures }) => failures)).toEqual([6, 6, 6, 6, 6, 0, 0, 0, 0, 0]);
    expect(points.every(({ waitP50Seconds, waitP95Seconds }) => waitP50Seconds === null && waitP95Seconds === null)).toBe(true);
  });

  it("has no rate where one of the counts is not known, and the other all the same", () => {
    const watch = createWatch();
    for (let second = 0; second <= 120; second += 10) watch.see(second, { processed: second, failures: second < 60 ? 0 : null });
    expect(watch.points({ from: 0, step: 120, steps: 1 })).toMatchObject([{ processedPerSec: 1, failures: null }]);
  });

  it("adds up to what was counted, whenever it was asked", () => {
    const watch = createWatch();
    for (let second = 3; second <= 1203; second += 12) watch.see(second, { processed: 0, failures: second - 3 });
    const failures = watch.points({ from: 0, step: 100, steps: 12 }).map((point) => point.failures);
    // Nobody knows what was before the first sample.
    expect(failures[0]).toBeNull();
    expect(failures.slice(1)).toEqual(Array(11).fill(100));
  });

  it("has a burst within one step as it was, and not as a rate of part of it", () => {
    const watch = createWatch();
    for (let second = 3; second <= 303; second += 7) {
      const isOver = second > 150;
      watch.see(second, { processed: isOver ? 60 : 0, failures: isOver ? 12 : 0 });
    }
    const points = watch.points({ from: 60, step: 60, steps: 4 });
    expect(points.map(({ processedPerSec, failures }) => [(processedPerSec ?? 0) * 60, failures])).toEqual([
      [0, 0],
      [60, 12],
      [0, 0],
      [0, 0],
    ]);
  });

  it("has steps that add up to what was counted, however it was asked and whatever happened between", () => {
    const asked = fc.record({
      wait: fc.double({ min: 0.01, max: 60, noNaN: true }),
      processed: fc.nat(1000),
      failures: fc.nat(30),
    });
    const steps = fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 40 }));
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 400 }), steps, fc.nat(1000), (questions, [step, count], beginning) => {
        const watch = createWatch();
        const [end, totals] = [step * count, { processed: beginning, failures: beginning }];
        watch.see(0, { ...totals });
        let at = 0;
        // Those that are left over until the end are asked evenly.
        const waits = [...questions, ...Array.from({ length: 360 }, () => ({ wait: 15, processed: 7, failures: 2 }))];
        for (const { wait, processed, failures } of waits) {
          if (at >= end) break;
          at = Math.min(end, at + wait);
          totals.processed += processed;
          totals.failures += failures;
          watch.see(at, { ...totals });
        }
        const points = watch.points({ from: 0, step, steps: count });
        const sum = (values: readonly (number | null)[]) => values.reduce<number>((all, one) => all + (one ?? Number.NaN), 0);
        expect(sum(points.map(({ failures }) => failures))).toBe(totals.failures - beginning);
        expect(sum(points.map(({ processedPerSec }) => processedPerSec)) * step).toBeCloseTo(totals.processed - beginning, 3);
      }),
    );
  });

  it("ends with the newest sample: nothing is known of the rest of its step", () => {
    const watch = createWatch();
    for (let second = 0; second <= 107; second += 1) watch.see(second, { processed: 2 * second, failures: second });
    expect(watch.points({ from: 60, step: 60, steps: 2 })).toMatchObject([
      { processedPerSec: 2, failures: 47 },
      { processedPerSec: null, failures: null, depth: null },
    ]);
    for (const second of [400, 410]) watch.see(second, { processed: 1000, failures: 500 });
    // Nobody asked for five minutes: what failed in the rest of the step is in none.
    expect(watch.points({ from: 60, step: 60, steps: 1 })).toMatchObject([{ processedPerSec: 2, failures: null }]);
  });

  it("knows no rate across a counter that began anew, nor of a step with one sample alone", () => {
    const watch = createWatch();
    for (const [second, processed] of [
      [10, 100],
      [20, 110],
      [30, 5],
      [40, 15],
      [500, 600],
    ] as const)
      watch.see(second, { processed, failures: null }, 7);
    const points = watch.points({ from: 0, step: 10, steps: 4 });
    expect(points.map(({ processedPerSec, depth }) => [processedPerSec, depth])).toEqual([
      [null, 7],
      [1, 7],
      [null, 7],
      [1, 7],
    ]);
    // Nobody had asked for minutes: what was counted since is no step's.
    expect(watch.points({ from: 490, step: 10, steps: 1 })).toMatchObject([{ processedPerSec: null, depth: 7, failures: null }]);
  });

  it("knows what is of the moment, and no rate, where nothing is counted", () => {
    const watch = createWatch();
    for (const second of [10, 20, 30]) watch.see(second, { processed: null, failures: null }, second);
    expect(watch.points({ from: 0, step: 10, steps: 3 }).map(({ depth, processedPerSec }) => [depth, processedPerSec])).toEqual([
      [10, null],
      [20, null],
      [30, null],
    ]);
    expect(watch.ring.history(["q"], { from: start, step: 10, steps: 1 }).get("q")).toMatchObject({
      exact: false,
      sampled: true,
    });
  });
});

describe("addSamples", () => {
  it("fills what rows leave open, and is then not exact", () => {
    const watch = createWatch();
    for (const second of [10, 20]) watch.see(second, { processed: second, failures: 0 }, second);
    const range = { from: start, step: 10, steps: 2 };
    const sampled = watch.ring.history(["q"], range);
    const [first] = watch.points({ ...range, from: 0 });
    if (!first) throw new Error("no point");
    const known = { ...first, processedPerSec: 5, failures: 1, waitP95Seconds: 3, oldestAgeSeconds: 9 };
    const fromRows = (depth: number | null) => ({
      points: [
        { ...known, depth },
        { ...known, depth: 4 },
      ],
      exact: true,
      sampled: false,
      since: null,
    });
    const open = addSamples(new Map([["q", fromRows(null)]]), sampled).get("q");
    expect(open).toMatchObject({ exact: false, sampled: false });
    expect(open?.points).toEqual([
      { ...known, depth: 10, oldestAgeSeconds: null },
      { ...known, depth: 4 },
    ]);
    expect(addSamples(new Map([["q", fromRows(3)]]), sampled).get("q")).toEqual(fromRows(3));
    expect(addSamples(new Map(), sampled)).toEqual(sampled);
  });
});
