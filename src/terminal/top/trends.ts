import { toMean } from "../../facts/container.ts";
import type { UsageSeriesQuery } from "../../client/client.ts";
import { type QueueRow, type TopData, toQueueId, toRoles } from "./state.ts";

/** Values of a sparkline. */
const trendLength = 60;

type Trends = TopData["trends"];

/** With one more depth of each queue. */
export function addDepths(trends: Trends, rows: readonly QueueRow[]): Trends {
  return addValues(
    trends,
    "depth",
    rows.map((row) => [`depth ${toQueueId(row)}`, row.depth]),
  );
}

/** With one more mean of CPU and memory of each role. */
export function addUsage(trends: Trends, data: TopData): Trends {
  const roles = toRoles(data);
  const withCpu = addValues(
    trends,
    "cpu",
    roles.map(({ id, usage }) => [`cpu ${id}`, usage.cpuPct]),
  );
  return addValues(
    withCpu,
    "mem",
    roles.map(({ id, usage }) => [`mem ${id}`, usage.memPct]),
  );
}

/** Adds a value to each; those of this kind without a new value are removed. */
function addValues(
  trends: Trends,
  kind: string,
  values: readonly (readonly [key: string, value: number | null])[],
): Trends {
  const others = [...trends].filter(([key]) => !key.startsWith(`${kind} `));
  return new Map([
    ...others,
    ...values.map(([key, value]) => [key, [...(trends.get(key) ?? []), value].slice(-trendLength)] as const),
  ]);
}

/** What a sparkline of CPU or memory can show of the time before, if one value stands for 10 s. */
export const seedLength = 24;

/**
 * Puts the means of the time before in front of the collected values. `series` has one value for
 * each container and time.
 */
export function seedUsage(trends: Trends, data: TopData, series: UsageSeriesQuery): Trends {
  const seeded = new Map(trends);
  for (const [kind, points] of [
    ["cpu", series.cpu ?? []],
    ["mem", series.mem ?? []],
  ] as const) {
    for (const { id, containers } of toRoles(data)) {
      const names = new Set(containers.map(({ name, engine }) => JSON.stringify([name, engine])));
      const own = points.filter(({ container, engine }) => names.has(JSON.stringify([container, engine])));
      const means = [...Map.groupBy(own, ({ time }) => time)]
        .toSorted(([one], [other]) => Date.parse(one) - Date.parse(other))
        .map(([, values]) => toMean(values.map(({ value }) => value)));
      const key = `${kind} ${id}`;
      if (means.length > 0) seeded.set(key, [...means, ...(trends.get(key) ?? [])].slice(-trendLength));
    }
  }
  return seeded;
}
