import type { ContainerStats } from "./container.ts";

/** One `GET /containers/{id}/stats?one-shot=true` in our words; null where the engine gave no figure. */
export interface StatsSample {
  /** When the engine took it, RFC 3339. */
  readonly readAt: string;
  /** CPU time of the container since its start, nanoseconds. */
  readonly cpuTotal: number | null;
  /** CPU time of the whole host since its boot, all CPUs together, nanoseconds. */
  readonly cpuSystem: number | null;
  readonly onlineCpus: number;
  readonly memUsage: number | null;
  /** `memory.limit`, the host's memory for a container without one. */
  readonly memLimit: number | null;
  /** `memory.stat`: has total_inactive_file on cgroup v1, inactive_file on v2. */
  readonly memDetail: Readonly<Record<string, number>>;
  readonly pids: number | null;
}

/**
 * The docker CLI's figures from two samples of one container (docker/cli cli/command/container/stats_helpers.go), rounded to two decimals
 * as it prints them. Null for a container that is not running: Docker answers that with an empty sample.
 */
export function toContainerStats(previous: StatsSample, current: StatsSample): ContainerStats | null {
  if (isEmpty(current)) return null;
  const memUsedBytes = current.memUsage === null ? null : toUsedMemory(current.memUsage, current.memDetail);
  return {
    cpuPct: toCpuPct(previous, current),
    memPct: memUsedBytes === null || !current.memLimit ? null : round((memUsedBytes / current.memLimit) * 100),
    memUsedBytes,
    memLimitBytes: current.memLimit || null,
    pids: current.pids,
    sampledAt: current.readAt,
  };
}

/** A stopped container: no CPU time and no memory, though 200. */
function isEmpty(sample: StatsSample): boolean {
  return !sample.cpuTotal && !sample.memUsage;
}

/** Null when the counters went back: the container was started again between the samples. */
function toCpuPct(previous: StatsSample, current: StatsSample): number | null {
  if (current.cpuTotal === null || previous.cpuTotal === null || current.cpuSystem === null || previous.cpuSystem === null)
    return null;
  const cpu = current.cpuTotal - previous.cpuTotal;
  const system = current.cpuSystem - previous.cpuSystem;
  return cpu < 0 || system <= 0 ? null : round((cpu / system) * current.onlineCpus * 100);
}

/** Usage without the inactive file cache; a total above the usage is not believed, as in calculateMemUsageUnixNoCache. */
export function toUsedMemory(usage: number, detail: Readonly<Record<string, number>>): number {
  const v1 = detail["total_inactive_file"];
  if (v1 !== undefined && v1 < usage) return usage - v1;
  const v2 = detail["inactive_file"] ?? 0;
  return v2 < usage ? usage - v2 : usage;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
