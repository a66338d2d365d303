import type { ConsoleDeployVerdictQuery } from "../../../../generated/console.ts";
import { params, setParams } from "../../page/url.ts";
import { formatNumber, formatDuration, formatEnum } from "../../../../facts/format.ts";
import { formatFact } from "../../../../facts/number.ts";
import { Empty } from "../notice.tsx";
import { State } from "../state.tsx";
import {
  toOutcomeTone,
  toWindowTone,
  windowNumberNames,
  windowNumbers,
  type WindowNumberName,
} from "../../../../facts/deploy.ts";

export type Verdict = NonNullable<Extract<NonNullable<ConsoleDeployVerdictQuery["node"]>, { id: string }>["verdict"]>;
type QueueRow = Verdict["queues"][number];
type Window = NonNullable<QueueRow["before"]>;

/** Names a queue in the URL. */
function toQueueKey({ source, queue }: Pick<QueueRow, "source" | "queue">): string {
  return `${source}/${queue}`;
}

/** The queues, the worst first: by outcome, then by the share of failures, then by their number. */
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

/** A number of a window; of the share of failures none where nothing ended. */
function toValue(window: Window | null, name: WindowNumberName): number | null {
  if (window === null || (name === "failureRatio" && window.succeeded + window.failed === 0)) return null;
  return window[name];
}

/** The p-value of a number's change, if it was tested. */
function toChance(row: QueueRow, name: WindowNumberName): number | null {
  if (name === "failureRatio") return row.pValue;
  if (name === "waitP95Seconds") return row.waitPValue;
  return name === "runP95Seconds" ? row.runPValue : null;
}

/** A narrow screen has room for one number. */
function toCellClass(name: WindowNumberName): string {
  return name === "failureRatio" ? "number" : "number wide-only";
}

/**
 * The numbers of each queue before and after the deploy. The chosen queue is in the URL, for the
 * graph.
 */
export function QueueNumbers({
  queues,
  chosen,
}: {
  readonly queues: readonly QueueRow[];
  readonly chosen: QueueRow | undefined;
}) {
  if (queues.length === 0) return <Empty>No queue had jobs in either window, or none could be read.</Empty>;
  return (
    <table class="table before-after">
      <thead>
        <tr>
          <th scope="col">queue</th>
          <th scope="col">verdict</th>
          {windowNumberNames.map((name) => (
            <th key={name} scope="col" class={toCellClass(name)} title={`${windowNumbers[name].about} Before → after`}>
              {windowNumbers[name].label}
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
              {windowNumberNames.map((name) => (
                <Change key={name} row={row} name={name} />
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** The time of the window before. */
const baselineWords = { BEFORE: "before", DAY: "a day before", WEEK: "a week before" };

function Change({ row, name }: { readonly row: QueueRow; readonly name: WindowNumberName }) {
  const { about } = windowNumbers[name];
  const [before, after] = [row.before, row.after].map((window) =>
    formatFact(windowNumbers[name], toValue(window, name)),
  );
  const chance = toChance(row, name);
  const isWorse = toWindowTone(name, row.worse) === "bad";
  const words = chance === null ? "" : `; p = ${toP(chance)}: the chance of seeing this if nothing had changed`;
  return (
    <td
      class={toCellClass(name)}
      title={`${about} ${before} ${baselineWords[row.baseline ?? "BEFORE"]}, ${after} after${words}`}
    >
      <span class="muted">{before} → </span>
      <span class={isWorse ? "bad strong" : ""}>{after}</span>
    </td>
  );
}

/** A probability: "0.032", "1e-9". */
export function toP(value: number): string {
  return value >= 0.001 ? value.toFixed(3) : value === 0 ? "0" : value.toExponential(0);
}

/** Restarts and health before and after. */
export function ContainerNumbers({ containers }: { readonly containers: Verdict["containers"] }) {
  const { restartsBefore, restartsAfter, restartsFrom, restartsPValue, unhealthyNow, worse } = containers;
  const toClass = (what: (typeof worse)[number]) => (worse.includes(what) ? "bad strong" : "");
  return (
    <dl class="facts">
      <dt>Restarts</dt>
      <dd
        title={`Unrequested container exits before and after${restartsFrom ? `, from the engines' ${restartsFrom}` : ""}${restartsPValue === null ? "" : `; p = ${toP(restartsPValue)}`}`}
      >
        <span class="muted">{formatNumber(restartsBefore)} → </span>
        <span class={toClass("RESTARTS")}>{formatNumber(restartsAfter)}</span>
        {restartsFrom && <span class="muted"> by {formatEnum(restartsFrom)}</span>}
      </dd>
      <dt>Unhealthy</dt>
      <dd title="Unhealthy time, summed over all containers">
        <span class="muted">{formatDuration(containers.unhealthySecondsBefore)} → </span>
        <span class={toClass("UNHEALTHY_TIME")}>{formatDuration(containers.unhealthySecondsAfter)}</span>
      </dd>
      {unhealthyNow.length > 0 && (
        <>
          <dt>Unhealthy now</dt>
          <dd class={`isolate ${toClass("UNHEALTHY_NOW")}`}>{unhealthyNow.join(", ")}</dd>
        </>
      )}
    </dl>
  );
}

/** The queue that the graph shows: that of the URL, else the one that became worst. */
export function chooseQueue(queues: readonly QueueRow[]): QueueRow | undefined {
  const wanted = params.value.get("queue");
  return queues.find((row) => toQueueKey(row) === wanted) ?? queues[0];
}
