import type { Environment } from "../../lib/environment.ts";
import { type HistoryRange, toGrid, toTimes } from "../../lib/range.ts";
import { type Container, liveStates, type StatsPoint } from "../container.ts";

/** What a container used at one time; null where it is not known, and where it did not run. */
export interface ContainerPoint {
  /** RFC 3339 UTC with seconds. */
  readonly time: string;
  /** 100 = one CPU kept fully busy. */
  readonly cpuPct: number | null;
  readonly memPct: number | null;
  /** Restarts by the restart policy until then; null from memory, which does not keep them. */
  readonly restarts: number | null;
}

/** Where the points are from: the gateway's own samples, or Prometheus, which has scraped them from its /metrics. */
export type HistoryOrigin = "memory" | "prometheus";

export interface ContainerHistory {
  readonly source: HistoryOrigin;
  /** Between two points, seconds: what was asked for, or the next multiple of it that is no shorter than samples are apart. */
  readonly stepSeconds: number;
  /** The first time with a sample: points of before are null. Null when that is the first point, the range's end when there is none. */
  readonly since: string | null;
  /** Oldest first. */
  readonly points: readonly ContainerPoint[];
}

/** How Prometheus knows a container. */
export interface ContainerName {
  readonly name: string;
  readonly engine: string;
  readonly env: Environment | null;
}

/** A value for each time of the range, NaN where there is none. */
export interface ContainerSeries {
  /** Unix seconds of the newest sample. */
  readonly sampled: readonly number[];
  readonly cpu: readonly number[];
  readonly mem: readonly number[];
  readonly restarts: readonly number[];
}

/** The port to what was scraped of containers. */
export interface ContainerHistorySource {
  /** In the order of the containers; null for one that was not scraped. Rejects with prometheus_unavailable and invalid_request, as for hosts. */
  containerHistory(
    range: HistoryRange,
    containers: readonly ContainerName[],
    signal: AbortSignal,
  ): Promise<readonly (ContainerHistory | null)[]>;
}

/** How far back the memory goes, seconds. */
const rememberedSeconds = 600;
/** How long what is replaced may run beside what replaces it, seconds: its last requests and jobs. */
const handoverSeconds = 300;

/** Whether the memory may hold all of a range: nothing longer is looked for there, as asking it makes a container be sampled. */
export function isRecent({ from, step }: HistoryRange, nowMs: number): boolean {
  return from + step >= Math.floor(toRememberedSince(nowMs));
}

/** Since when the memory may tell of a container, unix seconds. */
export function toRememberedSince(nowMs: number): number {
  return nowMs / 1000 - rememberedSeconds;
}

type Life = Pick<Container, "engine" | "service" | "role" | "env" | "status" | "createdAt" | "startedAt">;

/**
 * Those that had ended by a time, unix seconds: stopped, and the newest of their role started well before. An engine does not tell when a container that is
 * not asked about alone has stopped. Not that of the next one, for a release that never became healthy replaced nothing.
 */
export function findEnded<T extends Life>(containers: readonly T[], by: number): ReadonlySet<T> {
  const newest = new Map<string, number>();
  const toRole = ({ engine, service, role, env }: T) => JSON.stringify([engine, service, role, env]);
  const toStart = ({ createdAt, startedAt }: T) => Date.parse(startedAt ?? createdAt) / 1000;
  for (const one of containers) newest.set(toRole(one), Math.max(newest.get(toRole(one)) ?? 0, toStart(one)));
  const hasEnded = (one: T) => {
    const last = newest.get(toRole(one)) ?? 0;
    return !liveStates.has(one.status) && toStart(one) < last && last + handoverSeconds < by;
  };
  return new Set(containers.filter(hasEnded));
}

function valueAt(values: readonly number[], index: number): number | null {
  const value = values[index];
  return value !== undefined && Number.isFinite(value) ? value : null;
}

export function toContainerHistory(source: HistoryOrigin, range: HistoryRange, series: ContainerSeries): ContainerHistory {
  const { stepSeconds, points } = toGrid(range, series.sampled);
  const first = points.find(({ known }) => known) ?? points.at(-1);
  return {
    source,
    stepSeconds,
    since: first === points[0] && first?.known ? null : (first?.time ?? null),
    points: points.map(({ index, time, known }) => ({
      time,
      cpuPct: known ? valueAt(series.cpu, index) : null,
      memPct: known ? valueAt(series.mem, index) : null,
      restarts: known ? valueAt(series.restarts, index) : null,
    })),
  };
}

/** What the gateway remembers, oldest first, at the times of a range: at each the newest sample until then. */
export function toRemembered(range: HistoryRange, remembered: readonly StatsPoint[]): ContainerHistory {
  const at = remembered.map(({ sampledAt }) => Date.parse(sampledAt) / 1000);
  let next = 0;
  const newest = toTimes(range).map((time) => {
    while (next < at.length && (at[next] ?? time) <= time) next += 1;
    return next - 1;
  });
  const pick = (read: (point: StatsPoint) => number | null) => newest.map((index) => toNumber(remembered[index], read));
  return toContainerHistory("memory", range, {
    sampled: newest.map((index) => at[index] ?? Number.NaN),
    cpu: pick(({ cpuPct }) => cpuPct),
    mem: pick(({ memPct }) => memPct),
    restarts: newest.map(() => Number.NaN),
  });
}

function toNumber(point: StatsPoint | undefined, read: (point: StatsPoint) => number | null): number {
  return (point && read(point)) ?? Number.NaN;
}

/** Whether it knows something of the range's whole length. */
export function isWhole({ since }: ContainerHistory): boolean {
  return since === null;
}

/** Whether it knows anything at all. */
export function hasPoints(history: ContainerHistory): boolean {
  return hasUsage(history) || history.points.some(({ restarts }) => restarts !== null);
}

/**
 * What to answer of a range that the memory does not hold whole: what was scraped. Where that tells of restarts alone, as nobody was sampling, what is
 * remembered goes first.
 */
export function chooseHistory(remembered: ContainerHistory, scraped: ContainerHistory | null): ContainerHistory {
  return scraped === null || (hasUsage(remembered) && !hasUsage(scraped)) ? remembered : scraped;
}

function hasUsage({ points }: ContainerHistory): boolean {
  return points.some(isUsage);
}

/** Whether it tells what was used at its time. */
export function isUsage({ cpuPct, memPct }: ContainerPoint): boolean {
  return cpuPct !== null || memPct !== null;
}
