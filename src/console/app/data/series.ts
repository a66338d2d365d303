import { useComputed } from "@preact/signals";
import type { SparkPoint } from "../parts/graph/spark.tsx";
import { now } from "../page/clock.ts";

interface Sample {
  readonly time: string;
  readonly value: number | null;
}

/**
 * The last `minutes` as variables of a query. They move on once every `stepSeconds`, so that pages
 * which send the same query share its answer.
 */
export function useRecent(minutes: number, stepSeconds: number): { readonly from: string; readonly to: string } {
  const end = useComputed(() => Math.floor(now.value / 1000 / stepSeconds) * stepSeconds).value;
  const toText = (seconds: number) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
  return { from: toText(end - minutes * 60), to: toText(end) };
}

/** Samples as the points of each subject. */
export function groupSamples<Row extends Sample>(
  rows: readonly Row[] | null | undefined,
  toKey: (row: Row) => string,
): ReadonlyMap<string, readonly SparkPoint[]> {
  const groups = new Map<string, SparkPoint[]>();
  for (const row of rows ?? []) {
    const key = toKey(row);
    const points = groups.get(key) ?? [];
    if (points.length === 0) groups.set(key, points);
    points.push({ at: Date.parse(row.time), value: row.value });
  }
  return groups;
}

/** The mean of several series at each time, of those that are known then. */
export function averagePoints(courses: readonly (readonly SparkPoint[])[]): readonly SparkPoint[] {
  const sums = new Map<number, { sum: number; known: number }>();
  for (const { at, value } of courses.flat()) {
    const entry = sums.get(at) ?? { sum: 0, known: 0 };
    if (value !== null) [entry.sum, entry.known] = [entry.sum + value, entry.known + 1];
    sums.set(at, entry);
  }
  return [...sums]
    .toSorted(([one], [other]) => one - other)
    .map(([at, { sum, known }]) => ({ at, value: known === 0 ? null : sum / known }));
}
