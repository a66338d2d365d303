import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HistoryRange } from "../../src/lib/range.ts";
import type { JobCounters } from "../../src/queues/queue.ts";
import { addSamples, createHistoryRing } from "../../src/queues/sampled-history.ts";
import { sampleQueue } from "../support/queues.ts";

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
  it("has the rate and failures of each step, not those of five minutes", () => {
    const watch = createWatch();
    // Two a second until 300 s, one in ten seconds fails; then nothing happens any more.
    for (let second = 0; second <= 600; second += 10) {
      const worked = Math.min(second, 300);
      watch.see(second, { processed: 2 * worked, failures: worked / 10 });
    }
    const points = watch.points({ from: 0, step: 60, steps: 10 });
    expect(points.map(({ processedPerSec }) => processedPerSec)).toEqual([2, 2, 2, 2, 2, 0, 0, 0, 0, 0]);
    expect(points.map(({ failures }) => failures)).toEqual([6, 6, 6, 6, 6, 0, 0, 0, 0, 0]);
    expect(
      points.every(({ waitP50Seconds, waitP95Seconds }) => waitP50Seconds === null && waitP95Seconds === null),
    ).toBe(true);
  });

  it("has no rate where one count is unknown, but has the other", () => {
    const watch = createWatch();
    for (let second = 0; second <= 120; second += 10)
      watch.see(second, { processed: second, failures: second < 60 ? 0 : null });
    expect(watch.points({ from: 0, step: 120, steps: 1 })).toMatchObject([{ processedPerSec: 1, failures: null }]);
  });

  it("adds up to the count, whenever it was read", () => {
    const watch = createWatch();
    for (let second = 3; second <= 1203; second += 12) watch.see(second, { processed: 0, failures: second - 3 });
    const failures = watch.points({ from: 0, step: 100, steps: 12 }).map((point) => point.failures);
    // Nobody knows what was before the first sample.
    expect(failures[0]).toBeNull();
    expect(failures.slice(1)).toEqual(Array(11).fill(100));
  });

  it("has a burst within one step unchanged", () => {
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

  it("has steps that add up to what was counted, whenever it was read", () => {
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
        const sum = (values: readonly (number | null)[]) =>
          values.reduce<number>((all, one) => all + (one ?? Number.NaN), 0);
        expect(sum(points.map(({ failures }) => failures))).toBe(totals.failures - beginning);
        expect(sum(points.map(({ processedPerSec }) => processedPerSec)) * step).toBeCloseTo(
          totals.processed - beginning,
          3,
        );
      }),
    );
  });

  it("ends with the newest sample: the rest of its step is unknown", () => {
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

  it("has no rate across a restarted counter, or in a step with one sample", () => {
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
    expect(watch.points({ from: 490, step: 10, steps: 1 })).toMatchObject([
      { processedPerSec: null, depth: 7, failures: null },
    ]);
  });

  it("has current numbers, and no rate, if nothing is counted", () => {
    const watch = createWatch();
    for (const second of [10, 20, 30]) watch.see(second, { processed: null, failures: null }, second);
    expect(
      watch.points({ from: 0, step: 10, steps: 3 }).map(({ depth, processedPerSec }) => [depth, processedPerSec]),
    ).toEqual([
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

describe("the samples of a ring", () => {
  /**
   * The samples that are left of those at these seconds, the counters beginning anew at some of
   * them.
   */
  const left = (seconds: readonly number[], anew: readonly number[] = []) => {
    const watch = createWatch();
    for (const second of seconds)
      watch.see(second, { processed: anew.includes(second) ? 0 : second + 1, failures: null }, second);
    const last = seconds.at(-1) ?? 0;
    return [...new Set(watch.points({ from: last - 40, step: 1, steps: 40 }).map(({ depth }) => depth))].filter(
      (depth) => depth !== null,
    );
  };

  it.each<[string, number[], number[], number[]]>([
    ["goes where it is near the one before, and so is the next one", [0, 9, 19], [], [0, 19]],
    ["stays where the next one is 20 s from the one before", [0, 9, 20], [], [0, 9, 20]],
    ["stays where it is 10 s from the one before", [0, 10, 15], [], [0, 10, 15]],
    ["stays while there is only one before", [0, 1], [], [0, 1]],
    ["is judged by its own neighbours", [0, 10, 20, 30, 35], [], [0, 10, 20, 30, 35]],
    ["goes again and again", [0, 1, 2, 3, 4], [], [0, 4]],
    ["stays where the counters began anew with it", [0, 5, 15], [5], [0, 5, 15]],
  ])("have %s", (_what, seconds, anew, expected) => expect(left(seconds, anew)).toEqual(expected));

  it("are not older than 61 minutes", () => {
    const since = (...seconds: number[]) => {
      const watch = createWatch();
      for (const second of seconds) watch.see(second, { processed: 0, failures: 0 });
      return watch.ring.history(["q"], { from: start - 100, step: 60, steps: 1 }).get("q")?.since;
    };
    expect(since(0, 3660)).toBe("2027-01-15T08:00:00Z");
    expect(since(0, 3661)).toBe("2027-01-15T09:01:01Z");
    expect(since(0.9)).toBe("2027-01-15T08:00:00Z");
    expect(since()).toBeNull();
  });

  it("reach back far enough with a first sample at the range's begin", () => {
    const watch = createWatch();
    watch.see(60, { processed: 0, failures: 0 });
    const since = (from: number) =>
      watch.ring.history(["q"], { from: start + from, step: 60, steps: 1 }).get("q")?.since;
    expect([since(59), since(60), since(61)]).toEqual(["2027-01-15T08:01:00Z", null, null]);
  });

  it("are of a thousand queues at most; existing ones continue", () => {
    let now = start * 1000;
    const ring = createHistoryRing(() => now);
    const names = Array.from({ length: 1000 }, (_, n) => `q${n}`);
    const range = { from: start, step: 60, steps: 1 };
    ring.add([...names, "more"].map((name) => sampleQueue({ name })));
    expect([...ring.history(null, range).keys()]).toEqual(names);
    now += 60_000;
    ring.add([sampleQueue({ name: "more", depth: 7 }), sampleQueue({ name: "q0", depth: 8, oldestAgeSeconds: 5 })]);
    const all = ring.history(["q0", "more", "q1"], range);
    expect([...all].map(([name, { points }]) => [name, points[0]?.depth, points[0]?.oldestAgeSeconds])).toEqual([
      ["q0", 8, 5],
      ["more", null, null],
      ["q1", null, null],
    ]);
  });

  it("are refused with too many points of all queues together", () => {
    const ring = createHistoryRing();
    const ask = (queues: number, steps: number) => () =>
      ring.history(
        Array.from({ length: queues }, (_, n) => `q${n}`),
        { from: start, step: 1, steps },
      ).size;
    expect(ask(2, 25_000)()).toBe(2);
    expect(ask(2, 25_001)).toThrow(expect.objectContaining({ code: "answer_too_large" }));
  });

  it("have whole points, with their times", () => {
    const watch = createWatch();
    watch.see(0, { processed: 0, failures: 0 }, 4);
    watch.see(60, { processed: 30, failures: 6 }, 5);
    const none = { waitP50Seconds: null, waitP95Seconds: null, runP95Seconds: null };
    expect(watch.ring.history(null, { from: start, step: 60, steps: 2 })).toEqual(
      new Map([
        [
          "q",
          {
            exact: false,
            sampled: true,
            since: null,
            points: [
              {
                ...none,
                time: "2027-01-15T08:01:00Z",
                depth: 5,
                processedPerSec: 0.5,
                failures: 6,
                oldestAgeSeconds: null,
              },
              {
                ...none,
                time: "2027-01-15T08:02:00Z",
                depth: null,
                processedPerSec: null,
                failures: null,
                oldestAgeSeconds: null,
              },
            ],
          },
        ],
      ]),
    );
  });
});

describe("a step", () => {
  /** Rate and failures of each step, from samples at these seconds that count one each second. */
  const grow = (seconds: readonly number[], range: Parameters<ReturnType<typeof createWatch>["points"]>[0]) => {
    const watch = createWatch();
    for (const second of seconds) watch.see(second, { processed: 2 * second, failures: second });
    return watch.points(range).map(({ processedPerSec, failures }) => [processedPerSec, failures]);
  };
  const none = [null, null];

  it.each<[string, number[], object, unknown[]]>([
    [
      "within a minute between two samples grows evenly",
      [0, 60],
      { step: 30, steps: 2 },
      [
        [2, 30],
        [2, 30],
      ],
    ],
    ["within more than a minute is not known", [0, 61], { step: 30, steps: 2 }, [none, none]],
    ["as long as the time between two samples is that", [0, 90], { step: 90, steps: 1 }, [[2, 90]]],
    ["before whose begin there is no sample has no failures", [10, 70], { step: 70, steps: 1 }, [[2, null]]],
    ["that goes on has those until now", [0, 50], { step: 60, steps: 1 }, [[2, 50]]],
    ["in which nobody asked has none", [0, 10], { from: 20, step: 10, steps: 1 }, [none]],
    ["with one sample alone has none", [5], { step: 10, steps: 1 }, [none]],
    ["before all samples has none", [50, 60], { step: 10, steps: 1 }, [none]],
    ["whose end is between two far ones has its own samples", [0, 10, 200], { step: 20, steps: 1 }, [[2, null]]],
  ])("%s", (_what, seconds, range, expected) => {
    expect(grow(seconds, { from: 0, step: 1, steps: 1, ...range })).toEqual(expected);
  });

  it("has failures as whole numbers", () => {
    const watch = createWatch();
    for (const [second, failures] of [
      [0, 0],
      [60, 10],
    ] as const)
      watch.see(second, { processed: 0, failures });
    expect(watch.points({ from: 0, step: 15, steps: 4 }).map(({ failures }) => failures)).toEqual([3, 2, 3, 2]);
  });

  it("has what was seen in it, or in the ten seconds before its end", () => {
    const watch = createWatch();
    watch.see(20, { processed: 0, failures: 0 }, 7);
    const depths = (from: number, step: number, steps: number) =>
      watch.points({ from, step, steps }).map(({ depth }) => depth);
    expect(depths(18, 1, 13)).toEqual([null, ...Array.from({ length: 10 }, () => 7), null, null]);
    expect([depths(0, 20, 2), depths(-1, 20, 2), depths(19, 60, 2)]).toEqual([
      [7, null],
      [null, 7],
      [7, null],
    ]);
  });
});

describe("addSamples", () => {
  it("fills gaps of rows, and is then not exact", () => {
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
    // What nobody saw stays open, and what rows say stays exact.
    expect(addSamples(new Map([["p", fromRows(null)]]), sampled)).toEqual(new Map([...sampled, ["p", fromRows(null)]]));
    const failing = { ...fromRows(3), points: fromRows(3).points.map((point) => ({ ...point, failures: null })) };
    expect(addSamples(new Map([["q", failing]]), sampled).get("q")).toEqual({
      ...failing,
      exact: false,
      points: [failing.points[0], { ...failing.points[1], failures: 0 }],
    });
    const rateless = {
      ...fromRows(3),
      points: fromRows(3).points.map((point) => ({ ...point, processedPerSec: null })),
    };
    expect(
      addSamples(new Map([["q", rateless]]), sampled)
        .get("q")
        ?.points.map(({ processedPerSec }) => processedPerSec),
    ).toEqual([null, 1]);
    expect(addSamples(new Map([["q", { ...fromRows(3), exact: false }]]), sampled).get("q")?.exact).toBe(false);
  });
});

it("more points than allowed are refused before they are built", () => {
  const ring = createHistoryRing();
  ring.add(Array.from({ length: 1000 }, (_, index) => sampleQueue({ name: `q${index}` })));
  const range = (steps: number) => ({ from: 1_800_000_000, step: 1, steps });
  expect(ring.history(null, range(50)).size).toBe(1000);
  expect(() => ring.history(null, range(51))).toThrow(/more than 50000 points: choose a longer step/);
  expect(() => ring.history(["q1", "q2"], range(11_000))).not.toThrow();
});
