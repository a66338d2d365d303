import type { StatsSample } from "../../src/containers/stats/stats.ts";

export function sample(change: Partial<StatsSample> = {}): StatsSample {
  return {
    source: "engine",
    life: "2026-01-13T09:40:00Z",
    readAt: "2026-01-13T09:40:01Z",
    cpuTotal: 1_000_000_000,
    cpuSystem: 100_000_000_000,
    onlineCpus: 2,
    throttling: null,
    memUsage: 100_000_000,
    memLimit: 400_000_000,
    memDetail: {},
    pids: 7,
    network: null,
    blockIo: null,
    ...change,
  };
}
