import type { ConsoleDeployVerdictQuery } from "../../../../generated/console.ts";
import { params, setParams } from "../../page/url.ts";
import { formatNumber, formatDuration, formatShare, formatEnum, unknownText } from "../../../../facts/format.ts";
import { Empty } from "../notice.tsx";
import { State } from "../state.tsx";
import { toOutcomeTone } from "../../../../facts/deploy.ts";

export type Verdict = NonNullable<Extract<NonNullable<ConsoleDeployVerdictQuery["node"]>, { id: string }>["verdict"]>;
type QueueRow = Verdict["queues"][number];
type Window = NonNullable<QueueRow["before"]>;

/** Names a queue in the URL. */
function toQueueKey({ source, queue }: Pick<QueueRow, "source" | "queue">): string {
  return `${source}/${queue}`;
}

/** The queues, what became worse first: the outcome, then the share of failures, then their number. */
export function sortByHarm(queues: readonly QueueRow[]): readonly QueueRow[] {
  const rank = ({ outcome }: QueueRow) => (outcome === "REGRESSED" ? 0 : 1);
  return queues.toSorted(
    (one, other) =>
      rank(one) - rank(other) ||
      (other.after?.failureRatio ?? 0) - (one.after?.failureRatio ?? 0) ||
      (other.after?.failed ?? 0) - (one.after?.failed ?? 0) ||
      (other.after?.succeeded ?? 0) - (one.after?.succeeded ?? 0) ||
      one.queue.localeCompare(other.queue),
  );
}

interface Measure {
  readonly name: string;
  readonly title: string;
  readonly value: (window: Window) => number | null;
  readonly format: (value: number | null | undefined) => string;
  readonly pValue?: (row: QueueRow) => number | null;
  readonly isWideOnly?: boolean;
}

const measures: readonly Measure[] = [
  {
    name: "succeeded",
    title: "Jobs that succeeded in the window",
    value: (window) => window.succeeded,
    format: formatNumber,
    isWideOnly: true,
  },
  {
    name: "failed",
    title: "Failed attempts in the window",
    value: (window) => window.failed,
    format: formatNumber,
    isWideOnly: true,
  },
  {
    name: "failing",
    title: "Share of the ended jobs that failed",
    value: (window) => (window.succeeded + window.failed === 0 ? null : window.failureRatio),
    format: formatShare,
    pValue: (row) => row.pValue,
  },
  {
    name: "wait p95",
    title: "95th percentile of the waiting time",
    value: (window) => window.waitP95Seconds,
    format: formatDuration,
    pValue: (row) => row.waitPValue,
    isWideOnly: true,
  },
  {
    name: "run p95",
    title: "95th percentile of the running time of successes",
    value: (window) => window.runP95Seconds,
    format: formatDuration,
    pValue: (row) => row.runPValue,
    isWideOnly: true,
  },
  {
    name: "waiting",
    title: "Runnable jobs at the end of the window",
    value: (window) => window.depth,
    format: formatNumber,
    isWideOnly: true,
  },
  {
    name: "oldest",
    title: "How long the oldest of them had been waiting at the end of the window",
    value: (window) => window.oldestAgeSeconds,
    format: formatDuration,
    isWideOnly: true,
  },
];

/** The numbers of each queue before and after the deploy. The chosen queue is in the URL, for the graph. */
export function QueueNumbers({
  queues,
  chosen,
}: {
  readonly queues: readonly QueueRow[];
  readonly chosen: QueueRow | undefined;
}) {
  if (queues.length === 0) return <Empty>No queue had a job in either window, or none could be read.</Empty>;
  return (
    <table class="table before-after">
      <thead>
        <tr>
          <th scope="col">queue</th>
          <th scope="col">verdict</th>
          {measures.map(({ name, title, isWideOnly }) => (
            <th
              key={name}
              scope="col"
              class={`number ${isWideOnly ? "wide-only" : ""}`}
              title={`${title}: before → after`}
            >
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {queues.map((row) => {
          return (
            <tr key={toQueueKey(row)} aria-selected={row === chosen}>
              <td>
                <button
                  type="button"
                  class="plain isolate"
                  data-row-link
                  aria-pressed={row === chosen}
                  title={`Show ${row.queue} of ${row.source} in the graph`}
                  onClick={() => setParams({ queue: toQueueKey(row) })}
                >
                  {row.queue}
                </button>
              </td>
              <td>
                <State tone={toOutcomeTone(row.outcome)} title={row.reasons.join("; ") || undefined}>
                  {formatEnum(row.outcome)}
                </State>
              </td>
              {measures.map((measure) => (
                <Change key={measure.name} row={row} measure={measure} />
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** A p-value is small where the change is unlikely to be chance; below this the verdict may count it. */
const smallP = 0.01;

/** When the window before was. */
const baselineWords = { BEFORE: "before", DAY: "a day before", WEEK: "a week before" };

function Change({
  row,
  measure: { title, value, format, pValue, isWideOnly },
}: {
  readonly row: QueueRow;
  readonly measure: Measure;
}) {
  const before = row.before ? value(row.before) : null;
  const after = row.after ? value(row.after) : null;
  const chance = pValue?.(row) ?? null;
  const isWorse = chance !== null && chance < smallP;
  const words = chance === null ? "" : `; p = ${toP(chance)}: the chance of this if nothing had changed`;
  return (
    <td
      class={`number ${isWideOnly ? "wide-only" : ""}`}
      title={`${title}: ${format(before)} ${baselineWords[row.baseline ?? "BEFORE"]}, ${format(after)} after${words}`}
    >
      <span class="muted">{before === null ? unknownText : format(before)} → </span>
      <span class={isWorse ? "bad strong" : ""}>{after === null ? unknownText : format(after)}</span>
    </td>
  );
}

/** A probability: "0.032", "1e-9". */
export function toP(value: number): string {
  return value >= 0.001 ? value.toFixed(3) : value === 0 ? "0" : value.toExponential(0);
}

/** Restarts and health before and after. */
export function ContainerNumbers({ containers }: { readonly containers: Verdict["containers"] }) {
  const { restartsBefore, restartsAfter, restartsFrom, restartsPValue, unhealthyNow } = containers;
  const isWorse = restartsPValue !== null && restartsPValue < smallP;
  return (
    <dl class="facts">
      <dt>Restarts</dt>
      <dd
        title={`Unrequested ends of containers before and after${restartsFrom ? `, from the engines' ${restartsFrom}` : ""}${restartsPValue === null ? "" : `; p = ${toP(restartsPValue)}`}`}
      >
        <span class="muted">{formatNumber(restartsBefore)} → </span>
        <span class={isWorse ? "bad strong" : ""}>{formatNumber(restartsAfter)}</span>
        {restartsFrom && <span class="muted"> by {formatEnum(restartsFrom)}</span>}
      </dd>
      <dt>Unhealthy</dt>
      <dd title="Unhealthy time, summed over all containers">
        <span class="muted">{formatDuration(containers.unhealthySecondsBefore)} → </span>
        <span class={isUnhealthier(containers) ? "bad strong" : ""}>
          {formatDuration(containers.unhealthySecondsAfter)}
        </span>
      </dd>
      {unhealthyNow.length > 0 && (
        <>
          <dt>Unhealthy now</dt>
          <dd class="bad isolate">{unhealthyNow.join(", ")}</dd>
        </>
      )}
    </dl>
  );
}

/** The verdict's rule: 2 times as long, and 60 s longer. */
function isUnhealthier({
  unhealthySecondsBefore: before,
  unhealthySecondsAfter: after,
}: Verdict["containers"]): boolean {
  return before !== null && after !== null && after >= 2 * before && after >= before + 60;
}

/** The queue that the graph shows: that of the URL, else the one that became worst. */
export function chooseQueue(queues: readonly QueueRow[]): QueueRow | undefined {
  const wanted = params.value.get("queue");
  return queues.find((row) => toQueueKey(row) === wanted) ?? queues[0];
}
