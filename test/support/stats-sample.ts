import type { Asker } from "../../src/lib/budget/fair-limit.ts";
import type { StatsCounters, StatsSample } from "../../src/containers/stats/stats.ts";

/** Who asks for statistics. */
export const asker: Asker = { owner: "test", order: 0 };

const counters: StatsCounters = { throttling: null, pids: 7, network: null, blockIo: null };
const readCounters = async () => counters;

/** A sample whose container has processes and counted nothing, but for what `counted` says. */
export function sample(change: Partial<StatsSample> = {}, counted: Partial<StatsCounters> | null = null): StatsSample {
  return {
    source: "engine",
    life: "2026-01-13T09:40:00Z",
    readAt: "2026-01-13T09:40:01Z",
    cpuTotal: 1_000_000_000,
    cpuSystem: 100_000_000_000,
    onlineCpus: 2,
    memUsage: 100_000_000,
    memLimit: 400_000_000,
    memDetail: {},
    counters: counted ? async () => ({ ...counters, ...counted }) : readCounters,
    ...change,
  };
}
