import { errorReadLimit, toErrorText } from "../../../domain/job-errors.ts";
import { type JobFailures, failureGroupsLimit, jobIdsPerError } from "../../../domain/queue.ts";
import { toSeconds } from "../to-metrics.ts";
import type { RedisFailure } from "./redis-system.ts";

/**
 * Failures of one text by one worker as one group, newest first. With too many groups each queue keeps its newest ones, and none hides another: as
 * `groupFailures` does it in SQL.
 */
export function groupRedisFailures(failures: readonly RedisFailure[], source: string): JobFailures[] {
  const newestFirst = failures.toSorted((a, b) => b.at - a.at);
  const groups = [
    ...Map.groupBy(newestFirst, ({ queue, error, worker }) => JSON.stringify([queue, readErrorText(error), worker])).values(),
  ];
  const places = new Map<string, number>();
  const ranked = groups.map((group) => {
    const queue = group[0]?.queue ?? "";
    const place = places.get(queue) ?? 0;
    places.set(queue, place + 1);
    return { group, place };
  });
  const kept = ranked.toSorted((a, b) => a.place - b.place).slice(0, failureGroupsLimit);
  return kept
    .map(({ group }) => toGroup(group, source))
    .toSorted((a, b) => (a.lastAt === b.lastAt ? 0 : a.lastAt > b.lastAt ? -1 : 1));
}

function toGroup(group: readonly RedisFailure[], source: string): JobFailures {
  const [newest, oldest] = [group[0], group.at(-1)] as [RedisFailure, RedisFailure];
  const attempts = group.flatMap((failure) => failure.attempts ?? []);
  return {
    queue: newest.queue,
    source,
    error: toErrorText(readErrorText(newest.error)),
    worker: newest.worker,
    count: group.length,
    attempts: attempts.length > 0 ? Math.max(...attempts) : null,
    firstAt: toSeconds(new Date(oldest.at)),
    lastAt: toSeconds(new Date(newest.at)),
    jobIds: group.slice(0, jobIdsPerError).map(({ id }) => id),
  };
}

/** As the SQL sources read it. */
function readErrorText(error: string): string {
  return error.replace(/^[ \t\r\n]+/, "").slice(0, errorReadLimit);
}
