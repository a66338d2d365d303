import type { ReadBudget } from "../../budget/budget.ts";
import {
  type ContainerHistory,
  type ContainerName,
  type ContainerSeries,
  hasPoints,
  toContainerHistory,
} from "../../domain/container-history.ts";
import type { HistoryRange } from "../../domain/queue-history.ts";
import type { Matrix, RangeSeries } from "./matrix.ts";
import { joinExpressions, rounded, toMatchers } from "./query.ts";

/** What our own /metrics calls them (src/metrics/containers.ts): nothing is configured, these series are there or they are not. */
const names = {
  cpu: "ops_container_cpu_percent",
  mem: "ops_container_memory_percent",
  restarts: "ops_container_restarts_total",
} as const;
type PastMetric = keyof typeof names | "sampled";

/**
 * What tells containers apart. A label that a scrape config sets itself moves ours to `exported_env`. Several gateways may tell of one container, and
 * each release has labels of its own: the largest value stands for them.
 */
const identity = "max by (engine, name, env, exported_env)";

/** All series of these containers, in one range query. `sampled` is when it was scraped: `up` is there as long as the container is. */
export function toContainerRangeQuery(containers: readonly string[]): string {
  const matchers = `{${toMatchers("name", containers).join(",")}}`;
  return joinExpressions([
    ["sampled", `${identity} (timestamp(ops_container_up${matchers}))`],
    ...Object.entries(names).map(([metric, name]) => [metric, rounded(`${identity} (${name}${matchers})`, 2)] as const),
  ]);
}

/** In the order of the containers; null for one without a series. Others are served in between. Another environment's container of the same name is another one. */
export async function toContainerHistories(
  range: HistoryRange,
  containers: readonly ContainerName[],
  { series }: Matrix,
  budget: Pick<ReadBudget, "turn">,
): Promise<(ContainerHistory | null)[]> {
  const byIdentity = new Map<string, Partial<Record<PastMetric, readonly number[]>>>();
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
    const history = found ? toContainerHistory("prometheus", range, toSeries(found)) : null;
    histories.push(history && hasPoints(history) ? history : null);
  }
  return histories;
}

function toKey({ labels: { engine = "", name = "", env = "", exported_env: own = env } }: RangeSeries): string {
  return JSON.stringify([engine, name, own]);
}

function toSeries({
  sampled = [],
  cpu = [],
  mem = [],
  restarts = [],
}: Partial<Record<PastMetric, readonly number[]>>): ContainerSeries {
  return { sampled, cpu, mem, restarts };
}
