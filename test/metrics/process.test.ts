import { readdirSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { toText } from "../../src/metrics/exposition.ts";
import { createProcessFamilies } from "../../src/metrics/process.ts";
import { valuesOf } from "../support/exposition.ts";

vi.mock("node:fs", { spy: true });
vi.mock("../../src/lib/logger.ts", () => ({ countDroppedLines: () => 7 }));
vi.mock("node:perf_hooks", async (load) => ({
  ...(await load<object>()),
  monitorEventLoopDelay: vi.fn<typeof monitorEventLoopDelay>(),
}));

/**
 * Delays of the event loop in nanoseconds, the length of a turn (20 ms) included; null before the
 * first.
 */
let delays: Readonly<Record<number, number>> | null = null;
const histogram = {
  get count() {
    return delays === null ? 0 : 1;
  },
  percentile: (percentile: number) => delays?.[percentile] ?? Number.NaN,
  enable: vi.fn<() => boolean>(() => true),
  reset: vi.fn<() => void>(() => {
    delays = null;
  }),
};

beforeEach(() => {
  vi.mocked(monitorEventLoopDelay).mockReturnValue(histogram as unknown as ReturnType<typeof monitorEventLoopDelay>);
});

afterEach(() => {
  vi.restoreAllMocks();
});

function createRead() {
  const collect = createProcessFamilies();
  return (name: string, labels = {}) => valuesOf(toText(collect(), "text"), name, labels);
}

it("each number of the process has its own name and unit", () => {
  vi.spyOn(process, "cpuUsage").mockReturnValue({ user: 2_500_000, system: 750_000 });
  vi.spyOn(performance, "eventLoopUtilization").mockReturnValue({ active: 1500, idle: 9000, utilization: 0.9 });
  const memory = { rss: 1, heapTotal: 32, heapUsed: 16, external: 8, arrayBuffers: 4 };
  vi.spyOn(process, "memoryUsage").mockReturnValue(memory);
  Object.assign(process.memoryUsage, { rss: () => 64 });
  vi.mocked(readdirSync).mockReturnValue(["0", "1", "2", "3", "4"] as never);
  const read = createRead();
  for (const [name, value] of [
    ["process_cpu_seconds_total", 3.25],
    ["ops_event_loop_active_seconds_total", 1.5],
    ["ops_log_lines_dropped_total", 7],
    ["process_start_time_seconds", performance.timeOrigin / 1000],
    ["process_resident_memory_bytes", 64],
    // One of the five is that of the listing.
    ["process_open_fds", 4],
    ["nodejs_heap_size_used_bytes", 16],
    ["nodejs_heap_size_total_bytes", 32],
    ["nodejs_external_memory_bytes", 8],
  ] as const)
    expect(read(name), name).toEqual([value]);
  expect(readdirSync).toHaveBeenCalledWith("/proc/self/fd");
});

it("open descriptors are absent without /proc, and only then", () => {
  const read = createRead();
  vi.mocked(readdirSync).mockReturnValueOnce(["0", "1"] as never);
  expect(read("process_open_fds")).toEqual([1]);
  vi.mocked(readdirSync).mockImplementationOnce(() => {
    throw new Error("ENOENT");
  });
  expect(read("process_open_fds")).toEqual([]);
});

it("a counter grows by the use since the last scrape, and never falls", () => {
  const usage = vi.spyOn(process, "cpuUsage");
  const read = createRead();
  for (const [user, seconds] of [
    [2_000_000, 2],
    [5_000_000, 5],
    [4_000_000, 5],
    [5_500_000, 5.5],
  ] as const) {
    usage.mockReturnValue({ user, system: 0 });
    expect(read("process_cpu_seconds_total")).toEqual([seconds]);
  }
});

it("the event loop's delay is since the last scrape, without its 20 ms", () => {
  const read = createRead();
  const name = "ops_event_loop_delay_seconds";
  expect(monitorEventLoopDelay).toHaveBeenCalledWith({ resolution: 20 });
  expect(histogram.enable).not.toHaveBeenCalled();
  expect(read(name)).toEqual([]);
  expect(histogram.enable).toHaveBeenCalledOnce();
  delays = { 50: 20_000_000, 90: 70_000_000, 99: 520_000_000, 100: 2_020_000_000 };
  const collect = createProcessFamilies();
  const scrape = () => toText(collect(), "text");
  const text = scrape();
  const values = ["50", "90", "99", "100"].map((percentile) => valuesOf(text, name, { percentile })[0]);
  expect(values.map((value) => Number(value?.toFixed(6)))).toEqual([0, 0.05, 0.5, 2]);
  expect(valuesOf(text, name)).toHaveLength(4);
  // Nothing since then.
  expect(valuesOf(scrape(), name)).toEqual([]);
  delays = { 50: 19_000_000, 90: 19_000_000, 99: 19_000_000, 100: 19_000_000 };
  expect(valuesOf(scrape(), name)).toEqual([0, 0, 0, 0]);
});
