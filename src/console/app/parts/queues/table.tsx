import { formatQueueNumber, queueNumbers, toQueueNumberTone, toQueueTone } from "../../../../facts/queue.ts";
import { useRef } from "preact/hooks";
import type { QueueRow } from "../../data/queues.ts";
import { href } from "../../page/url.ts";
import { useHeldOrder } from "../list.tsx";
import { Empty } from "../notice.tsx";
import { EnumState } from "../state.tsx";

const shown = ["depth", "oldestAgeSeconds", "processedPerSec", "failuresLastHour"] as const;

/**
 * The first `most` queues with the numbers that say whether they move. They change places only
 * while no pointer rests on them.
 */
export function QueueTable({ rows: all, most }: { readonly rows: readonly QueueRow[]; readonly most: number }) {
  const isHeld = useRef(false);
  const rows = useHeldOrder(all, toId, isHeld, "").slice(0, most);
  /** The same name in several sources: another database, or another Redis. */
  const isTwice = (name: string) => all.filter((row) => row.name === name).length > 1;
  if (rows.length === 0) return <Empty>No queues here. The Queues page lists the sources.</Empty>;
  return (
    <table class="table queues">
      <thead>
        <tr>
          <th scope="col">queue</th>
          <th scope="col">state</th>
          {shown.map((name) => (
            <th
              key={name}
              scope="col"
              class={`number ${name === "depth" ? "" : "wide-only"}`}
              title={queueNumbers[name].about}
            >
              {queueNumbers[name].label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody onPointerEnter={() => (isHeld.current = true)} onPointerLeave={() => (isHeld.current = false)}>
        {rows.map((row) => (
          <tr key={row.id}>
            <td>
              <a
                data-row-link
                class="isolate"
                href={href("/queue", { name: row.name, source: row.source })}
                title={`${row.name} of ${row.source}`}
              >
                {row.name}
              </a>
              {isTwice(row.name) && <span class="muted isolate"> {row.source}</span>}
            </td>
            <td>
              <EnumState value={row.state} tone={toQueueTone(row.state)} />
            </td>
            {shown.map((number) => (
              <td key={number} class={`number ${number === "depth" ? "" : "wide-only"} ${toClass(number, row)}`}>
                {formatQueueNumber(number, row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function toClass(name: (typeof shown)[number], row: QueueRow): string {
  const tone = toQueueNumberTone(name, row);
  return tone === "neutral" ? "" : tone;
}

function toId({ id }: QueueRow): string {
  return id;
}
