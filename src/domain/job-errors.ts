import type { JobErrorGroup, JobFailures } from "./queue.ts";

/** Failures of one queue with the same text as one group, whoever worked on them. Newest first. */
export function groupJobErrors(failures: readonly JobFailures[]): JobErrorGroup[] {
  const groups = new Map<string, JobErrorGroup>();
  for (const { queue, source, error, count, lastAt, jobIds } of failures) {
    const key = JSON.stringify([source, queue, error]);
    const group = groups.get(key);
    const own = { queue, source, error, jobId: jobIds[0] ?? "", timestamp: lastAt, count };
    const newest = group && group.timestamp >= lastAt ? group : own;
    groups.set(key, { ...newest, count: count + (group?.count ?? 0) });
  }
  return [...groups.values()].toSorted((a, b) => (a.timestamp > b.timestamp ? -1 : a.timestamp < b.timestamp ? 1 : 0));
}
