import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ContainerStats } from "../../../../src/containers/container.ts";
import { recent, type TimedPoint, withPoint } from "../../../../src/containers/docker/stats/sampler.ts";
import { type StatsWindow, type TimedSample, toLife, toWindow } from "../../../../src/containers/stats/stats.ts";
import { sample } from "../../../support/stats-sample.ts";

const shortest = 500;
const steps = fc.array(fc.record({ after: fc.integer({ min: 1, max: 15_000 }), restarted: fc.boolean() }), {
  minLength: 1,
});

/** Samples at growing moments; the life grows with each restart. */
function timeline(given: readonly { after: number; restarted: boolean }[]): TimedSample[] {
  let at = 0;
  let life = 0;
  return given.map(({ after, restarted }) => {
    at += after;
    if (restarted) life += 1;
    return { at, sample: sample({ life: String(life) }) };
  });
}

function windows(samples: readonly TimedSample[]): StatsWindow[] {
  let window: StatsWindow | null = null;
  return samples.map((timed) => (window = toWindow(window, timed, shortest)));
}

test("a window is neither too short nor too long, and crosses no restart", () => {
  fc.assert(
    fc.property(steps, (given) => {
      const samples = timeline(given);
      for (const [index, { previous, current }] of windows(samples).entries()) {
        expect(current).toBe(samples[index]);
        if (!previous) continue;
        expect(previous.sample.life).toBe(current.sample.life);
        expect(current.at - previous.at).toBeGreaterThanOrEqual(shortest);
        expect(current.at - previous.at).toBeLessThanOrEqual(10_000);
      }
    }),
  );
});

test("samples that come too soon never lose the window", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 60 }), (gaps) => {
      const all = windows(timeline([shortest, shortest, ...gaps].map((after) => ({ after, restarted: false }))));
      expect(all.slice(1).every(({ previous }) => previous !== null)).toBe(true);
    }),
  );
});

test("two samples make a window, a third too soon leaves the first", () => {
  const at = (moment: number): TimedSample => ({ at: moment, sample: sample() });
  const two = toWindow(toWindow(null, at(0), shortest), at(500), shortest);
  expect([two.previous?.at, two.current.at]).toEqual([0, 500]);
  const three = toWindow(two, at(600), shortest);
  expect([three.previous?.at, three.current.at]).toEqual([0, 600]);
  const four = toWindow(three, at(1100), shortest);
  expect([four.previous?.at, four.current.at]).toEqual([600, 1100]);
});

test("a sample belongs to the life that began before it", () => {
  const started = "2026-01-13T09:40:10.500Z";
  expect(toLife("2026-01-13T09:40:11Z", started)).toBe(started);
  expect(toLife("2026-01-13T10:40:11+01:00", started)).toBe(started);
  const before = [
    toLife("2026-01-13T09:40:10.499Z", started),
    toLife("2026-01-13T09:40:10.4Z", started),
    toLife("x", started),
  ];
  expect(new Set([...before, started]).size).toBe(4);
});

test("the history has a point every five seconds of the last ten minutes", () => {
  const stats = { sampledAt: "", cpuPct: 1, memPct: 2, memUsedBytes: 3 } as ContainerStats;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 100, max: 60_000 }), { minLength: 1, maxLength: 600 }), (gaps) => {
      let now = 0;
      let points: readonly TimedPoint[] = [];
      for (const gap of gaps) {
        now += gap;
        points = withPoint(points, now, stats);
        const last = points.at(-1)?.at ?? -1;
        expect(now - last).toBeLessThan(4500);
        expect(points.length).toBeLessThanOrEqual(600_000 / 4500 + 1);
      }
      const shown = recent(points, now);
      expect(shown.every(({ at }) => now - at <= 600_000)).toBe(true);
      expect(shown.every(({ at }, index) => index === 0 || at - (shown[index - 1]?.at ?? 0) >= 4500)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test.each([
  [499, null],
  [500, 0],
  [10_000, 0],
  [10_001, null],
])("a window of %i ms begins at %s", (at, begin) => {
  const first = { at: 0, sample: sample() };
  const next = { at, sample: sample() };
  const window = toWindow({ previous: null, current: first }, next, shortest);
  expect([window.previous?.at ?? null, window.current]).toEqual([begin, next]);
});

test("a sample that comes too soon leaves the earlier one", () => {
  const timed = (at: number, life = "one") => ({ at, sample: sample({ life }) });
  const before = { previous: timed(0), current: timed(600) };
  expect(toWindow(before, timed(1099), shortest)).toEqual({ previous: before.previous, current: timed(1099) });
  expect(toWindow(before, timed(1100), shortest)).toEqual({ previous: before.current, current: timed(1100) });
  expect(toWindow(before, timed(1099, "two"), shortest)).toEqual({ previous: null, current: timed(1099, "two") });
  expect(toWindow(null, timed(7), shortest)).toEqual({ previous: null, current: timed(7) });
});
