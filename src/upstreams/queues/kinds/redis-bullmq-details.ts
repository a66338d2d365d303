import type { Look } from "./redis-bullmq-look.ts";
import type { Command, Question } from "./redis-connection.ts";
import { toFields, toNumber } from "./redis-replies.ts";

/** Newest events of a kind of which the row is looked for. */
const checkedEvents = 5;

/** What the rows say of the jobs that were seen. */
export interface Details {
  /** When each of the next jobs could run, milliseconds since 1970; those are left out that failed before, of which nobody knows. */
  readonly couldRunAt: readonly number[];
  /** How often each of the delayed jobs failed, and its delay, milliseconds. */
  readonly delayed: readonly { readonly failed: number; readonly delay: number }[];
  readonly waits: readonly number[];
  readonly runs: readonly number[];
  /** When the jobs ended that have no row, though they did just now. */
  readonly missing: Readonly<Record<"completed" | "failed", readonly number[]>>;
}

/** Of the jobs that the first look found. */
export function lookCloser(key: string, { next, delayedJobs, ended, events }: Look): Question<Details> {
  const checked = ["completed", "failed"].flatMap((name) =>
    events.flatMap(([, item]) => (item.event === name ? [item] : [])).slice(-checkedEvents),
  );
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
      const missing = (event: "completed" | "failed") =>
        checked.flatMap((item, index) => (item.event === event && replies[checkedFrom + index] === null ? [item.at] : []));
      return {
        couldRunAt: rows.slice(0, delayedFrom).flatMap((row) => toCouldRunAt(row, "0") ?? []),
        delayed: rows
          .slice(delayedFrom, endedFrom)
          .map(([atm, delay]) => ({ failed: toNumber(atm) ?? 0, delay: toNumber(delay) ?? 0 })),
        waits: finished.flatMap(({ couldRunAt, processedOn }) => secondsFrom(couldRunAt, processedOn)),
        runs: finished.flatMap(({ processedOn, finishedOn }) => secondsFrom(processedOn, finishedOn)),
        missing: { completed: missing("completed"), failed: missing("failed") },
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
