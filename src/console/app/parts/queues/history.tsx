import { useMemo } from "preact/hooks";
import {
  ConsoleDeployMarksDocument,
  ConsoleQueueHistoryDocument,
  type ConsoleQueueHistoryQuery,
} from "../../../../generated/console.ts";
import { failureOf, useLive } from "../../data/live.ts";
import { useRecent } from "../../data/series.ts";
import { formatNumber, formatDuration, formatRate } from "../../../../facts/format.ts";
import { Graph, type GraphMark, type Series } from "../graph/graph.tsx";
import { RangeChips, readRange } from "../graph/range.tsx";
import { FailureNotice } from "../notice.tsx";
import { toShortRelease } from "../../../../lib/short-release.ts";
import { Clock } from "../time.tsx";

type History = NonNullable<NonNullable<ConsoleQueueHistoryQuery["queue"]>["history"]>;
type Point = History["points"][number];

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly format: (value: number) => string;
  /** As Graph has it. */
  readonly isSparse?: boolean;
  readonly series: readonly (Pick<Series, "label" | "tone"> & { readonly value: (point: Point) => number | null })[];
}

const panels: readonly Panel[] = [
  {
    title: "Waiting jobs",
    description:
      "Jobs that were due at that time and had not started. If the job system does not record starts: jobs that had not ended",
    format: toWhole,
    series: [{ label: "waiting", tone: "accent", value: ({ depth }) => depth }],
  },
  {
    title: "Age of the oldest",
    description: "How long the oldest waiting job had been waiting at that time. A gap means that none was waiting",
    isSparse: true,
    format: formatDuration,
    series: [{ label: "oldest", tone: "warn", value: ({ oldestAgeSeconds }) => oldestAgeSeconds }],
  },
  {
    title: "Succeeded per second",
    description: "Successes per second in each step",
    format: formatRate,
    series: [{ label: "succeeded", tone: "ok", value: ({ processedPerSec }) => processedPerSec }],
  },
  {
    title: "Failures",
    description: "Failures in each step: attempts if the system records them, otherwise jobs that ended as failed",
    format: toWhole,
    series: [{ label: "failed", tone: "warn", value: ({ failures }) => failures }],
  },
  {
    title: "Wait",
    description:
      "Waiting time of jobs that started in each step: median and 95th percentile. A gap means that none started",
    isSparse: true,
    format: formatDuration,
    series: [
      { label: "p50", tone: "muted", value: ({ waitP50Seconds }) => waitP50Seconds },
      { label: "p95", tone: "accent", value: ({ waitP95Seconds }) => waitP95Seconds },
    ],
  },
  {
    title: "Running time",
    description: "Running time of jobs that succeeded in each step: 95th percentile. A gap means that none succeeded",
    isSparse: true,
    format: formatDuration,
    series: [{ label: "p95", tone: "accent", value: ({ runP95Seconds }) => runP95Seconds }],
  },
];

interface QueueHistoryProps {
  readonly name: string;
  readonly source: string | null;
  /** Environment of its source: only its deploys are marked. */
  readonly env: "STAGING" | "PRODUCTION" | null;
  /** The services that work on it: only their deploys are marked; null when unknown. */
  readonly owners: readonly { readonly service: string | null }[] | null;
  /** Called with a moment that was clicked, RFC 3339. */
  readonly onPick?: (at: string) => void;
}

/** Axes of counts have marks between whole numbers: those stay empty. */
function toWhole(value: number): string {
  return Number.isInteger(value) ? formatNumber(value) : "";
}

/** Deploys that follow each other closely share a label: that of the last one. */
function toMarks(
  deploys: readonly { readonly deployedAt: string; readonly tag: string }[],
  rangeMs: number,
): readonly GraphMark[] {
  const marks = deploys
    .map(({ deployedAt, tag }) => ({ at: Date.parse(deployedAt), label: toShortRelease(tag) }))
    .toSorted((one, other) => one.at - other.at);
  return marks.map(({ at, label }, index) => {
    const next = marks[index + 1];
    return { at, label: next && next.at - at < rangeMs / 4 ? "" : label };
  });
}

/** The course of a queue over the range of the URL, with a line for each deploy. */
export function QueueHistory({ name, source, env, owners, onPick }: QueueHistoryProps) {
  const range = readRange();
  // The question moves on with the range: a longer history costs its database more.
  const recent = useRecent(range.minutes, range.minutes < 360 ? 30 : range.minutes < 1440 ? 60 : 300);
  const state = useLive(ConsoleQueueHistoryDocument, { name, source, ...recent }).value;
  const deploys = useLive(ConsoleDeployMarksDocument, { env, ...recent }).value;
  const history = state.data?.queue?.history ?? null;
  const times = useMemo(() => history?.points.map(({ time }) => Date.parse(time)) ?? [], [history]);
  const marks = useMemo(() => {
    const nodes = deploys.data?.deploys?.nodes ?? [];
    return toMarks(
      nodes.filter(({ service }) => service === null || (owners?.some((one) => one.service === service) ?? true)),
      range.minutes * 60_000,
    );
  }, [deploys.data, owners, range]);
  return (
    <section class="section">
      <header>
        <h2>History</h2>
        <HistoryNotes history={history} />
        <RangeChips />
      </header>
      <FailureNotice failure={failureOf(state, "queue")} what="History" />
      {!failureOf(state, "queue") && (
        <div class={`graphs ${state.isOld ? "stale" : ""}`}>
          {panels.map((panel) => (
            <PanelGraph
              key={panel.title}
              panel={panel}
              history={history}
              times={times}
              marks={marks}
              range={range.label}
              {...(onPick && { onPick })}
            />
          ))}
        </div>
      )}
    </section>
  );
}

function HistoryNotes({ history }: { readonly history: History | null }) {
  if (!history) return null;
  return (
    <span class="muted">
      {history.sampled
        ? "sampled while the gateway was in use"
        : history.exact
          ? ""
          : "from the jobs’ rows; earlier attempts are missing, or their times name no zone"}
      {history.since && (
        <>
          {history.sampled || !history.exact ? ", " : ""}known since <Clock at={history.since} />
        </>
      )}
    </span>
  );
}

interface PanelGraphProps {
  readonly panel: Panel;
  readonly history: History | null;
  readonly times: readonly number[];
  readonly marks: readonly GraphMark[];
  readonly range: string;
  readonly onPick?: (at: string) => void;
}

function PanelGraph({ panel, history, times, marks, range, onPick }: PanelGraphProps) {
  const series = useMemo(
    () =>
      panel.series.map(({ label, tone, value }) => ({
        label,
        ...(tone && { tone }),
        values: history?.points.map(value) ?? [],
      })),
    [history],
  );
  const isKnown = series.some(({ values }) => values.some((value) => value !== null));
  return (
    <figure>
      <figcaption title={onPick ? `${panel.description}. Click to open the log at that moment` : panel.description}>
        {panel.title}
      </figcaption>
      {history === null ? (
        <div class="graph-none skeleton" role="status" aria-label="loading" />
      ) : isKnown ? (
        <Graph
          times={times}
          series={series}
          marks={marks}
          knownSince={history.since === null ? null : Date.parse(history.since)}
          {...(onPick && { onPick: (at: number) => onPick(new Date(at).toISOString()) })}
          format={panel.format}
          isSparse={panel.isSparse ?? false}
          height={128}
          label={`${panel.title}, the last ${range}`}
        />
      ) : (
        <p class="graph-none">No data in this range: the source does not record it, or there were no jobs.</p>
      )}
    </figure>
  );
}
