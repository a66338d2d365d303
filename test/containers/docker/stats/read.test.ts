import { describe, expect, it } from "vitest";
import { toSample, toStartedAt } from "../../../../src/containers/docker/stats/read.ts";
import { toContainerStats } from "../../../../src/containers/stats/stats.ts";
import { sample } from "../../../support/stats-sample.ts";

/** Half a CPU of two over two seconds, on a host that does nothing else. */
function toCpuPct(own: object, systemNanoseconds: number): number | null {
  const at = (read: string, total: number, system: number) =>
    sample(
      toSample({
        read,
        cpu_stats: { cpu_usage: { total_usage: total }, system_cpu_usage: system, online_cpus: 2, ...own },
        memory_stats: { usage: 1000, limit: 4000 },
      }),
    );
  const before = at("2026-11-25T02:14:07.000000000Z", 5_000_000_000, 1_000_000_000_000);
  const after = at("2026-11-25T02:14:09.000000000Z", 6_000_000_000, 1_000_000_000_000 + systemNanoseconds);
  return toContainerStats(before, after).cpuPct;
}

const read = "2026-11-25T02:14:07.000000000Z";
const nothing = {
  source: "engine",
  readAt: "",
  cpuTotal: null,
  cpuSystem: null,
  onlineCpus: 0,
  memUsage: null,
  memLimit: null,
  memDetail: {},
  counted: { throttling: null, pids: null, network: null, blockIo: null },
};

it("Docker's host time and Podman's busy time give the same number", () => {
  expect(toCpuPct({}, 4_000_000_000)).toBe(50);
  expect(toCpuPct({ cpu: 0 }, 1_000_000_000)).toBe(50);
});

it("a file cache that is missing is not subtracted", () => {
  const found = toSample({ read: "", cpu_stats: {}, memory_stats: { usage: 1000, limit: 4000 }, blkio_stats: null });
  expect(toContainerStats(null, sample(found))).toMatchObject({ memUsedBytes: 1000, memPct: 25, cpuPct: null });
});

describe("a sample", () => {
  it("has all that the engine sends", () => {
    const answer = {
      read,
      cpu_stats: {
        cpu_usage: { total_usage: 11, percpu_usage: [1, 2, 3] },
        system_cpu_usage: 12,
        online_cpus: 13,
        throttling_data: { periods: 14, throttled_periods: 15, throttled_time: 16 },
      },
      memory_stats: { usage: 17, limit: 18, stats: { inactive_file: 19, cache: 20 } },
      pids_stats: { current: 21 },
      networks: { eth0: { rx_bytes: 22, tx_bytes: 1000 }, eth1: { rx_bytes: 23, tx_bytes: 2000 } },
      blkio_stats: {
        io_service_bytes_recursive: [
          { op: "Read", value: 1 },
          { op: "read", value: 2 },
          { op: "Write", value: 10 },
          { op: "write", value: 20 },
          { op: "Sync", value: 100 },
          { op: "", value: 200 },
          { op: "Total", value: 300 },
        ],
      },
    };
    expect(toSample(answer)).toEqual({
      source: "engine",
      readAt: read,
      cpuTotal: 11,
      cpuSystem: 12,
      onlineCpus: 13,
      memUsage: 17,
      memLimit: 18,
      memDetail: { inactive_file: 19, cache: 20 },
      counted: {
        throttling: { periods: 14, throttledPeriods: 15, throttledNanoseconds: 16 },
        pids: 21,
        network: { received: 45, sent: 3000 },
        blockIo: { read: 3, written: 30 },
      },
    });
  });

  it.each([
    [{}],
    [{ read: null, cpu_stats: null, memory_stats: null, pids_stats: null, networks: null, blkio_stats: null }],
    [{ cpu_stats: {}, memory_stats: {}, pids_stats: {}, networks: 7, blkio_stats: 7 }],
    [
      {
        cpu_stats: { cpu_usage: null, throttling_data: 7 },
        memory_stats: { stats: 7 },
        pids_stats: { current: 2 ** 31 },
      },
    ],
    [
      {
        cpu_stats: { cpu_usage: { total_usage: "7", percpu_usage: "7" }, system_cpu_usage: "7", online_cpus: "7" },
        memory_stats: { usage: "7", limit: "7" },
      },
    ],
    [{ cpu_stats: { throttling_data: { periods: 1 } } }],
  ])("of %j has nothing", (answer) => {
    expect(toSample(answer)).toEqual(nothing);
  });

  it.each([
    [{ networks: {} }, { counted: { network: { received: 0, sent: 0 } } }],
    [{ blkio_stats: {} }, { counted: { blockIo: { read: 0, written: 0 } } }],
    [{ blkio_stats: { io_service_bytes_recursive: null } }, { counted: { blockIo: { read: 0, written: 0 } } }],
    [{ blkio_stats: { io_service_bytes_recursive: 7 } }, { counted: { blockIo: { read: 0, written: 0 } } }],
    [{ pids_stats: { current: 0 } }, { counted: { pids: 0 } }],
    [{ memory_stats: { usage: 0, limit: 0 } }, { memUsage: 0, memLimit: 0 }],
    [{ cpu_stats: { online_cpus: 0, cpu_usage: { percpu_usage: [1, 2] } } }, { onlineCpus: 2 }],
    [{ cpu_stats: { cpu_usage: { percpu_usage: [1, 2, 3] } } }, { onlineCpus: 3 }],
    [{ cpu_stats: { cpu_usage: {} } }, { onlineCpus: 0 }],
    // Podman's clock, which counts each CPU.
    [{ read, cpu_stats: { cpu: 0, system_cpu_usage: 5, online_cpus: 3 } }, { cpuSystem: Date.parse(read) * 3e6 }],
    [{ read: "x", cpu_stats: { cpu: 0, system_cpu_usage: 5, online_cpus: 3 } }, { cpuSystem: 5 }],
    [{ cpu_stats: { cpu: 0, system_cpu_usage: 5, online_cpus: 3 } }, { cpuSystem: 5 }],
  ])("of %j has %j", (answer, expected) => {
    expect(toSample(answer)).toMatchObject(expected);
  });

  it.each([[null], [[]], ["x"], [{ read: 7 }], [{ cpu_stats: 7 }]])("is empty for %j", (answer) => {
    expect(() => toSample(answer)).toThrow(
      expect.objectContaining({ name: "AnswerError", message: "unexpected response to GET /containers/{id}/stats" }),
    );
  });
});

it("the start is an inspection's, and no other answer has one", () => {
  expect(toStartedAt({ State: { StartedAt: read } })).toBe(read);
  for (const answer of [null, {}, { State: {} }, { State: { StartedAt: 7 } }]) {
    expect(() => toStartedAt(answer)).toThrow(
      expect.objectContaining({ name: "AnswerError", message: "unexpected response to GET /containers/{id}/json" }),
    );
  }
});
