import { useMemo } from "preact/hooks";
import { ConsoleQueueAroundDocument } from "../../../../generated/console.ts";
import { failureOf, useLive } from "../../data/live.ts";
import { href } from "../../page/url.ts";
import { formatLocalTime } from "../../../../facts/format.ts";
import { Graph } from "../graph/graph.tsx";
import { Empty, FailureNotice } from "../notice.tsx";
import { toShortRelease } from "../../../../lib/short-release.ts";
import type { Verdict } from "./numbers.tsx";

interface AroundProps {
  readonly queue: Verdict["queues"][number];
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly tag: string;
  readonly deployedAt: string;
}

const toText = (atMs: number) => new Date(atMs).toISOString().replace(/\.\d+Z$/, "Z");

/** What a queue did around a deploy: jobs that succeeded and failed, a minute. */
export function QueueAround({ queue, from, to, tag, deployedAt }: AroundProps) {
  const [startMs, endMs] = [Date.parse(from), Date.parse(to)];
  const step = Math.max(10, Math.ceil((endMs - startMs) / 1000 / 120 / 10) * 10);
  const state = useLive(
    ConsoleQueueAroundDocument,
    { name: queue.queue, source: queue.source, from, to: toText(endMs), step },
    { everyMs: 15_000 },
  ).value;
  const history = state.data?.queue?.history;
  const { times, succeeded, failed } = useMemo(() => {
    const points = history?.points ?? [];
    const perMinute = 60 / step;
    return {
      times: points.map(({ time }) => Date.parse(time)),
      succeeded: points.map(({ processedPerSec }) => (processedPerSec === null ? null : processedPerSec * 60)),
      failed: points.map(({ failures }) => (failures === null ? null : failures * perMinute)),
    };
  }, [history]);
  const failure = failureOf(state, "queue");
  if (failure) return <FailureNotice failure={failure} what={`History of ${queue.queue}`} />;
  if (state.data && !history) return <Empty>The queue {queue.queue} no longer exists.</Empty>;
  return (
    <>
      <p class="graph-title">
        <a class="link isolate" href={href("/queue", { name: queue.queue, source: queue.source })}>
          {queue.queue}
        </a>{" "}
        <span class="muted">
          jobs a minute
          {history?.sampled && ", ~ from samples"}
          {history?.since && `, known since ${formatLocalTime(history.since)}`}
        </span>
      </p>
      <Graph
        times={times}
        series={[
          { label: "succeeded", values: succeeded, tone: "accent" },
          { label: "failed", values: failed, tone: "warn" },
        ]}
        format={(value) => (value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1))}
        label={`Jobs of ${queue.queue} that succeeded and failed a minute, around the deploy`}
        marks={[{ at: Date.parse(deployedAt), label: toShortRelease(tag) }]}
      />
    </>
  );
}
