import type { QueueRowFragment, QueueSourceRowFragment } from "../../../generated/console.ts";
import { params } from "../page/url.ts";
import { compareQueues } from "../../../facts/queue.ts";

export type QueueRow = QueueRowFragment;

interface QueuesAnswer {
  readonly queues: readonly QueueRow[] | null;
  readonly queueSources: readonly QueueSourceRowFragment[] | null;
}

/** Queues of the chosen environment, worst first. Null before the first answer. */
export function sortByTrouble(data: QueuesAnswer | undefined): readonly QueueRow[] | null {
  if (!data?.queues) return null;
  const env = params.value.get("env");
  const envs = new Map((data.queueSources ?? []).map((source) => [source.name, source.env]));
  return data.queues.filter(({ source }) => !env || envs.get(source) === env).toSorted(compareQueues);
}
