import type { ReadBudget } from "../../budget/budget.ts";
import { type HostHistory, type HostSeries, toHostHistory } from "../../domain/host-history.ts";
import type { HistoryRange } from "../../domain/queue-history.ts";
import type { Matrix } from "./matrix.ts";
import { pastMetrics } from "./query.ts";

/** The answer to `toHostRangeQuery` as the past of each instance. Jobs go by name, so that nothing depends on the order of the answer. Others are served in between. */
export async function toHostHistories(
  range: HistoryRange,
  { series }: Matrix,
  budget: Pick<ReadBudget, "turn">,
): Promise<ReadonlyMap<string, HostHistory>> {
  const byInstance = new Map<string, Map<string, Record<string, readonly number[]>>>();
  for (const { labels, values } of series) {
    const { m = "", job = "", instance } = labels;
    if (!instance || !(pastMetrics as readonly string[]).includes(m)) continue;
    const jobs = byInstance.get(instance) ?? new Map<string, Record<string, readonly number[]>>();
    byInstance.set(instance, jobs);
    jobs.set(job, { ...jobs.get(job), [m]: values });
  }
  const histories = new Map<string, HostHistory>();
  for (const [instance, jobs] of byInstance) {
    await budget.turn();
    const sorted = [...jobs].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const all = sorted.map(([, given]) => toSeries(given));
    histories.set(instance, toHostHistory(range, all));
  }
  return histories;
}

function toSeries(given: Record<string, readonly number[]>): HostSeries {
  const of = (metric: (typeof pastMetrics)[number]) => given[metric] ?? [];
  return { sampled: of("sampled"), up: of("up"), cpu: of("cpu"), mem: of("mem"), disk: of("disk"), load1: of("load1") };
}
