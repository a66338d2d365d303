import { expect, test } from "vitest";
import { toContainerStats } from "../../../src/domain/stats.ts";
import { toSample } from "../../../src/upstreams/docker/stats-answer.ts";

/** Half a CPU of two over two seconds, on a host that does nothing else. */
function toCpuPct(own: object, systemNanoseconds: number): number | null {
  const at = (read: string, total: number, system: number) => ({
    ...toSample({
      read,
      cpu_stats: { cpu_usage: { total_usage: total }, system_cpu_usage: system, online_cpus: 2, ...own },
      memory_stats: { usage: 1000, limit: 4000 },
    }),
    life: "one",
  });
  const before = at("2026-11-25T02:14:07.000000000Z", 5_000_000_000, 1_000_000_000_000);
  const after = at("2026-11-25T02:14:09.000000000Z", 6_000_000_000, 1_000_000_000_000 + systemNanoseconds);
  return toContainerStats(before, after).cpuPct;
}

test("Docker counts the host's time, Podman only what its CPUs were busy: the same figure comes of both", () => {
  expect(toCpuPct({}, 4_000_000_000)).toBe(50);
  expect(toCpuPct({ cpu: 0 }, 1_000_000_000)).toBe(50);
});

test("a file cache that is not told of is not taken off", () => {
  const sample = toSample({ read: "", cpu_stats: {}, memory_stats: { usage: 1000, limit: 4000 }, blkio_stats: null });
  expect(toContainerStats(null, { ...sample, life: "one" })).toMatchObject({ memUsedBytes: 1000, memPct: 25, cpuPct: null });
});
