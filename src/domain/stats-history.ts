import type { ContainerStats, StatsPoint } from "./container.ts";

/** How long a point is kept, and how far two are apart, milliseconds: at most 120 points. */
const keptMs = 600_000;
const stepMs = 5000;

/** A point and when it was taken, milliseconds of a clock that never goes back. */
export interface TimedPoint {
  readonly at: number;
  readonly point: StatsPoint;
}

/** The points after one more sample, oldest first: one in five seconds, of the last ten minutes. The same array when it adds none. */
export function withPoint(points: readonly TimedPoint[], at: number, stats: ContainerStats): readonly TimedPoint[] {
  const last = points.at(-1);
  // A tick that comes a little early still counts.
  if (last && at - last.at < stepMs * 0.9) return points;
  const { sampledAt, cpuPct, memPct, memUsedBytes } = stats;
  return [...recent(points, at), { at, point: { sampledAt, cpuPct, memPct, memUsedBytes } }];
}

/** Those of the last ten minutes. */
export function recent(points: readonly TimedPoint[], now: number): readonly TimedPoint[] {
  return points.filter(({ at }) => now - at <= keptMs);
}
