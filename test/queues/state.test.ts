import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type QueueFigures,
  type QueueState,
  queueStates,
  queueThresholds,
  toDrainSeconds,
  toQueueState,
} from "../../src/queues/state.ts";

const quiet: QueueFigures = {
  depth: 0,
  processedPerSec: 0,
  failuresLastHour: 0,
  failuresRecent: 0,
  active: 0,
  oldestAgeSeconds: null,
  paused: null,
  workers: null,
};
/** A job waits behind one that runs, and nothing ends. */
const behind = { depth: 1, active: 1 };
/** 409 jobs wait for 18 minutes, and nothing tells how many succeed. */
const uncounted = { depth: 409, oldestAgeSeconds: 1080, processedPerSec: null };
/** A job waits for hours at a rate of 0. */
const still = { oldestAgeSeconds: 9999 };
const state = (figures: Partial<QueueFigures>) => toQueueState({ ...quiet, ...figures });

describe("toQueueState", () => {
  it.each([
    ["nothing at all", {}, "idle"],
    ["nothing known but an empty queue", { processedPerSec: null, failuresLastHour: null, active: null }, "ok"],
    ["something ended", { processedPerSec: 0.01 }, "ok"],
    ["something runs", { active: 1 }, "ok"],
    ["a job that came just now", { depth: 1, oldestAgeSeconds: 1 }, "ok"],
    ["waiting for a minute", { depth: 1, oldestAgeSeconds: 60, processedPerSec: 1 }, "ok"],
    ["waiting for longer than a minute", { depth: 1, oldestAgeSeconds: 60.1, processedPerSec: 1 }, "backlog"],
    ["ten minutes of work", { depth: 600, oldestAgeSeconds: 5, processedPerSec: 1 }, "ok"],
    ["more than ten minutes of work", { depth: 601, oldestAgeSeconds: 5, processedPerSec: 1 }, "backlog"],
    ["nothing ends, but the job came less than five minutes ago", { depth: 1, oldestAgeSeconds: 300 }, "backlog"],
    ["nothing ends for five minutes, and nothing runs", { depth: 1, oldestAgeSeconds: 301 }, "stalled"],
    ["nothing ends, but a long job runs", { depth: 1, oldestAgeSeconds: 1800, active: 1 }, "backlog"],
    ["nothing ends for half an hour though something runs", { depth: 1, oldestAgeSeconds: 1801, active: 1 }, "stalled"],
    ["a job runs as long as usual", { ...behind, oldestAgeSeconds: 500, usualRunSeconds: 100 }, "backlog"],
    [
      "a job runs for more than five times as long as usual",
      { ...behind, oldestAgeSeconds: 501, usualRunSeconds: 100 },
      "stalled",
    ],
    ["a worker hangs where jobs take a second", { ...behind, oldestAgeSeconds: 121, usualRunSeconds: 1 }, "stalled"],
    ["two minutes, where jobs take a second", { ...behind, oldestAgeSeconds: 120, usualRunSeconds: 1 }, "backlog"],
    ["half an hour, where jobs take an hour", { ...behind, oldestAgeSeconds: 1800, usualRunSeconds: 3600 }, "backlog"],
    [
      "more than half an hour, where jobs take an hour",
      { ...behind, oldestAgeSeconds: 1801, usualRunSeconds: 3600 },
      "stalled",
    ],
    ["nothing runs, where jobs take a second", { depth: 1, oldestAgeSeconds: 300, usualRunSeconds: 1 }, "backlog"],
    ["the rate is not known", { depth: 1, oldestAgeSeconds: 99_999, processedPerSec: null }, "backlog"],
    ["no job was taken for five minutes, and the rate is not known", { ...uncounted, untakenSeconds: 300 }, "stalled"],
    ["no job was taken for less, and the rate is not known", { ...uncounted, untakenSeconds: 299 }, "backlog"],
    ["no job was taken, and some succeeded", { ...uncounted, processedPerSec: 1, untakenSeconds: 900 }, "backlog"],
    ["no job was taken, and a long one may run", { ...uncounted, active: 1, untakenSeconds: 900 }, "backlog"],
    [
      "no job was taken, and all that ended failed",
      { ...uncounted, untakenSeconds: 300, failuresLastHour: 9, failuresRecent: 9 },
      "failing",
    ],
    ["nothing ended in samples of a minute alone", { ...behind, ...still, restSeconds: 90 }, "backlog"],
    ["nothing ended in samples of five minutes", { ...behind, ...still, restSeconds: 300 }, "stalled"],
    ["rows show no success, and others of the queue leave none", { ...behind, ...still, restSeconds: null }, "backlog"],
    ["the same, and no job was taken", { ...behind, ...still, restSeconds: null, untakenSeconds: 300 }, "stalled"],
    [
      "the oldest waits on, and samples show a success",
      { ...behind, ...still, restSeconds: 60, untakenSeconds: 300 },
      "backlog",
    ],
    ["all failed in samples of a minute", { failuresLastHour: 9, failuresRecent: 9, restSeconds: 60 }, "failing"],
    ["no job waits, whatever is said of its age", { oldestAgeSeconds: 9999 }, "backlog"],
    ["the age is not known", { depth: 1, oldestAgeSeconds: null }, "ok"],
    ["nobody takes jobs, and there are some", { depth: 1, workers: 0 }, "no_workers"],
    ["nobody takes jobs, and there are none", { workers: 0 }, "idle"],
    ["four failures and nothing else", { failuresLastHour: 4, failuresRecent: 4 }, "idle"],
    ["five failures and nothing else", { failuresLastHour: 5, failuresRecent: 5 }, "failing"],
    [
      "failures of which nothing tells whether they were lately",
      { failuresLastHour: 500, failuresRecent: null },
      "idle",
    ],
    ["five failures, none of them in the last five minutes", { failuresLastHour: 5, failuresRecent: 0 }, "idle"],
    [
      "failures of a batch that succeeded before the last five minutes",
      { failuresLastHour: 6, failuresRecent: 0, active: 1 },
      "ok",
    ],
    [
      "as many failures as successes in five minutes",
      { failuresLastHour: 5, failuresRecent: 3, processedPerSec: 0.01 },
      "failing",
    ],
    [
      "fewer failures than successes in five minutes",
      { failuresLastHour: 500, failuresRecent: 2, processedPerSec: 0.01 },
      "ok",
    ],
    [
      "every job fails at once while others wait",
      { depth: 9, oldestAgeSeconds: 600, failuresLastHour: 700, failuresRecent: 700 },
      "failing",
    ],
    [
      "nothing ends, and what failed did so before",
      { depth: 9, oldestAgeSeconds: 600, failuresLastHour: 4, failuresRecent: 0 },
      "stalled",
    ],
    [
      "failures beside an unknown rate",
      { failuresLastHour: 500, failuresRecent: 500, processedPerSec: null },
      "unknown",
    ],
    ["few failures beside an unknown rate", { failuresLastHour: 4, failuresRecent: 4, processedPerSec: null }, "ok"],
    ["no recent one beside an unknown rate", { failuresLastHour: 5, failuresRecent: 0, processedPerSec: null }, "ok"],
    [
      "failures while no job is taken for five minutes",
      { failuresLastHour: 5, failuresRecent: 1, processedPerSec: null, depth: 1, untakenSeconds: 300 },
      "failing",
    ],
    [
      "successes of a batch are longer ago than its failures",
      { failuresLastHour: 6, failuresRecent: 6, successesAtFailure: 194 },
      "idle",
    ],
    [
      "as many failures as successes at the latest of them",
      { failuresLastHour: 6, failuresRecent: 6, successesAtFailure: 6 },
      "failing",
    ],
    [
      "more successes since the latest failure than at it",
      { failuresLastHour: 6, failuresRecent: 6, successesAtFailure: 0, processedPerSec: 1 },
      "ok",
    ],
    ["paused, whatever else", { paused: true, depth: 9, workers: 0, failuresLastHour: 99 }, "paused"],
  ] as const)("%s: %j is %s", (_, figures, expected) => {
    expect(state(figures)).toBe(expected);
  });

  const amount = fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 10_000_000 }),
    fc.double({ min: 0, max: 1e6, noNaN: true }),
  );
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
  const figures: fc.Arbitrary<QueueFigures> = fc.record({
    depth: fc.nat(10_000_000),
    processedPerSec: maybe(amount),
    failuresLastHour: maybe(fc.nat(1_000_000)),
    failuresRecent: maybe(fc.nat(100_000)),
    active: maybe(fc.nat(10_000)),
    oldestAgeSeconds: maybe(amount),
    usualRunSeconds: maybe(amount),
    untakenSeconds: maybe(amount),
    successesAtFailure: maybe(amount),
    paused: maybe(fc.boolean()),
    workers: maybe(fc.nat(3)),
  });
  const bad = new Set(["stalled", "no_workers", "backlog", "failing"]);

  const isBad = (some: QueueFigures) => bad.has(toQueueState(some));
  const endsNone = ({ processedPerSec, untakenSeconds = null }: Partial<QueueFigures>) =>
    processedPerSec === 0 || (processedPerSec === null && Number(untakenSeconds) >= 300);
  /** What the name of a state says, in other words than the rules. */
  const holds: Record<QueueState, (some: QueueFigures) => boolean> = {
    paused: ({ paused }) => paused === true,
    no_workers: ({ depth, workers }) => depth > 0 && workers === 0,
    stalled: ({ depth, active, failuresRecent, oldestAgeSeconds, usualRunSeconds, ...rest }) =>
      depth > 0 &&
      endsNone(rest) &&
      !failuresRecent &&
      Number(oldestAgeSeconds) > (active ? 120 : 300) &&
      (!active || Number(oldestAgeSeconds) > Math.min(1800, 5 * (usualRunSeconds ?? 360))),
    failing: ({ failuresLastHour, failuresRecent, processedPerSec, untakenSeconds, successesAtFailure = 0 }) =>
      (processedPerSec !== null || Number(untakenSeconds) >= 300) &&
      Number(failuresRecent) >= Number(successesAtFailure) * 0.999_999 &&
      Number(failuresLastHour) >= queueThresholds.failingFailures &&
      Number(failuresRecent) / 300 >= Number(processedPerSec) * 0.999_999,
    backlog: (some) =>
      Number(some.oldestAgeSeconds) > queueThresholds.backlogAgeSeconds ||
      Number(toDrainSeconds(some)) > queueThresholds.backlogDrainSeconds,
    unknown: ({ failuresLastHour, failuresRecent, ...rest }) =>
      rest.processedPerSec === null &&
      !endsNone(rest) &&
      Number(failuresLastHour) >= queueThresholds.failingFailures &&
      Number(failuresRecent) > 0,
    idle: ({ depth, active, processedPerSec }) => depth === 0 && !active && processedPerSec === 0,
    ok: ({ depth, active, processedPerSec }) => depth > 0 || Number(active) > 0 || processedPerSec !== 0,
  };

  it("is one of the states by its definition, for any numbers", () => {
    expect.hasAssertions();
    fc.assert(
      fc.property(figures, (some) => {
        const found = toQueueState(some);
        expect(queueStates).toContain(found);
        expect(holds[found](some)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("never improves because a job waits longer, or because more fail", () => {
    expect.hasAssertions();
    fc.assert(
      fc.property(figures, amount, fc.nat(1000), (some, older, more) => {
        const waits = { ...some, oldestAgeSeconds: (some.oldestAgeSeconds ?? 0) + older };
        const fails = {
          ...some,
          failuresLastHour: some.failuresLastHour === null ? null : some.failuresLastHour + more,
        };
        expect(isBad(some) && !isBad(waits)).toBe(false);
        expect(isBad(some) && !isBad(fails)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it("ignores failures before the last five minutes, once there were enough", () => {
    expect.hasAssertions();
    fc.assert(
      fc.property(figures, fc.nat(100_000), (some, earlier) => {
        const enough = { ...some, failuresLastHour: queueThresholds.failingFailures };
        expect(toQueueState({ ...enough, failuresLastHour: enough.failuresLastHour + earlier })).toBe(
          toQueueState(enough),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("is depth / rate, 0 when nothing waits, null without a rate", () => {
    expect(toDrainSeconds({ depth: 30, processedPerSec: 0.5, paused: null })).toBe(60);
    expect(toDrainSeconds({ depth: 0, processedPerSec: null, paused: true })).toBe(0);
    expect(toDrainSeconds({ depth: 1, processedPerSec: 0, paused: false })).toBeNull();
    expect(toDrainSeconds({ depth: 1, processedPerSec: null, paused: null })).toBeNull();
    expect(toDrainSeconds({ depth: 30, processedPerSec: 0.5, paused: true })).toBeNull();
    fc.assert(
      fc.property(figures, (some) => {
        const seconds = toDrainSeconds(some) ?? 0;
        // A rate that is next to nothing makes it longer than a number can hold.
        expect(seconds >= 0 && (Number.isFinite(seconds) || Number(some.processedPerSec) < 1e-300)).toBe(true);
      }),
    );
  });
});
