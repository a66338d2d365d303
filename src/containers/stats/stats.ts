import { Waiters } from "../../lib/budget/fair-limit.ts";
import { onceKnown } from "../../lib/known.ts";
import type { ContainerCounters, ContainerStats, StatsSource } from "../container.ts";

/**
 * One reading of a container, from its engine or its cgroup, in our words; null where there is no
 * figure.
 */
export interface StatsSample {
  readonly source: StatsSource;
  /** Identifies the run of the container that was sampled: differs after each start. */
  readonly life: string;
  /** Sampling time, RFC 3339, by the clock of the engine's host. */
  readonly readAt: string;
  /** CPU time of the container since its start, nanoseconds. */
  readonly cpuTotal: number | null;
  /** CPU time of the whole host since its boot, all CPUs together, nanoseconds. */
  readonly cpuSystem: number | null;
  readonly onlineCpus: number;
  readonly memUsage: number | null;
  /** The host's memory for a container without a limit. */
  readonly memLimit: number | null;
  /** `memory.stat`: has total_inactive_file on cgroup v1, inactive_file on v2. */
  readonly memDetail: Readonly<Record<string, number>>;
  /** What it has counted by now; all null for a container that has ended. Never rejects. */
  readonly counters: (waiters: Waiters) => Promise<StatsCounters>;
}

/** What a container counted since its start; null where there is no figure. */
export interface StatsCounters {
  readonly throttling: CpuThrottling | null;
  readonly pids: number | null;
  /** Bytes of all its networks; null without a network of its own. */
  readonly network: { readonly received: number; readonly sent: number } | null;
  /** Bytes of all block devices. */
  readonly blockIo: { readonly read: number; readonly written: number } | null;
}

/** By the CPU limit, since the container's start. */
interface CpuThrottling {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNanoseconds: number;
}

/**
 * The docker CLI's figures from two samples of one life of a container (docker/cli
 * cli/command/container/stats_helpers.go), rounded to two decimals as it prints them. Without an
 * earlier sample, `cpuPct` is null.
 */
export function toContainerStats(previous: StatsSample | null, current: StatsSample): ContainerStats {
  const waiters = new Waiters();
  const counters = onceKnown(async () => toContainerCounters(await current.counters(waiters)));
  const memUsedBytes = current.memUsage === null ? null : toUsedMemory(current.memUsage, current.memDetail);
  return {
    source: current.source,
    cpuPct: previous && previous.life === current.life ? toCpuPct(previous, current) : null,
    memPct: memUsedBytes === null || !current.memLimit ? null : round((memUsedBytes / current.memLimit) * 100),
    memUsedBytes,
    memLimitBytes: current.memLimit || null,
    sampledAt: current.readAt,
    counters: (asker) => {
      waiters.join(asker);
      return counters();
    },
  };
}

function toContainerCounters({ throttling, pids, network, blockIo }: StatsCounters): ContainerCounters {
  return {
    cpuPeriods: throttling?.periods ?? null,
    cpuThrottledPeriods: throttling?.throttledPeriods ?? null,
    cpuThrottledSeconds: throttling ? throttling.throttledNanoseconds / 1e9 : null,
    pids,
    networkReceiveBytes: network?.received ?? null,
    networkTransmitBytes: network?.sent ?? null,
    blockReadBytes: blockIo?.read ?? null,
    blockWriteBytes: blockIo?.written ?? null,
  };
}

/**
 * The life that a sample belongs to, by an inspection right after it: the one that began at
 * `startedAt`. A sample from before that start is of an earlier life and gets a name that pairs
 * with no other. Both times are from the engine's clock.
 */
export function toLife(readAt: string, startedAt: string): string {
  return Date.parse(readAt) > Date.parse(startedAt) ? startedAt : `before ${startedAt}, at ${readAt}`;
}

/** A stopped container: Docker answers 200, with no CPU time and no memory. */
export function isEmpty(sample: Pick<StatsSample, "cpuTotal" | "memUsage">): boolean {
  return !sample.cpuTotal && !sample.memUsage;
}

/** Null when a counter decreased: the samples are of different lives after all. */
function toCpuPct(previous: StatsSample, current: StatsSample): number | null {
  if (
    current.cpuTotal === null ||
    previous.cpuTotal === null ||
    current.cpuSystem === null ||
    previous.cpuSystem === null
  )
    return null;
  const cpu = current.cpuTotal - previous.cpuTotal;
  const system = current.cpuSystem - previous.cpuSystem;
  return cpu < 0 || system <= 0 ? null : round((cpu / system) * current.onlineCpus * 100);
}

/**
 * Usage without the inactive file cache. A cache above the usage is ignored, as in
 * calculateMemUsageUnixNoCache.
 */
export function toUsedMemory(usage: number, detail: Readonly<Record<string, number>>): number {
  const v1 = detail["total_inactive_file"];
  if (v1 !== undefined && v1 < usage) return usage - v1;
  const v2 = detail["inactive_file"] ?? 0;
  return v2 < usage ? usage - v2 : usage;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** A sample with its request time, milliseconds of a monotonic clock. */
export interface TimedSample {
  readonly at: number;
  readonly sample: StatsSample;
}

/** The newest sample, and the earlier one that its CPU figure is measured from, or null. */
export interface StatsWindow {
  readonly previous: TimedSample | null;
  readonly current: TimedSample;
}

/**
 * The longest window of a CPU figure, ms. A longer one would average a time that nobody asked
 * about.
 */
const longestMs = 10_000;

/**
 * The window after one more sample. It is never shorter than `shortestMs`, because host CPU time
 * counts in steps of 10 ms: a sample that comes too soon replaces the newest and leaves the earlier
 * one. Samples of different lives, or too far apart, are never paired.
 */
export function toWindow(before: StatsWindow | null, next: TimedSample, shortestMs: number): StatsWindow {
  const earlier = [before?.current, before?.previous].find((timed) => timed && next.at - timed.at >= shortestMs);
  if (!earlier || earlier.sample.life !== next.sample.life || next.at - earlier.at > longestMs) {
    return { previous: null, current: next };
  }
  return { previous: earlier, current: next };
}
