import type { Command, Question } from "../connection.ts";
import { toCount, toFields, toNumber, toScored, toTexts } from "../replies.ts";
import { eventsLimit, toEvents } from "./events.ts";

export const rateMs = 300_000;
export const hourMs = 3_600_000;
/** Next jobs of a list that are read, to find since when one of them waits. */
const nextJobs = 5;

type Scored = ReturnType<typeof toScored>;

/** The result of the first look at a queue. */
export interface Look {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly due: number;
  readonly dead: number;
  readonly completed: number;
  readonly failed: number;
  readonly failedRecently: number;
  readonly isPaused: boolean;
  readonly metrics: { readonly completed: number | null; readonly failed: number | null };
  readonly next: readonly string[];
  /** All waiting jobs; null where they are more than are read. */
  readonly waitingJobs: readonly string[] | null;
  readonly delayedJobs: Scored;
  readonly ended: readonly string[];
  readonly oldest: Readonly<Record<"completed" | "failed", Scored[number] | null>>;
  readonly events: ReturnType<typeof toEvents>;
  readonly oldestEvent: string | null;
  /** Whether older events may be gone: BullMQ removes them only above a number of events. */
  readonly isTrimmed: boolean;
}

/** The highest score of a job that is due: the low 12 bits are an order within the millisecond. Source: promoteDelayedJobs.lua. */
function dueScore(now: number): number {
  return (now + 1) * 0x1000 - 1;
}

/** BullMQ 4 puts a marker into an empty list, to wake a worker when the next delayed or prioritized job is due. Source: addDelayMarkerIfNeeded.lua. */
function isMarker(id: string): boolean {
  return id.startsWith("0:");
}

/** `key` is the queue's key and a colon, `lastEvent` the id of the last event that was read. Reads at most `limit` rows of each kind. */
export function lookAt(key: string, lastEvent: string | null, limit: number, now: number): Question<Look> {
  const events: Command =
    lastEvent === null
      ? ["xrevrange", `${key}events`, "+", "-", "COUNT", 50]
      : ["xrange", `${key}events`, `(${lastEvent}`, "+", "COUNT", eventsLimit];
  const commands = [
    ["llen", `${key}wait`],
    ["llen", `${key}paused`],
    ["zcard", `${key}prioritized`],
    ["llen", `${key}active`],
    ["zcard", `${key}delayed`],
    ["zcount", `${key}delayed`, "-inf", dueScore(now)],
    ["zcard", `${key}failed`],
    ["zcount", `${key}completed`, now - rateMs, now],
    ["zcount", `${key}failed`, now - hourMs, now],
    ["zcount", `${key}failed`, now - rateMs, now],
    ["hexists", `${key}meta`, "paused"],
    ["hmget", `${key}metrics:completed`, "count"],
    ["hmget", `${key}metrics:failed`, "count"],
    ["lrange", `${key}wait`, -limit, -1],
    ["lrange", `${key}paused`, -limit, -1],
    ["zrange", `${key}prioritized`, 0, limit - 1],
    ["zrange", `${key}delayed`, 0, limit - 1, "WITHSCORES"],
    ["zrevrangebyscore", `${key}completed`, now, now - rateMs, "LIMIT", 0, Math.min(100, limit)],
    ["zrange", `${key}completed`, 0, 0, "WITHSCORES"],
    ["zrange", `${key}failed`, 0, 0, "WITHSCORES"],
    events,
    ["xrange", `${key}events`, "-", "+", "COUNT", 1],
    ["xlen", `${key}events`],
    ["hmget", `${key}meta`, "opts.maxLenEvents"],
  ] as const;
  return {
    commands,
    parse: ([
      wait,
      paused,
      prioritized,
      active,
      delayed,
      due,
      dead,
      completed,
      failed,
      failedRecently,
      isPaused,
      doneCount,
      failedCount,
      ...rest
    ]) => {
      const [
        waitReply,
        pausedReply,
        prioritizedReply,
        delayedJobs,
        ended,
        oldestCompleted,
        oldestFailed,
        newEvents,
        oldestEvent,
        eventCount,
        mostEvents,
      ] = rest;
      const read = toEvents(newEvents);
      const lists = [waitReply, pausedReply].map(toTexts);
      const byPriority = toTexts(prioritizedReply);
      const jobs = [...lists.flat().filter((id) => !isMarker(id)), ...byPriority];
      const markers = lists.flat().filter(isMarker).length;
      const waiting = toCount(wait) + toCount(paused) + toCount(prioritized) - markers;
      return {
        waiting,
        active: toCount(active),
        delayed: toCount(delayed),
        due: toCount(due),
        dead: toCount(dead),
        completed: toCount(completed),
        failed: toCount(failed),
        failedRecently: toCount(failedRecently),
        isPaused: isPaused === 1,
        metrics: { completed: toNumber(toFields(doneCount)[0]), failed: toNumber(toFields(failedCount)[0]) },
        next: [...lists.flatMap((ids) => ids.slice(-nextJobs).filter((id) => !isMarker(id))), ...byPriority.slice(0, 100)],
        waitingJobs: waiting <= jobs.length ? jobs : null,
        delayedJobs: toScored(delayedJobs),
        ended: toTexts(ended),
        oldest: { completed: toScored(oldestCompleted)[0] ?? null, failed: toScored(oldestFailed)[0] ?? null },
        events: lastEvent === null ? read.toReversed() : read,
        oldestEvent: toEvents(oldestEvent)[0]?.[0] ?? null,
        isTrimmed: toCount(eventCount) >= (toNumber(toFields(mostEvents)[0]) ?? eventsLimit),
      };
    },
  };
}
