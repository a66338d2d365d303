import type { Reply } from "./redis-connection.ts";

/** Workers by queue key. */
export type WorkerCounts = (queue: string) => number | null;

/**
 * Counts the workers of queues by the names of their connections, `<prefix>:<base64 of the queue>` with ":w:<name>" behind it where the worker has one.
 * Null when the connections may not be listed. Source: getWorkers of bullmq's queue-getters.
 */
export function countWorkers(clients: Reply, prefix: string): WorkerCounts {
  if (typeof clients !== "string") return () => null;
  const counts = new Map<string, number>();
  for (const [, name = ""] of clients.matchAll(/ name=([^ \n]+)/g)) {
    if (!name.startsWith(`${prefix}:`)) continue;
    const [, queue = ""] = /^([A-Za-z0-9+/]+={0,2})(?::w:.*)?$/.exec(name.slice(prefix.length + 1)) ?? [];
    counts.set(queue, (counts.get(queue) ?? 0) + 1);
  }
  return (queue) => counts.get(Buffer.from(queue).toString("base64")) ?? 0;
}
