import {
  formatQueueNumber,
  type QueueNumberName,
  queueNumbers,
  toQueueNumberTone,
  summarizeQueues,
  toQueueTone,
} from "../../../facts/queue.ts";
import { describeSourceEffect, isSourceDown, toSourceTone } from "../../../facts/source.ts";
import { useMemo, useRef, useState } from "preact/hooks";
import {
  ConsoleQueueOwnersDocument,
  ConsoleQueuesDocument,
  type ConsoleQueuesQuery,
} from "../../../generated/console.ts";
import { failureOf, oldFromOf, useLive } from "../data/live.ts";
import { type QueueRow, sortByTrouble } from "../data/queues.ts";
import { now } from "../page/clock.ts";
import { href, params, setParams } from "../page/url.ts";
import { formatNumber, formatDuration, formatEnum } from "../../../facts/format.ts";
import { type Column, List } from "../parts/list.tsx";
import { Banner, Empty, FailureNotice, Skeleton } from "../parts/notice.tsx";
import { useDepthCourses } from "../parts/queues/courses.ts";
import { describeOwners } from "../../../queues/owners.ts";
import { toQueueReason } from "../../../queues/reason.ts";
import { Spark } from "../parts/graph/spark.tsx";
import { State } from "../parts/state.tsx";

/** Every queue of every source, what is wrong first. */
export function Queues() {
  const state = useLive(ConsoleQueuesDocument, {}, { everyMs: 2000 }).value;
  const [inView, setInView] = useState<readonly QueueRow[]>([]);
  const courses = useDepthCourses(inView);
  const ownerOf = useOwners();
  const { data, silent } = useLastRows(state.data);
  const failure = failureOf(state, "queues");
  const oldFrom = oldFromOf(state, "queues");
  const isOld = oldFrom !== null;
  const rows = useMemo(() => sortByTrouble(data), [data, params.value]);
  const asked = params.value.get("q") ?? "";
  const shown = useMemo(() => rows?.filter((row) => matches(row, ownerOf(row), asked)) ?? [], [rows, ownerOf, asked]);
  const columns = useMemo(
    () => dimSilent(toColumns(courses, ownerOf), ({ source }) => isOld || silent.split("\n").includes(source)),
    [courses, ownerOf, isOld, silent],
  );
  const sources = state.data?.queueSources ?? [];
  // The sources below say the same, each with its own cause.
  const isNamed =
    failure !== undefined && sources.some(({ error }) => error !== null && failure.message.includes(error.message));
  return (
    <>
      <div class="heading">
        <h1>Queues</h1>
        {rows && <span class="muted">{summarizeQueues(rows)}</span>}
      </div>
      {!isNamed && <FailureNotice failure={failure} what="Queues" />}
      {oldFrom !== null && <OldBanner at={oldFrom} />}
      <SourceBanners sources={sources} />
      <div class="filters">
        <input
          class="input"
          type="search"
          data-search
          placeholder="Filter: name, source, service, state"
          aria-label="Filter queues"
          value={asked}
          onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
        />
        {asked && rows && (
          <span class="muted" role="status">
            {formatNumber(shown.length)} of {formatNumber(rows.length)}
          </span>
        )}
      </div>
      {rows === null ? (
        failure ? null : (
          <Skeleton rows={8} />
        )
      ) : shown.length === 0 ? (
        <NoQueues rows={rows} asked={asked} data={state.data} />
      ) : (
        <List
          rows={shown}
          columns={columns}
          rowKey={({ id }) => id}
          rowHref={toHref}
          label="Queues worst first"
          onView={setInView}
        />
      )}
    </>
  );
}

function toHref({ name, source }: QueueRow): string {
  return href("/queue", { name, source });
}

/**
 * The owner of a queue if queues belong to several services; "" if all belong to one, or before
 * that is known.
 */
function useOwners(): (row: QueueRow) => string {
  const { data } = useLive(ConsoleQueueOwnersDocument, {}, { everyMs: 30_000 }).value;
  return useMemo(() => {
    const owners = new Map(data?.queues?.map(({ id, owners: own }) => [id, describeOwners(own)]));
    const areSeveral = new Set(owners.values()).size > 1;
    return ({ id }: QueueRow) => (areSeveral && owners.get(id)) || "";
  }, [data]);
}

function matches(row: QueueRow, owner: string, asked: string): boolean {
  const text = `${row.name} ${row.source} ${owner} ${formatEnum(row.state)}`.toLowerCase();
  return asked
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

type Source = NonNullable<ConsoleQueuesQuery["queueSources"]>[number];

/**
 * The answer, with the last rows of sources that do not answer now; `silent` names those, one a
 * line.
 */
function useLastRows(data: ConsoleQueuesQuery | undefined): {
  readonly data: ConsoleQueuesQuery | undefined;
  readonly silent: string;
} {
  const last = useRef<readonly QueueRow[]>([]);
  return useMemo(() => {
    if (!data?.queues) return { data, silent: "" };
    const down = new Set((data.queueSources ?? []).filter((source) => isSourceDown(source)).map(({ name }) => name));
    for (const { source } of data.queues) down.delete(source);
    const missing = last.current.filter(({ source }) => down.has(source));
    last.current = [...data.queues, ...missing];
    return { data: { ...data, queues: [...last.current] }, silent: [...down].join("\n") };
  }, [data]);
}

/** A part of its own: it is drawn again each second. */
function OldBanner({ at }: { readonly at: number }) {
  return (
    <Banner tone="warn">
      These numbers are {formatDuration(Math.max(0, Math.floor((now.value - at) / 1000)))} old.
    </Banner>
  );
}

/** Rows that are not current are dimmed, and their state says so. */
function dimSilent(
  columns: readonly Column<QueueRow>[],
  isSilent: (row: QueueRow) => boolean,
): readonly Column<QueueRow>[] {
  return columns.map((column) => ({
    ...column,
    cell: (row) => {
      if (!isSilent(row)) return column.cell(row);
      const content =
        column.name === "state" ? <State tone="neutral">was {formatEnum(row.state)}</State> : column.cell(row);
      return (
        <span class="stale" style={{ display: "contents" }}>
          {content}
        </span>
      );
    },
  }));
}

/** Sources that cannot be read, with one line for each cause: they may all be in one database. */
function SourceBanners({ sources }: { readonly sources: readonly Source[] }) {
  const env = params.value.get("env");
  const failed = sources.filter((source) => source.error !== null && (!env || source.env === env));
  const causes = Object.values(
    Object.groupBy(failed, ({ error, numbersOk }) => `${numbersOk} ${error?.code} ${error?.message}`),
  );
  return (
    <>
      {causes.map((group = []) => {
        const [first] = group;
        if (!first?.error) return null;
        const { code, message } = first.error;
        return (
          <Banner key={`${first.numbersOk} ${code} ${message}`} tone={toSourceTone(first)}>
            <span class="isolate">{group.map(({ name, kind }) => `${name} (${kind})`).join(", ")}</span>: {message}.{" "}
            {describeSourceEffect(first, group.length > 1)} <code class="muted">{code}</code>
          </Banner>
        );
      })}
    </>
  );
}

function NoQueues({
  rows,
  asked,
  data,
}: {
  readonly rows: readonly QueueRow[];
  readonly asked: string;
  readonly data: ConsoleQueuesQuery | undefined;
}) {
  const env = params.value.get("env")?.toLowerCase();
  if (rows.length > 0)
    return (
      <Empty>
        None of the {formatNumber(rows.length)} queues matches “<span class="isolate">{asked}</span>”.
      </Empty>
    );
  const sources = data?.queueSources ?? [];
  const elsewhere = data?.queues?.length ?? 0;
  if (elsewhere > 0)
    return (
      <Empty>
        No queues in {env}; the {formatNumber(elsewhere)} known queues belong to another environment.
      </Empty>
    );
  if (sources.length === 0)
    return (
      <Empty>
        No job system found. Set WALLET_CORE_OPS_DATABASE_URL or WALLET_CORE_OPS_QUEUES_FILE (docs/queues.md).
      </Empty>
    );
  if (sources.every(({ error }) => error !== null))
    return <Empty>Unknown whether jobs are waiting: no source can be read.</Empty>;
  return <Empty>{sources.map(({ name, kind }) => `${name} (${kind})`).join(", ")}: no jobs in any queue.</Empty>;
}

function toColumns(
  courses: ReturnType<typeof useDepthCourses>,
  ownerOf: (row: QueueRow) => string,
): readonly Column<QueueRow>[] {
  return [
    {
      name: "queue",
      width: "minmax(0, 1.1fr)",
      sortBy: ({ name }) => name,
      cell: (row) => (
        <>
          <a
            data-row-link
            class="isolate"
            href={toHref(row)}
            title={[`${row.name} of ${row.source}`, ownerOf(row)].filter(Boolean).join(", ")}
          >
            {row.name}
          </a>
          {row.source !== row.name && <span class="muted isolate wide-only"> {row.source}</span>}
          {ownerOf(row) && (
            <span class="muted isolate wide-only" title="The service whose workers run its jobs">
              {" · "}
              {ownerOf(row)}
            </span>
          )}
        </>
      ),
    },
    {
      name: "state",
      width: "var(--state-track)",
      cell: (row) => {
        const tone = toQueueTone(row.state);
        const reason = toQueueReason(row);
        return (
          <span class="with-reason" title={`${formatEnum(row.state)}: ${reason}`}>
            <State tone={tone}>{formatEnum(row.state)}</State>
            {tone !== "ok" && <span class="muted cut wide-only">{reason}</span>}
          </span>
        );
      },
    },
    number("depth", "64px", false),
    number("oldestAgeSeconds", "72px"),
    number("processedPerSec", "60px"),
    number("failuresLastHour", "64px"),
    number("drainSeconds", "64px", "desktop"),
    number("workers", "60px", "desktop"),
    number("waitP95Seconds", "64px", "desktop"),
    {
      name: "waiting, 1 h",
      width: "96px",
      isWideOnly: "desktop",
      title: "Waiting jobs over the last hour",
      cell: (row) => {
        const tone = toQueueTone(row.state);
        return (
          <Spark
            points={courses.get(`${row.source}/${row.name}`) ?? []}
            tone={tone}
            label={`Waiting jobs of ${row.name} in the last hour`}
          />
        );
      },
    },
  ];
}

type Shown = Extract<QueueNumberName, keyof QueueRow>;

function number(name: Shown, width: string, isWideOnly: Column<QueueRow>["isWideOnly"] = true): Column<QueueRow> {
  const { label, about } = queueNumbers[name];
  return {
    name: label,
    width,
    title: about,
    isNumber: true,
    isWideOnly,
    sortBy: (row) => row[name],
    cell: (row) => {
      const tone = toQueueNumberTone(name, row);
      return <span class={tone === "neutral" ? "" : tone}>{formatQueueNumber(name, row)}</span>;
    },
  };
}
