import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type StatsSample, toContainerStats, toUsedMemory } from "../../src/domain/stats.ts";

function sample(change: Partial<StatsSample> = {}): StatsSample {
  return {
    readAt: "2026-01-13T09:40:01Z",
    cpuTotal: 1_000_000_000,
    cpuSystem: 100_000_000_000,
    onlineCpus: 2,
    memUsage: 100_000_000,
    memLimit: 400_000_000,
    memDetail: {},
    pids: 7,
    ...change,
  };
}

test("the docker CLI's figures, worked by hand", () => {
  // 0.25 s of CPU time while the host's two CPUs had 2 s together: an eighth of 2 x 100 %.
  const next = sample({ cpuTotal: 1_250_000_000, cpuSystem: 102_000_000_000, memDetail: { total_inactive_file: 20_000_000 } });
  expect(toContainerStats(sample(), next)).toEqual({
    cpuPct: 25,
    memPct: 20,
    memUsedBytes: 80_000_000,
    memLimitBytes: 400_000_000,
    pids: 7,
    sampledAt: "2026-01-13T09:40:01Z",
  });
});

test("both CPUs busy are 200", () => {
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

test("a stopped container has none", () => {
  expect(toContainerStats(sample(), sample({ cpuTotal: 0, memUsage: null }))).toBeNull();
  expect(toContainerStats(sample(), sample({ cpuTotal: null, memUsage: 0 }))).toBeNull();
});

test("used memory on cgroup v1 and v2", () => {
  expect(toUsedMemory(100, { total_inactive_file: 30, inactive_file: 50 })).toBe(70);
  expect(toUsedMemory(100, { inactive_file: 50 })).toBe(50);
  expect(toUsedMemory(100, {})).toBe(100);
  // A cache larger than the usage is not believed; then v1 falls back to the other key, as in the CLI.
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
