import { loadavg, availableParallelism } from "node:os";

/**
 * A bound of time for a quiet machine, as long as this one needs: by how many programs shared a
 * core in the last minute. Any unit.
 */
export function toBound(time: number): number {
  const [lastMinute = 0] = loadavg();
  return time * Math.max(1, lastMinute / availableParallelism());
}
