import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import {
  isEmpty,
  type StatsSample,
  toContainerStats,
  toLife,
  toUsedMemory,
} from "../../../src/containers/stats/stats.ts";
import { asker, sample } from "../../support/stats-sample.ts";

test("statistics equal the docker CLI's, calculated by hand", async () => {
  // 0.25 s of CPU time while the host's two CPUs had 2 s together: an eighth of 2 x 100 %.
  const next = sample(
    { cpuTotal: 1_250_000_000, cpuSystem: 102_000_000_000, memDetail: { total_inactive_file: 20_000_000 } },
    {
      throttling: { periods: 20, throttledPeriods: 5, throttledNanoseconds: 1_500_000_000 },
      network: { received: 11, sent: 12 },
      blockIo: { read: 13, written: 14 },
    },
  );
  const stats = toContainerStats(sample(), next);
  expect(stats).toEqual({
    source: "engine",
    cpuPct: 25,
    memPct: 20,
    memUsedBytes: 80_000_000,
    memLimitBytes: 400_000_000,
    sampledAt: "2026-01-13T09:40:01Z",
    counters: expect.any(Function),
  });
  expect(await stats.counters(asker)).toEqual({
    cpuPeriods: 20,
    cpuThrottledPeriods: 5,
    cpuThrottledSeconds: 1.5,
    pids: 7,
    networkReceiveBytes: 11,
    networkTransmitBytes: 12,
    blockReadBytes: 13,
    blockWriteBytes: 14,
  });
});

test("counters are read when first asked for, once for a sample", async () => {
  const counters = vi.fn<StatsSample["counters"]>(sample().counters);
  const stats = toContainerStats(null, sample({ counters }));
  expect(counters).not.toHaveBeenCalled();
  const [one, another] = await Promise.all([stats.counters(asker), stats.counters(asker)]);
  expect(another).toBe(one);
  expect(await stats.counters(asker)).toBe(one);
  expect(counters).toHaveBeenCalledTimes(1);
});

test("two busy CPUs are 200", () => {
  const next = sample({ cpuTotal: 3_000_000_000, cpuSystem: 102_000_000_000 });
  expect(toContainerStats(sample(), next)?.cpuPct).toBe(200);
});

test("unknown is null and idle is 0", () => {
  const cpu = (change: Partial<StatsSample>) => toContainerStats(sample(), sample(change))?.cpuPct;
  expect(cpu({ cpuSystem: 102_000_000_000 })).toBe(0);
  // Started again in between, no time between, no figure.
  expect(cpu({ cpuTotal: 5, cpuSystem: 102_000_000_000 })).toBeNull();
  expect(cpu({})).toBeNull();
  expect(cpu({ cpuSystem: null })).toBeNull();
  expect(toContainerStats(sample(), sample({ memLimit: 0 }))).toMatchObject({ memPct: null, memLimitBytes: null });
  expect(toContainerStats(sample(), sample({ memUsage: null }))).toMatchObject({ memPct: null, memUsedBytes: null });
});

test("samples of two lives, or a single one, have no CPU number", () => {
  const next = sample({ cpuTotal: 1_250_000_000, cpuSystem: 102_000_000_000 });
  expect(toContainerStats(sample({ life: "another" }), next)).toMatchObject({ cpuPct: null, memPct: 25 });
  expect(toContainerStats(null, next)).toMatchObject({ cpuPct: null, memPct: 25 });
});

test("a stopped container is known by an empty sample", () => {
  expect(isEmpty(sample({ cpuTotal: 0, memUsage: null }))).toBe(true);
  expect(isEmpty(sample({ cpuTotal: null, memUsage: 0 }))).toBe(true);
  expect(isEmpty(sample({ cpuTotal: 1, memUsage: 0 }))).toBe(false);
});

test("used memory is right on cgroup v1 and v2", () => {
  expect(toUsedMemory(100, { total_inactive_file: 30, inactive_file: 50 })).toBe(70);
  expect(toUsedMemory(100, { inactive_file: 50 })).toBe(50);
  expect(toUsedMemory(100, {})).toBe(100);
  // A cache larger than the usage is not believed; then v1 falls back to the other key, as in the
  // CLI.
  expect(toUsedMemory(100, { total_inactive_file: 100, inactive_file: 50 })).toBe(50);
  expect(toUsedMemory(100, { inactive_file: 100 })).toBe(100);
});

test("used memory is never negative and never above the usage", () => {
  const bytes = fc.nat();
  fc.assert(
    fc.property(bytes, bytes, bytes, (usage, v1, v2) => {
      const used = toUsedMemory(usage, { total_inactive_file: v1, inactive_file: v2 });
      expect(used).toBeGreaterThanOrEqual(0);
      expect(used).toBeLessThanOrEqual(usage);
    }),
  );
});

test.each<[Partial<StatsSample>, Partial<StatsSample>, number | null]>([
  [{}, { cpuTotal: 1_000_000_001, cpuSystem: 100_000_000_001 }, 200],
  [{ cpuTotal: null }, { cpuTotal: 2e9, cpuSystem: 102e9 }, null],
  [{ cpuSystem: null }, { cpuTotal: 2e9, cpuSystem: 102e9 }, null],
  [{}, { cpuTotal: null, cpuSystem: 102e9 }, null],
  [{}, { cpuTotal: 2e9, cpuSystem: null }, null],
  [{}, { cpuSystem: 102e9 }, 0],
  [{}, { cpuTotal: 999_999_999, cpuSystem: 102e9 }, null],
  [{}, { cpuTotal: 2e9 }, null],
  [{}, { cpuTotal: 2e9, cpuSystem: 99e9 }, null],
  [{ life: "other" }, { cpuTotal: 2e9, cpuSystem: 102e9 }, null],
  [{}, { cpuTotal: 1_333_333_333, cpuSystem: 102e9, onlineCpus: 1 }, 16.67],
])("after a sample of %j one of %j uses %s per cent of a CPU", (before, after, pct) => {
  expect(toContainerStats(sample(before), sample(after)).cpuPct).toBe(pct);
});

test("a sample without numbers is null everywhere, and 0 is a number", async () => {
  const bare = toContainerStats(null, sample({ memUsage: null, memLimit: null }, { pids: null }));
  expect(bare).toEqual({
    source: "engine",
    cpuPct: null,
    memPct: null,
    memUsedBytes: null,
    memLimitBytes: null,
    sampledAt: "2026-01-13T09:40:01Z",
    counters: expect.any(Function),
  });
  expect(await bare.counters(asker)).toEqual({
    cpuPeriods: null,
    cpuThrottledPeriods: null,
    cpuThrottledSeconds: null,
    pids: null,
    networkReceiveBytes: null,
    networkTransmitBytes: null,
    blockReadBytes: null,
    blockWriteBytes: null,
  });
  expect(toContainerStats(null, sample({ memLimit: 0 }))).toMatchObject({ memPct: null, memLimitBytes: null });
  expect(toContainerStats(null, sample({ memUsage: 0 }))).toMatchObject({ memPct: 0, memUsedBytes: 0 });
});

test.each([
  ["2026-01-13T10:00:00.000000001Z", "2026-01-13T10:00:01Z"],
  ["2026-01-13T10:00:01Z", "2026-01-13T10:00:01Z"],
  ["never", "2026-01-13T10:00:01Z"],
])("a sample of %s is of no life that began at %s", (readAt, startedAt) => {
  expect(toLife(readAt, startedAt)).toBe(`before ${startedAt}, at ${readAt}`);
  expect(toLife("2026-01-13T10:00:01.001Z", startedAt)).toBe(startedAt);
});

test.each([
  [100, {}, 100],
  [100, { inactive_file: 30 }, 70],
  [100, { total_inactive_file: 30, inactive_file: 40 }, 70],
  [100, { total_inactive_file: 99 }, 1],
  [100, { total_inactive_file: 100, inactive_file: 40 }, 60],
  [100, { inactive_file: 100 }, 100],
  [100, { inactive_file: 99 }, 1],
  [0, {}, 0],
])("of %i bytes with %j are used %i", (usage, detail, used) => {
  expect(toUsedMemory(usage, detail)).toBe(used);
});

test.each([
  [{ cpuTotal: 0, memUsage: 0 }, true],
  [{ cpuTotal: null, memUsage: null }, true],
  [{ cpuTotal: 1, memUsage: 0 }, false],
  [{ cpuTotal: 0, memUsage: 1 }, false],
])("a sample of %j is empty: %s", (given, empty) => {
  expect(isEmpty(given)).toBe(empty);
});
