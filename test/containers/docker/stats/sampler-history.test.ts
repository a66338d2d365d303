import { expect, it } from "vitest";
import type { ContainerStats } from "../../../../src/containers/container.ts";
import { recent, withPoint } from "../../../../src/containers/docker/stats/sampler.ts";

const stats = {
  sampledAt: "2026-01-13T09:46:00Z",
  cpuPct: 1,
  memPct: 2,
  memUsedBytes: 3,
  memLimitBytes: 4,
} as ContainerStats;
const point = { sampledAt: "2026-01-13T09:46:00Z", cpuPct: 1, memPct: 2, memUsedBytes: 3 };

it("a point is taken each five seconds; a little early counts", () => {
  const first = withPoint([], 1000, stats);
  expect(first).toEqual([{ at: 1000, point }]);
  expect(withPoint(first, 5499, stats)).toBe(first);
  expect(withPoint(first, 5500, { ...stats, cpuPct: 9 })).toEqual([
    { at: 1000, point },
    { at: 5500, point: { ...point, cpuPct: 9 } },
  ]);
});

it("points of the last ten minutes remain, oldest first", () => {
  const points = [1000, 2000, 3000].map((at) => ({ at, point }));
  expect(recent(points, 601_000)).toEqual(points);
  expect(recent(points, 601_001)).toEqual(points.slice(1));
  expect(withPoint(points, 602_001, stats).map(({ at }) => at)).toEqual([3000, 602_001]);
});
