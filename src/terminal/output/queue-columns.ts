import {
  formatQueueNumber,
  type NumbersOfQueue,
  type QueueNumberName,
  toQueueNumber,
  toQueueNumberTone,
} from "../../facts/queue.ts";
import type { Tone } from "./style.ts";
import type { Column } from "./table.ts";

/** How a number of a queue is shown in a table: only numbers that need attention have a colour. */
export function toNumberTone(name: QueueNumberName, row: NumbersOfQueue): Tone {
  const tone = toQueueNumberTone(name, row);
  return tone === "neutral" ? "plain" : tone;
}

/** Columns of a queue's numbers. @param more what a column has beside its number */
export function toNumberColumns<Row extends NumbersOfQueue>(
  names: readonly QueueNumberName[],
  more: Readonly<Partial<Record<QueueNumberName, Pick<Column<Row>, "drop" | "isWide">>>> = {},
): readonly Column<Row>[] {
  return names.map((name) => ({
    head: toQueueNumber(name).label.toUpperCase(),
    text: (row) => formatQueueNumber(name, row),
    tone: (row) => toNumberTone(name, row),
    isNumber: true,
    ...more[name],
  }));
}
