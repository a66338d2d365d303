import {
  type ContainerHistory,
  type ContainerName,
  type ContainerSeries,
  hasPoints,
  toContainerHistory,
} from "../containers/stats/history.ts";
import { type HostHistory, type HostSeries, toHostHistory } from "../hosts/history.ts";
import type { ReadBudget } from "../lib/budget/budget.ts";
import type { HistoryRange } from "../lib/range.ts";
import { escapeName } from "../lib/redact/names.ts";
import type { Matrix, RangeSeries } from "./answer.ts";
import { joinExpressions, pastMetrics, rounded, toMatchers } from "./query.ts";

/**
 * Their names in our own /metrics (src/metrics/containers.ts). There is no setting: the series
 * exist or not. CPU and memory are also read by their old names while these exist: earlier gateways
 * wrote no others.
 */
const names = {
  cpu: "ops_container_cpu_percent",
  mem: "ops_container_memory_percent",
  restarts: "ops_container_restarts_total",
} as const;
const noSeries: ContainerSeries = { sampled: [], cpu: [], mem: [], restarts: [] };

/**
 * The labels that identify a container. A label that a scrape config sets itself moves ours to
 * `exported_env`. Several gateways may report one container, and each release has its own labels:
 * the largest value counts.
 */
const identity = "max by (engine, name, env, exported_env)";

/**
 * All series of these containers in one range query. `sampled` is the scrape time; it uses `up`,
 * which exists as long as the container.
 */
export function toContainerRangeQuery(containers: readonly string[]): string {
  const matchers = `{${toMatchers("name", containers).join(",")}}`;
  return joinExpressions([
    ["sampled", `${identity} (timestamp(ops_container_up${matchers}))`],
    ...Object.entries(names).map(([metric, name]) => [metric, rounded(`${identity} (${name}${matchers})`, 2)] as const),
  ]);
}

/**
 * In the order of the containers; null for one without data. Containers with the same name but
 * another environment are different. Other requests are served in between.
 */
export async function toContainerHistories(
  range: HistoryRange,
  containers: readonly ContainerName[],
  { series }: Matrix,
  budget: Pick<ReadBudget, "turn">,
): Promise<(ContainerHistory | null)[]> {
  const byIdentity = new Map<string, Partial<ContainerSeries>>();
  for (const one of series) {
    const metric = one.labels["m"];
    if (metric !== "sampled" && !(metric && Object.hasOwn(names, metric))) continue;
    const key = toKey(one);
    byIdentity.set(key, { ...byIdentity.get(key), [metric]: one.values });
  }
  const histories: (ContainerHistory | null)[] = [];
  for (const { engine, name, env } of containers) {
    await budget.turn();
    const found = byIdentity.get(JSON.stringify([engine, name, env ?? ""]));
    const history = found ? toContainerHistory("prometheus", range, { ...noSeries, ...found }) : null;
    histories.push(history && hasPoints(history) ? history : null);
  }
  return histories;
}

function toKey({ labels: { engine = "", name = "", env = "", exported_env: own = env } }: RangeSeries): string {
  return JSON.stringify([engine, name, own]);
}

const noHostSeries: HostSeries = { sampled: [], up: [], cpu: [], mem: [], disk: [], load1: [] };

/**
 * The answer of `toHostRangeQuery` as the past of each instance. Jobs are sorted by name, so that
 * the order of the answer has no effect. Other requests are served in between.
 */
export async function toHostHistories(
  range: HistoryRange,
  { series }: Matrix,
  budget: Pick<ReadBudget, "turn">,
): Promise<ReadonlyMap<string, HostHistory>> {
  const byInstance = new Map<string, Map<string, Partial<HostSeries>>>();
  for (const { labels, values } of series) {
    const { m = "", job = "", instance } = labels;
    if (!instance || !(pastMetrics as readonly string[]).includes(m)) continue;
    const jobs = byInstance.get(instance) ?? new Map<string, Partial<HostSeries>>();
    byInstance.set(instance, jobs);
    jobs.set(job, { ...jobs.get(job), [m]: values });
  }
  const histories = new Map<string, HostHistory>();
  for (const [instance, jobs] of byInstance) {
    await budget.turn();
    const sorted = [...jobs].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const all = sorted.map(([, given]) => ({ ...noHostSeries, ...given }));
    histories.set(escapeName(instance), toHostHistory(range, all));
  }
  return histories;
}
