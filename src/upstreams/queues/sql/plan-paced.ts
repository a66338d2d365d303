import pLimit, { type LimitFunction } from "p-limit";
import { OpsError } from "../../../errors.ts";
import { abortable } from "../../../domain/abortable.ts";
import type { Database } from "./pool.ts";

export interface PacedOptions {
  /** From the begin of one run to that of the next, milliseconds; after one that took long at least twice as long as it took. @default 60000 */
  readonly everyMs?: number;
  /** How long a caller without an answer waits for a run, milliseconds. @default 8000 */
  readonly waitMs?: number;
}

/** Work that is too heavy to be done for each who asks. */
export interface Paced<T> {
  /**
   * The last answer of the same `key`, however old; a run begins behind it when it is time. Without an answer younger than three periods the caller waits for the
   * run, and is told how it failed.
   */
  read(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Ends the run that is under way. */
  close(): void;
}

interface Run<T> {
  readonly key: string;
  readonly result: Promise<T>;
}

/** One heavy run of a database at a time, whichever source it is for. */
const turns = new WeakMap<Database, LimitFunction>();

/** Runs go on when the callers have left, so that the next ones find an answer; none begins while nobody asks. */
export function createPaced<T>(database: Database, { everyMs = 60_000, waitMs = 8_000 }: PacedOptions = {}): Paced<T> {
  const controller = new AbortController();
  const turn = turns.get(database) ?? pLimit(1);
  turns.set(database, turn);
  let last: { readonly key: string; readonly answer: T; readonly at: number } | null = null;
  let failure: { readonly key: string; readonly error: unknown } | null = null;
  let nextAt = -Infinity;
  let current: Run<T> | null = null;

  const depart = (key: string, work: (signal: AbortSignal) => Promise<T>): Run<T> => {
    const result = turn(async () => {
      controller.signal.throwIfAborted();
      const start = performance.now();
      const took = () => performance.now() - start;
      try {
        const answer = await work(controller.signal);
        last = { key, answer, at: start };
        failure = null;
        nextAt = start + Math.max(everyMs, 2 * took());
        return answer;
      } catch (error) {
        failure = { key, error };
        // A failure that cost little, such as a lock, is soon tried again; a statement that ran out of its 2 s only after a period.
        nextAt = start + Math.min(everyMs, Math.max(everyMs / 60, 30 * took()));
        throw error;
      }
    });
    const run = { key, result };
    const land = () => {
      if (current === run) current = null;
    };
    result.then(land, land);
    return run;
  };

  return {
    async read(key, work, signal) {
      signal.throwIfAborted();
      const mine = last?.key === key ? last : null;
      const isKnown = mine !== null || failure?.key === key;
      if (current?.key !== key && (!isKnown || performance.now() >= nextAt)) current = depart(key, work);
      const run = current?.key === key ? current : null;
      const isYoung = mine !== null && performance.now() - mine.at < 3 * everyMs;
      if (mine && (isYoung || (!run && !failure))) return mine.answer;
      if (run) {
        const answer = await arriveWithin(run.result, waitMs, signal);
        if (answer !== null) return answer.value;
        if (mine) return mine.answer;
        throw new OpsError(
          "postgres_unavailable",
          "A huge table without an index for this is being read in small parts: ask again soon",
        );
      }
      if (failure) throw failure.error;
      throw new Error("nothing runs, and nothing is known");
    },
    close: () => controller.abort(),
  };
}

/** What the promise gives in time; null when it takes longer. */
async function arriveWithin<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<{ readonly value: T } | null> {
  const timeout = AbortSignal.timeout(ms);
  try {
    return { value: await abortable(promise, AbortSignal.any([signal, timeout])) };
  } catch (error) {
    if (timeout.aborted && !signal.aborted) return null;
    throw error;
  }
}
