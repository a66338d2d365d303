import { type ContainerNumberName, containerNumbers } from "../../facts/container.ts";
import { formatFact, type NumberFact } from "../../facts/number.ts";
import { toTroubleTone } from "../../facts/tone.ts";
import type { Column } from "./table.ts";

/** A column of a container's number. @param read undefined where nobody asked for it */
export function toContainerColumn<Row>(
  name: ContainerNumberName,
  read: (row: Row) => number | null | undefined,
): Column<Row> {
  const { label, isTrouble }: NumberFact = containerNumbers[name];
  return {
    head: label.toUpperCase(),
    text: (row) => {
      const value = read(row);
      return value === undefined ? "" : formatFact(containerNumbers[name], value);
    },
    tone: (row) => (isTrouble && toTroubleTone(read(row)) === "warn" ? "warn" : "plain"),
    isNumber: true,
  };
}
