import { type Beginnings, type Ending, beginningOf, endings } from "./redis-bullmq-beginning.ts";
import type { Look } from "./redis-bullmq-look.ts";
import type { Command, Question } from "./redis-connection.ts";
import { toFields, toNumber } from "./redis-replies.ts";

/** So many of the oldest and of the newest events of a kind within its window: their rows are looked for. */
const checkedEvents = 5;

/** What the rows say of the jobs that were seen. */
export interface Details {
  /** When each of the next jobs could run, milliseconds since 1970; those are left out that failed before, of which nobody knows. */
  readonly couldRunAt: readonly number[];
  /** How often each of the delayed jobs failed, and its delay, milliseconds. */
  readonly delayed: readonly { readonly failed: number; readonly delay: number }[];
  readonly waits: readonly number[];
  readonly runs: readonly number[];
  /** Whether a job that ended within the window has no row. */
  readonly isMissing: Readonly<Record<Ending, boolean>>;
}

/** Of the jobs that the first look found. */
export function lookCloser(
  key: string,
  { next, delayedJobs, ended, events }: Look,
  beginnings: Beginnings,
  now: number,
): Question<Details> {
  const checked = endings.flatMap((ending) => {
    const newest = events.flatMap(([, item]) => (item.event === ending && item.at >= beginningOf(ending, now) ? [item] : []));
    return [...beginnings[ending].events.slice(0, checkedEvents), ...newest.slice(-checkedEvents)];
  });
  const commands: Command[] = [
    ...next.map((id): Command => ["hmget", key + id, "timestamp", "opts", "atm"]),
    ...delayedJobs.map(({ id }): Command => ["hmget", key + id, "atm", "delay"]),
    ...ended.map((id): Command => ["hmget", key + id, "timestamp", "opts", "atm", "processedOn", "finishedOn"]),
    ...checked.map(({ event, jobId }): Command => ["zscore", key + event, jobId]),
  ];
  return {
    commands,
    parse: (replies) => {
      const rows = replies.map(toFields);
      const delayedFrom = next.length;
      const endedFrom = delayedFrom + delayedJobs.length;
      const checkedFrom = endedFrom + ended.length;
      const finished = rows.slice(endedFrom, checkedFrom).map((row) => ({
        couldRunAt: toCouldRunAt(row, "1"),
        processedOn: toNumber(row[3]),
        finishedOn: toNumber(row[4]),
      }));
      const isMissing = (ending: Ending) =>
        checked.some(({ event }, index) => event === ending && replies[checkedFrom + index] === null);
      return {
        couldRunAt: rows.slice(0, delayedFrom).flatMap((row) => toCouldRunAt(row, "0") ?? []),
        delayed: rows
          .slice(delayedFrom, endedFrom)
          .map(([atm, delay]) => ({ failed: toNumber(atm) ?? 0, delay: toNumber(delay) ?? 0 })),
        waits: finished.flatMap(({ couldRunAt, processedOn }) => secondsFrom(couldRunAt, processedOn)),
        runs: finished.flatMap(({ processedOn, finishedOn }) => secondsFrom(processedOn, finishedOn)),
        isMissing: { completed: isMissing("completed"), failed: isMissing("failed") },
      };
    },
  };
}

/** When a job could first run: made, and its delay over. Null when more attempts than these were made: then that was long ago. */
function toCouldRunAt([timestamp, options, attempts]: readonly (string | null)[], most: "0" | "1"): number | null {
  const made = toNumber(timestamp);
  return made === null || Number(attempts ?? "0") > Number(most) ? null : made + toDelay(options ?? null);
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
