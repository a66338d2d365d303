import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import { ConsoleContainerSeriesDocument } from "../../../../generated/console.ts";
import type { ContainerRow } from "../../data/containers.ts";
import { useLive } from "../../data/live.ts";
import { groupSamples, useRecent } from "../../data/series.ts";
import type { SparkPoint } from "../graph/spark.tsx";

/** How long the rows must be in view before they are asked for, ms. */
const restMs = 150;

/** How many series are remembered, so that rows which scroll back show theirs at once. */
const mostKnown = 2000;

interface Courses {
  readonly cpu: ReadonlyMap<string, readonly SparkPoint[]>;
  readonly mem: ReadonlyMap<string, readonly SparkPoint[]>;
}

export function toCourseKey({ engine, name }: Pick<ContainerRow, "engine" | "name">): string {
  return `${engine}/${name}`;
}

/** CPU and memory of the last 10 minutes, of the rows that `onView` was last given. */
export function useCoursesInView(): {
  readonly courses: Courses;
  readonly onView: (rows: readonly ContainerRow[]) => void;
} {
  const [names, setNames] = useState<string[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const known = useRef<Courses>({ cpu: new Map(), mem: new Map() });
  const onView = useCallback((rows: readonly ContainerRow[]) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setNames([...new Set(rows.map(({ name }) => name))].toSorted()), restMs);
  }, []);
  const { data } = useLive(
    ConsoleContainerSeriesDocument,
    { containers: names, roles: null, env: null, ...useRecent(10, 30), maxPoints: 24 },
    { skip: names.length === 0 },
  ).value;
  const courses = useMemo(() => {
    const toKey = ({ engine, container: name }: { engine: string; container: string }) => toCourseKey({ engine, name });
    const { cpu, mem } = known.current;
    known.current = {
      cpu: merge(cpu, groupSamples(data?.cpu, toKey)),
      mem: merge(mem, groupSamples(data?.mem, toKey)),
    };
    return known.current;
  }, [data]);
  return { courses, onView };
}

function merge<Value>(old: ReadonlyMap<string, Value>, fresh: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
  return old.size > mostKnown ? fresh : new Map([...old, ...fresh]);
}
