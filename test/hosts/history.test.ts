import * as fc from "fast-check";
import { expect, it } from "vitest";
import { type HostSeries, toHostHistory } from "../../src/hosts/history.ts";

const range = { from: 1_800_000_000, step: 60, steps: 4 };
const nothing = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
const half = [0.5, 0.5, 0.5, 0.5];
const scraped = [1, 2, 3, 4].map((index) => range.from + index * 60 - 5);
const down = { up: false, cpuUtil: null, memUtil: null, diskUtil: null, load1: null };
const unknown = { ...down, up: null };

const job = (given: Partial<HostSeries>): HostSeries => ({
  sampled: scraped,
  up: [1, 1, 1, 1],
  cpu: half,
  mem: half,
  disk: half,
  load1: half,
  ...given,
});
const pointsOf = (...jobs: HostSeries[]) =>
  toHostHistory(range, jobs).points.map(({ time: _time, ...values }) => values);

it("up is the gate, at each time on its own", () => {
  const alive = { up: true, cpuUtil: 0.5, memUtil: 0.5, diskUtil: 0.5, load1: 0.5 };
  expect(pointsOf(job({ up: [1, 0, 0, 1] }))).toEqual([alive, down, down, alive]);
});

it("shares are 0..1, a load is not; what is not finite is unknown", () => {
  const values = [-1e-9, 1.5, Number.POSITIVE_INFINITY, Number.NaN];
  expect(pointsOf(job({ cpu: values, load1: values })).map(({ cpuUtil, load1 }) => [cpuUtil, load1])).toEqual([
    [0, -1e-9],
    [1, 1.5],
    [null, null],
    [null, null],
  ]);
});

it("of two jobs that scrape one machine the one that reaches it speaks", () => {
  const first = job({ up: [0, 0, 1, 0], mem: [0.1, 0.1, 0.1, 0.1] });
  const second = job({ up: [0, 1, 1, 0], mem: [0.2, 0.2, 0.2, 0.2] });
  expect(pointsOf(first, second).map(({ up, memUtil }) => [up, memUtil])).toEqual([
    [false, null],
    [true, 0.2],
    [true, 0.1],
    [false, null],
  ]);
});

it("pushed metrics have no up: what is no rate shows that it lived", () => {
  const pushed = job({
    sampled: nothing,
    up: nothing,
    mem: [0.3, Number.NaN, 0.3, Number.NaN],
    disk: nothing,
    load1: nothing,
  });
  expect(pointsOf(pushed)).toEqual([
    { ...down, up: true, cpuUtil: 0.5, memUtil: 0.3 },
    unknown,
    { ...down, up: true, cpuUtil: 0.5, memUtil: 0.3 },
    unknown,
  ]);
});

it("missing pushed metrics are unknown, not down", () => {
  expect(pointsOf(job({ up: nothing, cpu: half, mem: nothing, disk: nothing, load1: nothing }))).toEqual(
    nothing.map(() => unknown),
  );
  for (const one of ["mem", "disk", "load1"] as const) {
    const pushed = job({ up: nothing, mem: nothing, disk: nothing, load1: nothing, [one]: half });
    expect(pointsOf(pushed).map(({ up }) => up)).toEqual([true, true, true, true]);
  }
});

it("points are no closer than the newest scrapes of any job", () => {
  const at = (...seconds: readonly number[]) => seconds.map((second) => range.from + second);
  const rare = job({ sampled: at(0, 115, 115, 235) });
  const stepOf = (...jobs: HostSeries[]) => toHostHistory(range, jobs).stepSeconds;
  expect([stepOf(job({})), stepOf(rare), stepOf(rare, job({})), stepOf(job({}), rare), stepOf()]).toEqual([
    60, 120, 60, 60, 60,
  ]);
  expect(stepOf(job({ sampled: nothing }), rare)).toBe(120);
  expect(toHostHistory(range, [rare])).toEqual({
    stepSeconds: 120,
    points: ["2027-01-15T08:02:00Z", "2027-01-15T08:04:00Z"].map((time) => ({
      time,
      up: true,
      cpuUtil: 0.5,
      memUtil: 0.5,
      diskUtil: 0.5,
      load1: 0.5,
    })),
  });
});

it("a host that no job scraped is unknown", () => {
  const old = [scraped[0], scraped[1], scraped[1], scraped[1]] as number[];
  expect(pointsOf(job({ sampled: old })).map(({ up }) => up)).toEqual([true, true, true, null]);
  const silent = job({ up: [0, 0, 0, 0] });
  expect(pointsOf(silent, job({ sampled: old })).map(({ up, memUtil }) => [up, memUtil])).toEqual([
    [true, 0.5],
    [true, 0.5],
    [true, 0.5],
    [false, null],
  ]);
  expect(pointsOf()).toEqual([unknown, unknown, unknown, unknown]);
});

it("no number comes from a time when the host was down or not scraped", () => {
  const value = fc.oneof(fc.double(), fc.constantFrom(0, 1, -0, Number.NaN, Number.POSITIVE_INFINITY));
  const series = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 4, maxLength: 4 });
  const scrape = fc.record({ age: fc.integer({ min: 0, max: 299 }), up: fc.constantFrom<number>(0, 1) });
  const scrapes = fc.oneof(series(fc.option(scrape)), series(fc.constant<{ age: number; up: number } | null>(null)));
  const anyJob = fc
    .record({ scrapes, cpu: series(value), mem: series(value), disk: series(value), load1: series(value) })
    .map(({ scrapes: each, ...values }) => ({
      ...values,
      sampled: each.map((one, index) => (one ? range.from + (index + 1) * 60 - one.age : Number.NaN)),
      up: each.map((one) => one?.up ?? Number.NaN),
    }));
  fc.assert(
    fc.property(fc.array(anyJob, { maxLength: 3 }), (jobs) => {
      const { points, stepSeconds } = toHostHistory(range, jobs);
      for (const [place, { up, time, ...values }] of points.entries()) {
        const index = 3 - ((points.length - 1 - place) * stepSeconds) / 60;
        expect(Date.parse(time) / 1000).toBe(range.from + (index + 1) * 60);
        const { load1, ...shares } = values;
        for (const share of Object.values(shares)) expect(share === null || (share >= 0 && share <= 1)).toBe(true);
        expect(load1 === null || Number.isFinite(load1)).toBe(true);
        expect(up === true || Object.values(values).every((each) => each === null)).toBe(true);
        const isFresh = (one: HostSeries) =>
          range.from + (index + 1) * 60 - (one.sampled[index] ?? 0) <= stepSeconds * 1.5;
        const speaks = (answer: number) => jobs.some((one) => one.up[index] === answer && isFresh(one));
        const isPushed = jobs.some((one) => one.up.every(Number.isNaN));
        const silent = speaks(0) ? false : null;
        // A job that pushes may know better than those that were not reached.
        const expected = speaks(1) ? [true] : [silent, ...(isPushed ? [true] : [])];
        expect(expected).toContain(up);
      }
    }),
    { numRuns: 500 },
  );
});
