import type { Environment } from "../../lib/environment.ts";
import { type HistoryRange, toGrid, toTimes } from "../../lib/range.ts";
import { toUnixSeconds } from "../../lib/time.ts";
import { type Container, liveStates, type StatsPoint } from "../container.ts";

/** What a container used at one time; null where it is unknown or the container did not run. */
export interface ContainerPoint {
  /** RFC 3339 UTC with seconds. */
  readonly time: string;
  /** 100 = one fully busy CPU. */
  readonly cpuPct: number | null;
  readonly memPct: number | null;
  /** Restarts by the restart policy until then; null from memory, which does not store them. */
  readonly restarts: number | null;
}

/**
 * Origin of the points: the gateway's own samples, or Prometheus, which scraped them from its
 * /metrics.
 */
export type HistoryOrigin = "memory" | "prometheus";

export interface ContainerHistory {
  readonly source: HistoryOrigin;
  /**
   * Seconds between two points: the requested step, or its next multiple that is no shorter than
   * the interval of the samples.
   */
  readonly stepSeconds: number;
  /**
   * The first time with a sample; earlier points are null. Null when the first point has one; the
   * range's end when none has.
   */
  readonly since: string | null;
  /** Oldest first. */
  readonly points: readonly ContainerPoint[];
}

/** The labels by which Prometheus knows a container. */
export interface ContainerName {
  readonly name: string;
  readonly engine: string;
  readonly env: Environment | null;
}

/** A value for each time of the range, NaN where it is missing. */
export interface ContainerSeries {
  /** Unix seconds of the newest sample. */
  readonly sampled: readonly number[];
  readonly cpu: readonly number[];
  readonly mem: readonly number[];
  readonly restarts: readonly number[];
}

/** The port to the scraped history of containers. */
export interface ContainerHistorySource {
  /**
   * In the order of the containers; null for one that was not scraped. Rejects with
   * prometheus_unavailable and invalid_request, as for hosts.
   */
  containerHistory(
    range: HistoryRange,
    containers: readonly ContainerName[],
    signal: AbortSignal,
  ): Promise<readonly (ContainerHistory | null)[]>;
}

/** How far back the memory goes, seconds. */
const rememberedSeconds = 600;
/**
 * How long a replaced container may run beside its replacement, seconds: for its last requests and
 * jobs.
 */
const handoverSeconds = 300;

/**
 * Whether the memory may hold the whole range. Longer ranges are not looked up there, because a
 * look-up starts sampling the container.
 */
export function isRecent({ from, step }: HistoryRange, nowMs: number): boolean {
  return from + step >= Math.floor(toRememberedSince(nowMs));
}

/** The earliest time that the memory may cover, unix seconds. */
export function toRememberedSince(nowMs: number): number {
  return nowMs / 1000 - rememberedSeconds;
}

type Life = Pick<
  Container,
  "engine" | "service" | "destination" | "role" | "env" | "status" | "createdAt" | "startedAt"
>;

/**
 * Containers that had ended by a time (unix seconds): stopped, and the newest of their role started
 * `handoverSeconds` before it. That start stands in for the end, which only an inspection shows.
 * The next container's start does not count: a release that never became healthy replaced nothing.
 *
 * @param listed others that may have taken over. What is known of this very list is remembered.
 */
export function findEnded<T extends Life>(
  containers: readonly T[],
  by: number,
  listed: readonly Life[] = [],
): ReadonlySet<T> {
  const newest = toNewestStarts(containers);
  const newestListed = newestStartsOf.get(listed) ?? toNewestStarts(listed);
  newestStartsOf.set(listed, newestListed);
  const hasEnded = (one: T) => {
    const role = toRoleKey(one);
    const last = Math.max(newest.get(role) ?? 0, newestListed.get(role) ?? 0);
    return !liveStates.has(one.status) && toStart(one) < last && last + handoverSeconds < by;
  };
  return new Set(containers.filter(hasEnded));
}

const newestStartsOf = new WeakMap<readonly Life[], ReadonlyMap<string, number>>();

/** The newest start of each role, unix seconds. */
function toNewestStarts(containers: readonly Life[]): ReadonlyMap<string, number> {
  const newest = new Map<string, number>();
  for (const one of containers) {
    const role = toRoleKey(one);
    newest.set(role, Math.max(newest.get(role) ?? 0, toStart(one)));
  }
  return newest;
}

const toRoleKey = ({ engine, service, destination, role, env }: Life) =>
  [engine, service, destination, role, env].join("\n");

const toStart = ({ createdAt, startedAt }: Life) => toUnixSeconds(startedAt ?? createdAt);

function valueAt(values: readonly number[], index: number): number | null {
  const value = values[index];
  return value !== undefined && Number.isFinite(value) ? value : null;
}

export function toContainerHistory(
  source: HistoryOrigin,
  range: HistoryRange,
  series: ContainerSeries,
): ContainerHistory {
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

/** The remembered samples at the times of a range: for each the newest sample until then. */
export function toRemembered(range: HistoryRange, remembered: readonly StatsPoint[]): ContainerHistory {
  const at = remembered.map(({ sampledAt }) => toUnixSeconds(sampledAt));
  let next = 0;
  const newest = toTimes(range).map((time) => {
    while (next < at.length && (at[next] ?? time) <= time) next += 1;
    return next - 1;
  });
  const pick = (read: (point: StatsPoint) => number | null) =>
    newest.map((index) => {
      const point = remembered[index];
      return (point && read(point)) ?? Number.NaN;
    });
  return toContainerHistory("memory", range, {
    sampled: newest.map((index) => at[index] ?? Number.NaN),
    cpu: pick(({ cpuPct }) => cpuPct),
    mem: pick(({ memPct }) => memPct),
    restarts: newest.map(() => Number.NaN),
  });
}

/** Whether it covers the whole range. */
export function isWhole({ since }: ContainerHistory): boolean {
  return since === null;
}

/** Whether it has any value. */
export function hasPoints(history: ContainerHistory): boolean {
  return hasUsage(history) || history.points.some(({ restarts }) => restarts !== null);
}

/**
 * Chooses the answer for a range that the memory does not cover whole: the scraped history. If that
 * has only restarts, because nobody was sampling, the remembered one goes first.
 */
export function chooseHistory(remembered: ContainerHistory, scraped: ContainerHistory | null): ContainerHistory {
  return scraped === null || (hasUsage(remembered) && !hasUsage(scraped)) ? remembered : scraped;
}

function hasUsage({ points }: ContainerHistory): boolean {
  return points.some(isUsage);
}

/** Whether it has a usage value. */
export function isUsage({ cpuPct, memPct }: ContainerPoint): boolean {
  return cpuPct !== null || memPct !== null;
}
