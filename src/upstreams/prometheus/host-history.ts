import { type HostHistory, type HostSeries, toHostHistory } from "../../domain/host-history.ts";
import type { HistoryRange } from "../../domain/queue-history.ts";
import type { Matrix } from "./matrix.ts";
import { pastMetrics } from "./query.ts";

/** The answer to `toHostRangeQuery` as the past of each instance. Jobs go by name, so that nothing depends on the order of the answer. */
export function toHostHistories(range: HistoryRange, { series }: Matrix): ReadonlyMap<string, HostHistory> {
  const byInstance = new Map<string, Map<string, Record<string, readonly number[]>>>();
  for (const { labels, values } of series) {
    const { m = "", job = "", instance } = labels;
    if (!instance || !(pastMetrics as readonly string[]).includes(m)) continue;
    const jobs = byInstance.get(instance) ?? new Map<string, Record<string, readonly number[]>>();
    byInstance.set(instance, jobs);
    jobs.set(job, { ...jobs.get(job), [m]: values });
  }
  return new Map(
    [...byInstance].map(([instance, jobs]) => {
      const sorted = [...jobs].toSorted(([a], [b]) => (a < b ? -1 : 1));
      return [
        instance,
        toHostHistory(
          range,
          sorted.map(([, given]) => toSeries(given)),
        ),
      ];
    }),
  );
}

function toSeries(given: Record<string, readonly number[]>): HostSeries {
  const of = (metric: (typeof pastMetrics)[number]) => given[metric] ?? [];
  return { sampled: of("sampled"), up: of("up"), cpu: of("cpu"), mem: of("mem"), disk: of("disk"), load1: of("load1") };
}
