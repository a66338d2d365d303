import type { QueueSource } from "../../domain/queue.ts";
import { createKept } from "./kept.ts";

type ReadHistory = NonNullable<QueueSource["history"]>;

/** Larger answers are for those alone who wait for them, points. */
const mostKept = 5000;

/**
 * One read for all who ask the same of a source while it is under way, or within `keepMs` of its answer: every panel of a dashboard asks about the same range.
 * A range that moves on with the clock is another question, so nothing is kept for longer, and no failure is.
 */
export function shareHistory(read: ReadHistory, keepMs: number): ReadHistory {
  const asked = new Map<string, (signal: AbortSignal) => ReturnType<ReadHistory>>();
  return (queues, range, signal) => {
    // In the order that they are asked for: so they are answered.
    const key = JSON.stringify([queues, range.from, range.step, range.steps]);
    const forget = () => void asked.delete(key);
    const begin = async (shared: AbortSignal) => {
      try {
        const answer = await read(queues, range, shared);
        if (countPoints(answer) > mostKept) forget();
        else setTimeout(forget, keepMs).unref();
        return answer;
      } catch (error) {
        forget();
        throw error;
      }
    };
    const known = asked.get(key) ?? createKept(begin, keepMs);
    asked.set(key, known);
    return known(signal);
  };
}

function countPoints(answer: Awaited<ReturnType<ReadHistory>>): number {
  return [...answer.values()].reduce((sum, { points }) => sum + points.length, 0);
}
