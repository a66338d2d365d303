import { askNamed, type Command } from "../connection.ts";
import { toCount, toFields, toNumber, toScored, toTexts } from "../replies.ts";
import { eventsLimit, toEvents } from "./events.ts";

export const rateMs = 300_000;
export const hourMs = 3_600_000;
/** How many of a list's next jobs are read, to find since when one of them waits. */
const nextJobs = 5;

/** What `lookAt` found in a queue. */
export type Look = ReturnType<ReturnType<typeof lookAt>["parse"]>;

/** Whether the stream still has every event since this time. */
export function reachesBack(
  { isTrimmed, oldestEvent }: Pick<Look, "isTrimmed" | "oldestEvent">,
  from: number,
): boolean {
  return !isTrimmed || (oldestEvent !== null && Number(oldestEvent.split("-")[0]) <= from);
}

/**
 * The highest score of a job that is due: the low 12 bits are an order within the millisecond.
 * Source: promoteDelayedJobs.lua.
 */
function dueScore(now: number): number {
  return (now + 1) * 0x1000 - 1;
}

/**
 * BullMQ 4 puts a marker into an empty list, to wake a worker when the next delayed or prioritized
 * job is due. Source: addDelayMarkerIfNeeded.lua.
 */
function isMarker(id: string): boolean {
  return id.startsWith("0:");
}

/**
 * `key` is the queue's key and a colon, `lastEvent` the id of the last event that was read. Reads
 * at most `limit` rows of each kind.
 */
export function lookAt(key: string, lastEvent: string | null, limit: number, now: number) {
  const events: Command =
    lastEvent === null
      ? ["xrevrange", `${key}events`, "+", "-", "COUNT", 50]
      : ["xrange", `${key}events`, `(${lastEvent}`, "+", "COUNT", eventsLimit];
  return askNamed(
    {
      wait: ["llen", `${key}wait`],
      paused: ["llen", `${key}paused`],
      prioritized: ["zcard", `${key}prioritized`],
      active: ["llen", `${key}active`],
      delayed: ["zcard", `${key}delayed`],
      due: ["zcount", `${key}delayed`, "-inf", dueScore(now)],
      dead: ["zcard", `${key}failed`],
      completed: ["zcount", `${key}completed`, now - rateMs, now],
      failed: ["zcount", `${key}failed`, now - hourMs, now],
      failedRecently: ["zcount", `${key}failed`, now - rateMs, now],
      isPaused: ["hexists", `${key}meta`, "paused"],
      completedCount: ["hmget", `${key}metrics:completed`, "count"],
      failedCount: ["hmget", `${key}metrics:failed`, "count"],
      waitJobs: ["lrange", `${key}wait`, -limit, -1],
      pausedJobs: ["lrange", `${key}paused`, -limit, -1],
      prioritizedJobs: ["zrange", `${key}prioritized`, 0, limit - 1],
      delayedJobs: ["zrange", `${key}delayed`, 0, limit - 1, "WITHSCORES"],
      ended: ["zrevrangebyscore", `${key}completed`, now, now - rateMs, "LIMIT", 0, Math.min(100, limit)],
      oldestCompleted: ["zrange", `${key}completed`, 0, 0, "WITHSCORES"],
      oldestFailed: ["zrange", `${key}failed`, 0, 0, "WITHSCORES"],
      events,
      oldestEvent: ["xrange", `${key}events`, "-", "+", "COUNT", 1],
      eventCount: ["xlen", `${key}events`],
      mostEvents: ["hmget", `${key}meta`, "opts.maxLenEvents"],
    },
    (replies) => {
      const read = toEvents(replies.events);
      const lists = [replies.waitJobs, replies.pausedJobs].map(toTexts);
      const byPriority = toTexts(replies.prioritizedJobs);
      const jobs = [...lists.flat().filter((id) => !isMarker(id)), ...byPriority];
      const markers = lists.flat().filter(isMarker).length;
      const waiting = toCount(replies.wait) + toCount(replies.paused) + toCount(replies.prioritized) - markers;
      return {
        waiting,
        active: toCount(replies.active),
        delayed: toCount(replies.delayed),
        due: toCount(replies.due),
        dead: toCount(replies.dead),
        completed: toCount(replies.completed),
        failed: toCount(replies.failed),
        failedRecently: toCount(replies.failedRecently),
        isPaused: replies.isPaused === 1,
        metrics: {
          completed: toNumber(toFields(replies.completedCount)[0]),
          failed: toNumber(toFields(replies.failedCount)[0]),
        },
        next: [
          ...lists.flatMap((ids) => ids.slice(-nextJobs).filter((id) => !isMarker(id))),
          ...byPriority.slice(0, 100),
        ],
        /** All waiting jobs; null where there are more than are read. */
        waitingJobs: waiting <= jobs.length ? jobs : null,
        delayedJobs: toScored(replies.delayedJobs),
        ended: toTexts(replies.ended),
        oldest: {
          completed: toScored(replies.oldestCompleted)[0] ?? null,
          failed: toScored(replies.oldestFailed)[0] ?? null,
        },
        events: lastEvent === null ? read.toReversed() : read,
        oldestEvent: toEvents(replies.oldestEvent)[0]?.[0] ?? null,
        /** Whether older events may be gone: BullMQ removes them only above a number of events. */
        isTrimmed: toCount(replies.eventCount) >= (toNumber(toFields(replies.mostEvents)[0]) ?? eventsLimit),
      };
    },
  );
}
