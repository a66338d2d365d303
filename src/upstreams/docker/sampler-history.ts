import { LRUCache } from "lru-cache";
import type { ContainerStats, StatsPoint } from "../../domain/container.ts";
import { recent, type TimedPoint, withPoint } from "../../domain/stats-history.ts";

/** What is remembered of the containers that were sampled last: at most 1,000 of them, 120 points each, about 15 MB. */
export interface StatsHistory {
  add(fullId: string, at: number, stats: ContainerStats): void;
  of(fullId: string): readonly StatsPoint[];
}

export function createStatsHistory(): StatsHistory {
  const series = new LRUCache<string, readonly TimedPoint[]>({ max: 1000 });
  return {
    add: (fullId, at, stats) => void series.set(fullId, withPoint(series.get(fullId) ?? [], at, stats)),
    of: (fullId) => recent(series.get(fullId) ?? [], performance.now()).map(({ point }) => point),
  };
}
