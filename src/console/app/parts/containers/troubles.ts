import { useMemo } from "preact/hooks";
import type { ContainerRow } from "../../data/containers.ts";
import { useProblems } from "../problems.tsx";
import { toContainerState } from "../state.tsx";
import { type Seen, toTroubles, toWorse, type Trouble } from "./seen.ts";

type Row = Pick<ContainerRow, "status" | "health" | "stale" | "kind">;

/** The worst problem of each container that has one, by the container's id: as Now shows it, every other screen does. */
export function useTroubles(): ReadonlyMap<string, Trouble> {
  const { rows } = useProblems();
  return useMemo(() => toTroubles(rows ?? []), [rows]);
}

/** What a container's status, its health and its problem come to. A silent engine says nothing of now, whatever was wrong before. */
export function toSeenState(row: Row, trouble: Trouble | undefined): Seen {
  const own = toContainerState(row);
  return row.stale ? own : toWorse(own, trouble);
}

/** Whether somebody should look at it: something is wrong, or its engine is silent. */
export function isTroubled(row: Row, trouble: Trouble | undefined): boolean {
  const { tone } = toSeenState(row, trouble);
  return row.stale || tone === "bad" || tone === "warn";
}
