import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobCounters } from "../../src/queues/queue.ts";
import { beganAnew, createSamples, unknownRates as unknown } from "../../src/queues/metrics.ts";

/** Samples of one queue over a clock of our own, seconds. */
function start() {
  let now = 0;
  const samples = createSamples(() => now * 1000);
  return {
    at(seconds: number, processed: number | null, failures: number | null = 0) {
      now = seconds;
      samples.add("q", { processed, failures });
      return samples.rates("q");
    },
  };
}

describe("createSamples", () => {
  it("is unknown for a queue without two reads a minute apart", () => {
    expect(createSamples().rates("q")).toEqual(unknown);
    const queue = start();
    expect([queue.at(0, 100), queue.at(10, 110), queue.at(59, 150)]).toEqual([unknown, unknown, unknown]);
  });

  it("is the difference of real samples, with how far they reach", () => {
    const queue = start();
    queue.at(0, 100, 5);
    queue.at(30, 130, 6);
    expect(queue.at(60, 160, 7)).toEqual({
      processedPerSec: 1,
      failures: 2,
      failuresRecent: 10,
      windowSeconds: 60,
      restSeconds: 0,
    });
  });

  it("covers five minutes for the rate and an hour for failures", () => {
    const queue = start();
    for (let second = 0; second <= 3600; second += 10) queue.at(second, second, second / 10);
    expect(queue.at(3610, 3610, 361)).toEqual({
      processedPerSec: 1,
      failures: 360,
      failuresRecent: 30,
      windowSeconds: 3600,
      restSeconds: 0,
    });
    for (let second = 3620; second <= 3920; second += 10) queue.at(second, 3610, 361);
    expect(queue.at(3930, 3610, 361)).toMatchObject({ processedPerSec: 0, failures: 324, failuresRecent: 0 });
    expect(queue.at(8000, 3610, 361)).toMatchObject({ processedPerSec: 0, failures: 0 });
  });

  it("bridges a time without callers by the last sample before it", () => {
    const queue = start();
    queue.at(0, 0);
    queue.at(70, 70);
    expect(queue.at(1070, 2070)).toEqual({
      processedPerSec: 2,
      failures: 0,
      failuresRecent: 0,
      windowSeconds: 1070,
      restSeconds: 0,
    });
  });

  it("says how long nothing succeeded, also over a time without callers", () => {
    const queue = start();
    const rest = [0, 30, 60, 90, 400].map((second, index) => queue.at(second, [7, 8, 8, 8, 8][index] ?? 0));
    expect(rest.map(({ restSeconds }) => restSeconds)).toEqual([null, null, 30, 60, 370]);
    expect(queue.at(410, 9)).toMatchObject({ restSeconds: 0 });
    for (let second = 420; second <= 4100; second += 10) queue.at(second, 9);
    // Of older samples, one in a minute remains, and none of more than an hour.
    expect(queue.at(4110, 9).restSeconds).toBeGreaterThan(3500);
    expect(queue.at(4120, null).restSeconds).toBeNull();
  });

  it("starts again if a counter went back: a restart is no negative rate", () => {
    const queue = start();
    queue.at(0, 1000);
    queue.at(100, 2000);
    expect(queue.at(110, 3)).toEqual(unknown);
    expect(queue.at(170, 63)).toEqual({
      processedPerSec: 1,
      failures: 0,
      failuresRecent: 0,
      windowSeconds: 60,
      restSeconds: 0,
    });
  });

  it("starts again if something else is counted, and when that ends", () => {
    let now = 0;
    const samples = createSamples(() => now * 1000);
    const rateAt = (seconds: number, processed: number, since: string) => {
      now = seconds;
      samples.add("q", { processed, failures: null, since });
      return samples.rates("q").processedPerSec;
    };
    expect([rateAt(0, 0, "rows"), rateAt(60, 60, "rows"), rateAt(70, 60, "events")]).toEqual([null, 1, null]);
    expect([rateAt(80, 80, "rows"), rateAt(140, 200, "rows")]).toEqual([null, 2]);
  });

  it.each([
    ["goes", 5, 5, 3000 / 293],
    ["goes", 9.999, 9.999, 3000 / (300 - 12 + 9.999)],
    ["stays", 10, 10, 10],
  ])("a read that is replaced by the next one %s after %d s", (_what, second, from, rate) => {
    const queue = start();
    for (const at of [0, second, 12]) queue.at(at, 0);
    expect(queue.at(from + 300, 3000).processedPerSec).toBeCloseTo(rate, 10);
  });

  it("has the failures of 5 minutes at the rate of its samples", () => {
    const queue = start();
    queue.at(0, null, 0);
    queue.at(150, 0, 10);
    expect(queue.at(200, 100, 30)).toEqual({
      processedPerSec: null,
      failures: 30,
      failuresRecent: 45,
      windowSeconds: 200,
      restSeconds: 0,
    });
    expect(queue.at(500, 700, 90)).toEqual({
      processedPerSec: 2,
      failures: 90,
      failuresRecent: 60,
      windowSeconds: 500,
      restSeconds: 0,
    });
  });

  it.each<[string, JobCounters, JobCounters, boolean]>([
    ["the same", { processed: 1, failures: 1 }, { processed: 1, failures: 1 }, false],
    ["more of both", { processed: 2, failures: 2 }, { processed: 1, failures: 1 }, false],
    ["fewer successes", { processed: 0, failures: 2 }, { processed: 1, failures: 1 }, true],
    ["fewer failures", { processed: 2, failures: 0 }, { processed: 1, failures: 1 }, true],
    ["what is not known any more", { processed: null, failures: null }, { processed: 1, failures: 1 }, false],
    ["what was not known", { processed: 0, failures: 0 }, { processed: null, failures: null }, false],
    ["another beginning", { processed: 2, failures: 2, since: "b" }, { processed: 1, failures: 1, since: "a" }, true],
    ["the same beginning", { processed: 2, failures: 2, since: "a" }, { processed: 1, failures: 1, since: "a" }, false],
  ])("counters with %s begin anew, or not", (_what, now, before, isNew) => expect(beganAnew(now, before)).toBe(isNew));

  it("forgets removed queues", () => {
    let now = 0;
    const samples = createSamples(() => now);
    const queues = ["gone", "here"];
    for (now of [0, 60_000]) for (const queue of queues) samples.add(queue, { processed: now, failures: 0 });
    samples.retain(new Set(["here"]));
    expect(queues.map((queue) => samples.rates(queue).processedPerSec)).toEqual([null, 1000]);
    samples.add("gone", { processed: 1, failures: 0 });
    expect(samples.rates("gone")).toEqual(unknown);
  });

  it("has one counter if the system has no other", () => {
    const queue = start();
    queue.at(0, null, 1);
    expect(queue.at(60, null, 4)).toEqual({
      processedPerSec: null,
      failures: 3,
      failuresRecent: 15,
      windowSeconds: 60,
      restSeconds: null,
    });
  });

  it("stores few samples, and is never below zero or above what happened", () => {
    const steps = fc.array(fc.record({ wait: fc.double({ min: 0.001, max: 400, noNaN: true }), done: fc.nat(1000) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const queue = start();
        let [now, total] = [0, 0];
        for (const { wait, done } of all) {
          now += wait;
          total += done;
          const { processedPerSec, windowSeconds } = queue.at(now, total);
          if (processedPerSec === null || windowSeconds === null) continue;
          expect(processedPerSec).toBeGreaterThanOrEqual(0);
          expect(processedPerSec * 60).toBeLessThanOrEqual(total + 1e-6);
          expect(windowSeconds).toBeGreaterThanOrEqual(59.999);
          expect(windowSeconds).toBeLessThanOrEqual(3600);
        }
      }),
    );
  });
});
