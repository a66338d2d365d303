import { useEffect, useMemo, useState } from "preact/hooks";
import { ConsoleQueueSeriesDocument } from "../../../../generated/console.ts";
import { useLive } from "../../data/live.ts";
import type { QueueRow } from "../../data/queues.ts";
import { groupSamples, useRecent } from "../../data/series.ts";
import type { SparkPoint } from "../graph/spark.tsx";

/**
 * While a list scrolls, its rows change with each frame. They are asked for when they have been in
 * view this long, ms.
 */
const restMs = 250;

/**
 * The waiting jobs of the last hour, by `source/name`, of the rows in view. Those that were in view
 * before stay as they were last.
 */
export function useDepthCourses(inView: readonly QueueRow[]): ReadonlyMap<string, readonly SparkPoint[]> {
  const [names, setNames] = useState<string[]>([]);
  useEffect(() => {
    const next = [...new Set(inView.map(({ name }) => name))].toSorted();
    const timer = setTimeout(() => setNames(next), names.length === 0 ? 0 : restMs);
    return () => clearTimeout(timer);
  }, [inView]);
  const recent = useRecent(60, 60);
  const series = useLive(
    ConsoleQueueSeriesDocument,
    { queues: names, ...recent, maxPoints: 48 },
    { skip: names.length === 0 },
  ).value.data;
  const [seen] = useState(() => new Map<string, readonly SparkPoint[]>());
  return useMemo(() => {
    for (const [key, points] of groupSamples(series?.depth, ({ source, queue }) => `${source}/${queue}`))
      seen.set(key, points);
    return new Map(seen);
  }, [series]);
}
