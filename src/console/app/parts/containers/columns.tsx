import { toKey, containerNumbers, toShortName } from "../../../../facts/container.ts";
import { useMemo } from "preact/hooks";
import type { ContainerRow } from "../../data/containers.ts";
import { href } from "../../page/url.ts";
import type { Usage } from "../../data/usage.ts";
import { formatEnum, formatNumber, formatPercent } from "../../../../facts/format.ts";
import type { Column } from "../list.tsx";
import { Release } from "../release.tsx";
import { Spark, type SparkPoint } from "../graph/spark.tsx";
import { State } from "../state.tsx";
import { Since } from "../time.tsx";
import { toCourseKey } from "./in-view.ts";
import type { Troubles } from "../../../../facts/trouble.ts";
import { toSeenState } from "./troubles.ts";

export function toContainerHref({ name, engine }: Pick<ContainerRow, "name" | "engine">): string {
  return href("/container", { name, engine });
}

interface Numbers {
  /** What they take now, by id. */
  readonly usage: ReadonlyMap<string, Usage>;
  /** The last 10 minutes, by engine and name. */
  readonly cpu: ReadonlyMap<string, readonly SparkPoint[]>;
  readonly mem: ReadonlyMap<string, readonly SparkPoint[]>;
  readonly troubles: Troubles;
}

/** The columns of a list of containers. */
export function toColumns({ usage, cpu, mem, troubles }: Numbers): readonly Column<ContainerRow>[] {
  const numberOf = (row: ContainerRow, key: "cpuPct" | "memPct") => {
    const now = usage.get(toKey(row));
    // Without a current number, the last one of the series is at most 30 s old.
    return now
      ? now[key]
      : (key === "cpuPct" ? cpu : mem).get(toCourseKey(row))?.findLast(({ value }) => value !== null)?.value;
  };
  return [
    {
      name: "state",
      width: "136px",
      title: "The problem if it has one, otherwise its state and health from its engine",
      sortBy: (row) => toSeenState(row, troubles).word,
      cell: (row) => <StateCell {...toSeenState(row, troubles)} />,
    },
    {
      name: "name",
      width: "minmax(0, 1.4fr)",
      title: "Name without service and release (hover for the full name), and the host name inside the container",
      sortBy: ({ name }) => name,
      cell: NameCell,
    },
    {
      name: "role",
      width: "minmax(0, 88px)",
      isWideOnly: "desktop",
      sortBy: ({ role }) => role,
      cell: ({ role }) => role,
    },
    {
      name: "engine",
      width: "minmax(0, 88px)",
      isWideOnly: true,
      title: "The Docker or Podman daemon that runs it",
      sortBy: ({ engine }) => engine,
      cell: ({ engine, env, destination }) => (
        <span
          class="isolate"
          title={[engine, destination ?? (env ? formatEnum(env) : null)].filter(Boolean).join(", ")}
        >
          {engine}
        </span>
      ),
    },
    {
      name: "release",
      width: "minmax(0, 1fr)",
      isWideOnly: true,
      title: "KAMAL_VERSION, the image's version label or its tag",
      sortBy: ({ version }) => version,
      cell: ({ version }) => <Release version={version} />,
    },
    {
      name: "since",
      width: "80px",
      isNumber: true,
      title: "Time in this state, or since its engine last answered",
      sortBy: (row) => {
        const { since } = toSeenState(row, troubles);
        return since ? -new Date(since).getTime() : null;
      },
      cell: (row) => (
        <span class={toAgeClass(row.stale)}>
          <Since at={toSeenState(row, troubles).since} />
        </span>
      ),
    },
    {
      name: "restarts",
      width: "64px",
      isNumber: true,
      isWideOnly: true,
      title: containerNumbers.restarts.about,
      sortBy: ({ restarts }) => restarts,
      cell: ({ restarts, stale }) => (
        <span class={stale ? "stale" : restarts ? "strong" : "muted"}>{formatNumber(restarts)}</span>
      ),
    },
    {
      name: "CPU",
      width: "152px",
      isWideOnly: "desktop",
      isNumber: true,
      title: `${containerNumbers.cpuPct.about} The line: the last 10 minutes.`,
      sortBy: (row) => numberOf(row, "cpuPct"),
      cell: (row) => (
        <Course
          value={numberOf(row, "cpuPct")}
          points={cpu.get(toCourseKey(row)) ?? none}
          isStale={row.stale}
          label="CPU"
        />
      ),
    },
    {
      name: "memory",
      width: "152px",
      isWideOnly: "desktop",
      isNumber: true,
      title: `${containerNumbers.memPct.about} The line: the last 10 minutes.`,
      sortBy: (row) => numberOf(row, "memPct"),
      cell: (row) => (
        <Course
          value={numberOf(row, "memPct")}
          points={mem.get(toCourseKey(row)) ?? none}
          isStale={row.stale}
          max={100}
          label="Memory"
        />
      ),
    },
  ];
}

const none: readonly SparkPoint[] = [];

/** The last report of a silent engine is not current. */
function toAgeClass(isStale: boolean): string {
  return isStale ? "stale" : "";
}

/** A container's state, with all details on hover. */
export function StateCell({ tone, word, title }: ReturnType<typeof toSeenState>) {
  return (
    <State tone={tone} title={title}>
      {word}
    </State>
  );
}

function NameCell(row: ContainerRow) {
  const { name, host, stale } = row;
  return (
    <span class={toAgeClass(stale)}>
      <a data-row-link class="isolate" href={toContainerHref(row)} title={name}>
        {toShortName(row)}
      </a>
      {host !== name && <span class="muted isolate wide-only"> {host}</span>}
    </span>
  );
}

interface CourseProps {
  readonly value: number | null | undefined;
  readonly points: readonly SparkPoint[];
  readonly max?: number;
  readonly isStale: boolean;
  readonly label: string;
}

/** Drawn again only for other points or another number. */
function Course({ value, points, max, isStale, label }: CourseProps) {
  return useMemo(
    () => (
      <span class="with-spark">
        <Spark points={points} label={`${label} in 10 minutes`} {...(max === undefined ? {} : { max })} />
        <span class={`course-number ${toAgeClass(isStale)}`}>{formatPercent(value)}</span>
      </span>
    ),
    [value, points, isStale],
  );
}
