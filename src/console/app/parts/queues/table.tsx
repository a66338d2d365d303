import { toQueueTone } from "../../../../facts/queue.ts";
import { useRef } from "preact/hooks";
import type { QueueRow } from "../../data/queues.ts";
import { href } from "../../page/url.ts";
import { formatNumber, formatDuration, formatRate } from "../../../../facts/format.ts";
import { useHeldOrder } from "../list.tsx";
import { Empty } from "../notice.tsx";
import { EnumState } from "../state.tsx";

/** The first `most` queues with the numbers that say whether they move. They change places only while no pointer rests on them. */
export function QueueTable({ rows: all, most }: { readonly rows: readonly QueueRow[]; readonly most: number }) {
  const isHeld = useRef(false);
  const rows = useHeldOrder(all, toId, isHeld, "").slice(0, most);
  /** The same name in several sources: another database, or another Redis. */
  const isTwice = (name: string) => all.filter((row) => row.name === name).length > 1;
  if (rows.length === 0) return <Empty>No queue is known here: see the sources at Queues.</Empty>;
  return (
    <table class="table queues">
      <thead>
        <tr>
          <th scope="col">queue</th>
          <th scope="col">state</th>
          <th scope="col" class="number">
            waiting
          </th>
          <th scope="col" class="number wide-only">
            oldest
          </th>
          <th scope="col" class="number wide-only">
            rate
          </th>
          <th scope="col" class="number wide-only" title="Failed attempts in the last hour">
            failed
          </th>
        </tr>
      </thead>
      <tbody onPointerEnter={() => (isHeld.current = true)} onPointerLeave={() => (isHeld.current = false)}>
        {rows.map(({ id, name, source, state, depth, exact, oldestAgeSeconds, processedPerSec, failuresLastHour }) => (
          <tr key={id}>
            <td>
              <a data-row-link class="isolate" href={href("/queue", { name, source })} title={`${name} of ${source}`}>
                {name}
              </a>
              {isTwice(name) && <span class="muted isolate"> {source}</span>}
            </td>
            <td>
              <EnumState value={state} tone={toQueueTone(state)} />
            </td>
            <td class="number">
              {exact ? "" : "~"}
              {formatNumber(depth)}
            </td>
            <td class="number wide-only">{formatDuration(oldestAgeSeconds)}</td>
            <td class="number wide-only">
              {exact || processedPerSec === null ? "" : "~"}
              {formatRate(processedPerSec)}
            </td>
            <td class={`number wide-only ${failuresLastHour ? "warn" : ""}`}>{formatNumber(failuresLastHour)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function toId({ id }: QueueRow): string {
  return id;
}
