import type { ReadBudget } from "./budget.ts";
import { FairQueue } from "./turns.ts";

/** Limits concurrent work. Waiting work starts in turn, owner by owner. */
export interface FairLimit {
  /** Within one owner the lowest order goes first. Rejects with the signal's reason when it aborts before the start, else as `work` does. */
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
