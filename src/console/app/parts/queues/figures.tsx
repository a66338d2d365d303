import type { ComponentChildren } from "preact";
import { type Tone, toTroubleTone } from "../../../../facts/tone.ts";
import type { ConsoleQueueQuery } from "../../../../generated/console.ts";
import { formatNumber, formatDuration, formatRate } from "../../../../facts/format.ts";

/** What each number of a queue is, as the schema describes it. */
export const titles = {
  depth: "Runnable jobs: waiting and due, not running, not deferred",
  oldestAgeSeconds: "How long the oldest runnable job has been waiting",
  active: "Jobs that a worker is running now; unknown where the system does not record it",
  processedPerSec: "Successful completions a second, averaged over the last 5 minutes",
  failuresLastHour:
    "Failed attempts in the last 60 minutes. Where the system does not record attempts, jobs that ended failed",
  drainSeconds:
    "Time to clear the waiting jobs at the current rate; unknown when they would never clear, or the rate is unknown",
  workers: "Workers that take jobs from it now; unknown where the system does not know them",
  retrying: "Jobs that failed and wait for another attempt, due or not",
  deferred: "Jobs scheduled for a later time that have not failed",
  dead: "Jobs that failed for good and are still stored",
  orphans: "Running jobs whose worker is in no live container, or restarted since",
  waitP50Seconds: "Median time from when a job could run to its start, over jobs that succeeded in the last 5 minutes",
  waitP95Seconds:
    "95th percentile of the time from when a job could run to its start, over jobs that succeeded in the last 5 minutes",
  runP50Seconds:
    "Median time from the start of the last attempt to its end, over jobs that succeeded in the last 5 minutes",
  runP95Seconds:
    "95th percentile of the time from the start of the last attempt to its end, over jobs that succeeded in the last 5 minutes",
} as const;

interface FigureProps {
  readonly name: string;
  readonly title: string;
  readonly tone?: Tone;
  readonly children: ComponentChildren;
}

function Figure({ name, title, tone = "neutral", children }: FigureProps) {
  return (
    <div class="figure" title={title}>
      <dt>{name}</dt>
      <dd class={tone === "neutral" ? "" : tone}>{children}</dd>
    </div>
  );
}

/** The numbers of a queue as they are now. Sampled ones carry a tilde. */
export function QueueFigures({ queue }: { readonly queue: NonNullable<ConsoleQueueQuery["queue"]> }) {
  const sampled = (value: number | null, text: string) => (value === null || queue.exact ? text : `~${text}`);
  return (
    <dl class="figures">
      <Figure name="waiting" title={titles.depth}>
        {sampled(queue.depth, formatNumber(queue.depth))}
      </Figure>
      <Figure name="oldest" title={titles.oldestAgeSeconds}>
        {formatDuration(queue.oldestAgeSeconds)}
      </Figure>
      <Figure name="running" title={titles.active}>
        {formatNumber(queue.active)}
      </Figure>
      <Figure name="workers" title={titles.workers} tone={queue.workers === 0 && queue.depth > 0 ? "bad" : "neutral"}>
        {formatNumber(queue.workers)}
      </Figure>
      <Figure name="rate" title={titles.processedPerSec}>
        {sampled(queue.processedPerSec, formatRate(queue.processedPerSec))}
      </Figure>
      <Figure
        name={`failed ${queue.windowSeconds === null ? "1 h" : formatDuration(Math.min(3600, queue.windowSeconds))}`}
        title={titles.failuresLastHour}
        tone={toTroubleTone(queue.failuresLastHour)}
      >
        {sampled(queue.failuresLastHour, formatNumber(queue.failuresLastHour))}
      </Figure>
      <Figure name="drain time" title={titles.drainSeconds}>
        {queue.depth === 0 ? "0 s" : formatDuration(queue.drainSeconds)}
      </Figure>
      <Figure name="wait p50 / p95" title={`${titles.waitP50Seconds}. ${titles.waitP95Seconds}`}>
        {formatDuration(queue.waitP50Seconds)} / {formatDuration(queue.waitP95Seconds)}
      </Figure>
      <Figure name="run p50 / p95" title={`${titles.runP50Seconds}. ${titles.runP95Seconds}`}>
        {formatDuration(queue.runP50Seconds)} / {formatDuration(queue.runP95Seconds)}
      </Figure>
      <Figure name="retrying" title={titles.retrying}>
        {formatNumber(queue.retrying)}
      </Figure>
      <Figure name="scheduled" title={titles.deferred}>
        {formatNumber(queue.deferred)}
      </Figure>
      <Figure name="dead" title={titles.dead} tone={toTroubleTone(queue.dead)}>
        {formatNumber(queue.dead)}
      </Figure>
      <Figure name="orphans" title={titles.orphans} tone={toTroubleTone(queue.orphans)}>
        {formatNumber(queue.orphans)}
      </Figure>
    </dl>
  );
}
