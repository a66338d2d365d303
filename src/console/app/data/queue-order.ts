import type { QueueRowFragment } from "../../../generated/console.ts";

type Weighed = Pick<QueueRowFragment, "name" | "source" | "state" | "oldestAgeSeconds">;

/** What is wrong first: the states by their weight. Healthy queues are busy and idle in turns, so these two weigh the same. */
const weights: Readonly<Record<string, number>> = {
  STALLED: 6,
  NO_WORKERS: 5,
  FAILING: 4,
  BACKLOG: 3,
  UNKNOWN: 2,
  PAUSED: 1,
};

/** Queues by trouble: state, then the age of the oldest job in steps that double, then name. Healthy ones by name alone: their ages change at each look. */
export function orderByTrouble<Row extends Weighed>(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted(
    (one, other) =>
      weightOf(other) - weightOf(one) ||
      (weightOf(one) === 0 ? 0 : toStep(other.oldestAgeSeconds) - toStep(one.oldestAgeSeconds)) ||
      one.name.localeCompare(other.name) ||
      one.source.localeCompare(other.source),
  );
}

function weightOf({ state }: Weighed): number {
  return weights[state] ?? 0;
}

/** Below a minute 0, then 1, from 3 minutes on 2, from 7 on 3. */
function toStep(seconds: number | null): number {
  return Math.floor(Math.log2((seconds ?? 0) / 60 + 1));
}
