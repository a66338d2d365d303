import type { ReadBudget } from "./budget.ts";
import { FairQueue } from "./fair-queue.ts";

/** Runs so much at once, and the rest when it is the turn of its owner. */
export interface FairLimit {
  /** Of one owner the lowest order goes first. Rejects with the signal's reason when that aborts before it begins, else as `work` does. */
  run<T>(budget: Pick<ReadBudget, "owner" | "order" | "signal">, work: () => Promise<T>): Promise<T>;
}

export function createFairLimit(most: number): FairLimit {
  const waiting = new FairQueue<() => void>();
  let running = 0;

  const enter = ({ owner, order, signal }: Pick<ReadBudget, "owner" | "order" | "signal">): Promise<void> =>
    new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener("abort", leave);
        running += 1;
        resolve();
      };
      const leave = () => {
        waiting.remove(owner, begin);
        reject(signal.reason as Error);
      };
      if (signal.aborted) return leave();
      if (running < most) return begin();
      waiting.add(owner, begin, order);
      signal.addEventListener("abort", leave, { once: true });
    });
  return {
    async run(budget, work) {
      await enter(budget);
      try {
        return await work();
      } finally {
        running -= 1;
        waiting.take()?.();
      }
    },
  };
}
