import { toKey, toContainerState } from "../../../../facts/container.ts";
import { useMemo } from "preact/hooks";
import { type ContainerRow, engines } from "../../data/containers.ts";
import { failureOf } from "../../data/live.ts";
import { useProblems } from "../problems.tsx";
import { type Seen, toTroubles, toWorse, type Troubles } from "../../../../facts/trouble.ts";

type Row = Pick<ContainerRow, "name" | "engine" | "status" | "health" | "stale" | "kind"> &
  Partial<Pick<ContainerRow, "startedAt">>;

/** What is wrong with containers, the same on every screen. */
export function useTroubles(): Troubles {
  const { rows, state } = useProblems();
  const isKnown = rows !== null && !failureOf(state, "problems");
  return useMemo(() => ({ byKey: toTroubles(rows ?? []), isKnown }), [rows, isKnown]);
}

/**
 * The state that follows from a container's status, health and problem. If its engine does not
 * answer, the state is unknown, whatever was wrong before.
 */
export function toSeenState(row: Row, { byKey, isKnown }: Troubles): Seen {
  const own = toContainerState(row);
  if (row.stale) return { ...own, since: engines.value.find(({ name }) => name === row.engine)?.heardAt ?? null };
  // No engine says when it was paused, or became unhealthy.
  const since = own.tone === "ok" || own.word === "starting" ? (row.startedAt ?? null) : null;
  return toWorse({ ...own, since }, byKey.get(toKey(row)), isKnown);
}

/** Whether it needs attention: something is wrong, or its engine does not answer. */
export function isTroubled(row: Row, troubles: Troubles): boolean {
  const { tone } = toSeenState(row, troubles);
  return row.stale || tone === "bad" || tone === "warn";
}
