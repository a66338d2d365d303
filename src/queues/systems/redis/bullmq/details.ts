import type { Command, Question, Reply } from "../connection.ts";
import { toCount, toFields, toNumber } from "../replies.ts";
import { shareOf } from "../system.ts";
import { eventsLimit, type QueueEvent, toEvents } from "./events.ts";
import { hourMs, type Look, rateMs, reachesBack } from "./snapshot.ts";

export type Ending = "completed" | "failed";
const endings = ["completed", "failed"] as const;

const windowMs = { completed: rateMs, failed: hourMs };
/** An event is written shortly after the time in its row, and both are read shortly after `now`. */
const slackMs = 1000;
/**
 * How many events to read where the oldest row is older than the window, so that no row of the
 * window is gone.
 */
const fewEvents = 50;

/** The start of a window for one ending, as far as the events show it. */
interface Beginning {
  /** Events of this ending, oldest first. */
  readonly events: readonly QueueEvent[];
  /**
   * Whether no event is missing before the first one; without events, whether there really were
   * none.
   */
  readonly isWhole: boolean;
}

export type Beginnings = Readonly<Record<Ending, Beginning>>;

/** The start of the window in which each event needs a row, milliseconds since 1970. */
export function beginningOf(ending: Ending, now: number): number {
  return now - windowMs[ending] + slackMs;
}

/** How many events to read per queue where the rows do not show what ended before them. */
export function eventShare(queues: number): number {
  return shareOf(queues * endings.length, eventsLimit);
}

interface Moment {
  /** Whether this is the first look, which reads only the newest events. */
  readonly isFirst: boolean;
  /** Whether its events continue those of the previous look. */
  readonly isJoined: boolean;
  readonly limit: number;
  readonly now: number;
}

/**
 * Reads the oldest events of the window. Only they reveal rows that are gone, since the newest
 * events still have their rows. Later looks have already read these events.
 */
export function lookBack(key: string, look: Look, { isFirst, isJoined, limit, now }: Moment): Question<Beginnings> {
  const count = (ending: Ending) => ((look.oldest[ending]?.score ?? now) > now - windowMs[ending] ? limit : fewEvents);
  const toBeginning = (ending: Ending, all: Look["events"], isCut: boolean): Beginning => {
    const from = beginningOf(ending, now);
    const events = all.flatMap(([, item]) => (item.event === ending && item.at >= from ? [item] : []));
    return { events, isWhole: (isJoined || reachesBack(look, from)) && (events.length > 0 || !isCut) };
  };
  return {
    commands: isFirst
      ? endings.map((ending): Command => [
          "xrange",
          `${key}events`,
          beginningOf(ending, now),
          "+",
          "COUNT",
          count(ending),
        ])
      : [],
    parse: (replies) => {
      const [completed, failed] = endings.map((ending, index) => {
        const events = isFirst ? toEvents(replies[index]) : look.events;
        return toBeginning(ending, events, events.length >= (isFirst ? count(ending) : eventsLimit));
      }) as [Beginning, Beginning];
      return { completed, failed };
    },
  };
}

/**
 * For each ending, the rows of this many of its oldest and newest events in the window are checked.
 */
const checkedEvents = 5;

/** What the rows of the jobs show. */
export type Details = ReturnType<ReturnType<typeof lookCloser>["parse"]>;

/** Reads the rows of the jobs that `lookAt` found. */
export function lookCloser(
  key: string,
  { next, waitingJobs, delayedJobs, ended, events }: Look,
  beginnings: Beginnings,
  now: number,
) {
  const checked = endings.flatMap((ending) => {
    const newest = events.flatMap(([, item]) =>
      item.event === ending && item.at >= beginningOf(ending, now) ? [item] : [],
    );
    return [...beginnings[ending].events.slice(0, checkedEvents), ...newest.slice(-checkedEvents)];
  });
  const waiting = waitingJobs ?? [];
  const commands: Command[] = [
    ...waiting.flatMap((id) => askAttempts(key + id)),
    ...delayedJobs.flatMap(({ id }) => askAttempts(key + id)),
    ...next.map((id): Command => ["hmget", key + id, "timestamp", "opts", ...attempts]),
    ...delayedJobs.map(({ id }): Command => ["hmget", key + id, "delay"]),
    ...ended.map((id): Command => ["hmget", key + id, "timestamp", "opts", ...attempts, "processedOn", "finishedOn"]),
    ...checked.map(({ event, jobId }): Command => ["zscore", key + event, jobId]),
  ];
  return {
    commands,
    parse: (all: readonly Reply[]) => {
      let from = 0;
      const take = (count: number) => all.slice(from, (from += count));
      const takeFailed = (count: number) => {
        const replies = take(2 * count);
        return Array.from({ length: count }, (_, index) =>
          toFailed(toFields(replies[2 * index]), replies[2 * index + 1]),
        );
      };
      const failedWaiting = takeFailed(waiting.length).filter((failed) => failed > 0).length;
      const failedDelayed = takeFailed(delayedJobs.length);
      const nextRows = take(next.length).map(toFields);
      const delays = take(delayedJobs.length).map(toFields);
      const finished = take(ended.length)
        .map(toFields)
        .map((row) => ({
          couldRunAt: toCouldRunAt(row, 1),
          processedOn: toNumber(row[4]),
          finishedOn: toNumber(row[5]),
        }));
      const scores = take(checked.length);
      const isMissing = (ending: Ending) =>
        checked.some(({ event }, index) => event === ending && scores[index] === null);
      return {
        /**
         * When each of the next jobs could run, milliseconds since 1970. Leaves out jobs that
         * failed before, whose time is unknown.
         */
        couldRunAt: nextRows.flatMap((row) => toCouldRunAt(row, 0) ?? []),
        /** How many waiting jobs failed before; null where they are too many to read. */
        failedWaiting: waitingJobs && failedWaiting,
        /** How often each of the delayed jobs failed, and its delay, milliseconds. */
        delayed: failedDelayed.map((failed, index) => ({ failed, delay: toNumber(delays[index]?.[0]) ?? 0 })),
        waits: finished.flatMap(({ couldRunAt, processedOn }) => secondsFrom(couldRunAt, processedOn)),
        runs: finished.flatMap(({ processedOn, finishedOn }) => secondsFrom(processedOn, finishedOn)),
        /** Whether a job that ended within the window has no row. */
        isMissing: { completed: isMissing("completed"), failed: isMissing("failed") },
      };
    },
  };
}

/** The counters of attempts in BullMQ 5 and newer, and in BullMQ 4. */
const attempts = ["atm", "attemptsMade"] as const;

/** Reads how often a job failed. */
export function askAttempts(job: string): readonly [Command, Command] {
  return [
    ["hmget", job, ...attempts],
    ["hstrlen", job, "failedReason"],
  ];
}

/**
 * BullMQ 4 counts an attempt when it begins, even if it was delayed or lost its worker. An attempt
 * failed only if there is a reason.
 */
export function toFailed([atm, attemptsMade]: readonly (string | null)[], reasonLength: Reply): number {
  return toNumber(atm) ?? (toCount(reasonLength) > 0 ? (toNumber(attemptsMade) ?? 0) : 0);
}

/**
 * When a job could first run: its creation plus its delay. Null after more than `most` attempts,
 * because that time is then long past.
 */
function toCouldRunAt([timestamp, options, atm, attemptsMade]: readonly (string | null)[], most: 0 | 1): number | null {
  const made = toNumber(timestamp);
  return made === null || Number(atm ?? attemptsMade ?? "0") > most ? null : made + toDelay(options ?? null);
}

function toDelay(options: string | null): number {
  if (!options?.includes('"delay"')) return 0;
  try {
    const { delay } = JSON.parse(options) as { delay?: unknown };
    return typeof delay === "number" && delay > 0 ? delay : 0;
  } catch {
    return 0;
  }
}

function secondsFrom(from: number | null, to: number | null): number[] {
  return from === null || to === null ? [] : [Math.max(0, to - from) / 1000];
}
