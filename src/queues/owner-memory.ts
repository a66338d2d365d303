import { isSameGroup, type ServiceGroup } from "../releases/service-group.ts";

/** A queue, by its source and its name there. */
export interface QueueName {
  readonly source: string;
  readonly name: string;
}

/** Remembers the services whose workers were seen at a queue. */
export interface OwnerMemory {
  note(queue: QueueName, groups: readonly ServiceGroup[]): void;
  /** The services that were seen in the last day, in the order in which they were first seen. */
  of(queue: QueueName): readonly ServiceGroup[];
  /** The services that were seen at any queue of a source in the last day, each once. */
  ofSource(source: string): readonly ServiceGroup[];
}

/** A service that has taken no job for this long no longer works on the queue, ms. */
const forgetMs = 86_400_000;
/** The maximum number of remembered queues; those noted longest ago are forgotten first. */
const mostQueues = 10_000;

interface Seen {
  readonly group: ServiceGroup;
  readonly atMs: number;
}

/**
 * A worker is known only while its job runs or its failure is stored. This memory lets a queue
 * without jobs keep its owners.
 */
export function createOwnerMemory(now: () => number = () => performance.now()): OwnerMemory {
  const seen = new Map<string, readonly Seen[]>();
  const current = (key: string) => (seen.get(key) ?? []).filter(({ atMs }) => now() - atMs < forgetMs);
  return {
    note(queue, groups) {
      if (groups.length === 0) return;
      const key = toKey(queue);
      const atMs = now();
      const before = current(key);
      const again = before.map((one) =>
        groups.some((group) => isSameGroup(group, one.group)) ? { ...one, atMs } : one,
      );
      const added = groups.filter((group) => before.every((one) => !isSameGroup(one.group, group)));
      seen.delete(key);
      seen.set(key, [...again, ...added.map((group) => ({ group, atMs }))]);
      const [oldest] = seen.keys();
      if (seen.size > mostQueues && oldest !== undefined) seen.delete(oldest);
    },
    of: (queue) => current(toKey(queue)).map(({ group }) => group),
    ofSource(source) {
      const begin = toKey({ source, name: "" }).slice(0, -'"]'.length);
      const groups: ServiceGroup[] = [];
      const nowMs = now();
      for (const [key, ofQueue] of seen) {
        if (!key.startsWith(begin)) continue;
        for (const { group, atMs } of ofQueue)
          if (nowMs - atMs < forgetMs && !groups.some((one) => isSameGroup(one, group))) groups.push(group);
      }
      return groups;
    },
  };
}

function toKey({ source, name }: QueueName): string {
  return JSON.stringify([source, name]);
}
