import { formatStatus, toKey, toStatusTone } from "../../facts/container.ts";
import { isOfOneContainer, type Seen, toTroubles, toWorse, type Trouble } from "../../facts/trouble.ts";

interface Row {
  readonly engine: string;
  readonly name: string;
  readonly status: string;
  readonly stale: boolean;
  readonly kind: string;
}

/** What is wrong with each container, beside its health: that has a column of its own. */
export function toTroublesBesideHealth(
  problems: Parameters<typeof toTroubles>[0] | null | undefined,
): ReadonlyMap<string, Trouble> {
  const others = (problems ?? []).filter(({ kind }) => kind !== "CONTAINER_UNHEALTHY");
  return toTroubles(others.filter(isOfOneContainer));
}

/** The status that its engine reports, or its problem where that is worse: "restarts in a loop". */
export function toSeenStatus(row: Row, troubles: ReadonlyMap<string, Trouble>): Seen {
  const own = { tone: toStatusTone(row), word: formatStatus(row) };
  return row.stale ? own : toWorse(own, troubles.get(toKey(row)), true);
}
