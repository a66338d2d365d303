import { containerNumbers } from "../../../../facts/container.ts";
import { useMemo } from "preact/hooks";
import { ConsoleContainerHistoryDocument, type DeployRowFragment } from "../../../../generated/console.ts";
import { failureOf, useLive } from "../../data/live.ts";
import { useRecent } from "../../data/series.ts";
import { go, href } from "../../page/url.ts";
import { formatPercent } from "../../../../facts/format.ts";
import { Graph, type GraphMark } from "../graph/graph.tsx";
import { RangeChips, readRange } from "../graph/range.tsx";
import { Empty, FailureNotice } from "../notice.tsx";
import { toShortRelease } from "../../../../lib/short-release.ts";
import { Since } from "../time.tsx";
import type { StoryEntry } from "./story.ts";

/** Ends and restarts of a container that loops would cover the graph. */
const mostMarks = 40;

interface GraphsProps {
  readonly name: string;
  readonly engine: string;
  /** Of its service and destination. */
  readonly deploys: readonly DeployRowFragment[];
  /** Newest first. */
  readonly story: readonly StoryEntry[];
}

/** CPU, memory and restarts of a container over the range in the URL. */
export function Graphs({ name, engine, deploys, story }: GraphsProps) {
  const { minutes } = readRange();
  // A point moves on at most as often as there is a new one.
  const { from, to } = useRecent(minutes, Math.max(5, Math.ceil((minutes * 60) / 240 / 5) * 5));
  const state = useLive(ConsoleContainerHistoryDocument, { name, engine, from, to }).value;
  const history = state.data?.container?.history;
  const course = useMemo(() => {
    const points = history?.points ?? [];
    const restarts = points.map((point) => point.restarts);
    const known = restarts.filter((value) => value !== null);
    return {
      times: points.map(({ time }) => Date.parse(time)),
      cpu: [{ label: "CPU", values: points.map(({ cpuPct }) => cpuPct) }],
      mem: [{ label: "memory", values: points.map(({ memPct }) => memPct) }],
      restarts: [{ label: "restarts", values: restarts, tone: "warn" as const }],
      hasRestarts: known.length > 1 && Math.max(...known) > Math.min(...known),
      isKnown: points.some(({ cpuPct, memPct }) => cpuPct !== null || memPct !== null),
    };
  }, [history]);
  const marks = useMemo(() => toMarks(deploys, story), [deploys, story]);
  const since = history?.since ? Date.parse(history.since) : null;
  const pick = (at: number) => go(href("/logs", { name, engine, at: new Date(at).toISOString() }));
  const shared = { times: course.times, marks, knownSince: since, onPick: pick };
  return (
    <section class="section">
      <header>
        <h2>CPU and memory</h2>
        <span class="muted wide-only">click to open the log at that time</span>
        <RangeChips least={10} />
      </header>
      <FailureNotice failure={failureOf(state, "container")} what="History" />
      <div class={`courses ${state.isOld ? "stale" : ""}`}>
        <figure>
          <figcaption title={containerNumbers.cpuPct.about}>CPU (100 % is one CPU)</figcaption>
          <Graph
            {...shared}
            series={course.cpu}
            max={10}
            format={formatPercent}
            label={`CPU of ${name} in ${minutes} minutes`}
          />
        </figure>
        <figure>
          <figcaption title={containerNumbers.memPct.about}>Memory (100 % is its limit)</figcaption>
          <Graph
            {...shared}
            series={course.mem}
            max={100}
            format={formatPercent}
            label={`Memory of ${name} in ${minutes} minutes`}
          />
        </figure>
        {course.hasRestarts && (
          <figure>
            <figcaption title={containerNumbers.restarts.about}>Restarts</figcaption>
            <Graph {...shared} series={course.restarts} format={toWhole} height={120} label={`Restarts of ${name}`} />
          </figure>
        )}
      </div>
      {history && (
        <p class="muted">
          {since !== null && course.isKnown && (
            <>
              Known for <Since at={since} />; hatched parts are unknown, not 0.{" "}
            </>
          )}
          {history.source === "MEMORY"
            ? "From the gateway's own samples. It keeps sampling for 10 minutes after the last visit."
            : "From Prometheus."}
          {history.problem && ` Prometheus does not answer: ${history.problem.message}.`}
        </p>
      )}
      {history && !course.isKnown && !state.isOld && <Empty>No data for this range yet; sampling starts now.</Empty>}
    </section>
  );
}

function toWhole(value: number): string {
  return Number.isInteger(value) ? String(value) : "";
}

function toMarks(deploys: readonly DeployRowFragment[], story: readonly StoryEntry[]): readonly GraphMark[] {
  const ends = story
    .filter(
      ({ kind, requested }) => kind === "RESTART" || kind === "OOM_KILL" || (kind === "CONTAINER_DEATH" && !requested),
    )
    .slice(0, mostMarks)
    .map(({ kind, time }): GraphMark =>
      kind === "RESTART"
        ? { at: Date.parse(time), label: "", tone: "muted" }
        : { at: Date.parse(time), label: "", tone: "bad" },
    );
  return [
    ...ends,
    ...deploys.map(({ deployedAt, tag }): GraphMark => ({ at: Date.parse(deployedAt), label: toShortRelease(tag) })),
  ];
}
