import type { ConsoleQueuesQuery, QueueRowFragment } from "../../../generated/console.ts";
import { params } from "../page/url.ts";

export type QueueRow = QueueRowFragment;

/** What is wrong first: the states by their weight. */
const weights: Readonly<Record<string, number>> = {
  STALLED: 6,
  NO_WORKERS: 5,
  FAILING: 4,
  BACKLOG: 3,
  PAUSED: 2,
  OK: 1,
  IDLE: 0,
};

/** Queues of the chosen environment, by trouble: state, then the age of the oldest job, then depth. Null before the first answer. */
export function sortByTrouble(data: ConsoleQueuesQuery | undefined): readonly QueueRow[] | null {
  if (!data?.queues) return null;
  const env = params.value.get("env");
  const envs = new Map((data.queueSources ?? []).map((source) => [source.name, source.env]));
  return data.queues
    .filter(({ source }) => !env || envs.get(source) === env)
    .toSorted(
      (one, other) =>
        (weights[other.state] ?? 0) - (weights[one.state] ?? 0) ||
        (other.oldestAgeSeconds ?? 0) - (one.oldestAgeSeconds ?? 0) ||
        other.depth - one.depth ||
        one.name.localeCompare(other.name),
    );
}
