import type { ReadBudget } from "./budget.ts";
import { FairQueue } from "./turns.ts";

/** Who requests work. */
export type Asker = Pick<ReadBudget, "owner" | "order">;
type Caller = Asker & Partial<Pick<ReadBudget, "signal">>;

/**
 * Waits for something without the place, which others use meanwhile. Then settles as `wait` does,
 * in a place again.
 */
type Outside = <T>(wait: () => Promise<T>) => Promise<T>;

/** Limits concurrent work. Waiting work starts in turn, owner by owner. */
export interface FairLimit {
  /**
   * Within one owner the lowest order goes first. Rejects with the signal's reason when it aborts
   * before the start, else as `work` does.
   */
  run<T>(caller: Caller, work: (outside: Outside) => Promise<T>): Promise<T>;
  /**
   * The same for work that several owners wait for: it starts at the first turn that any of them
   * gets.
   */
  runShared<T>(waiters: Waiters, work: () => Promise<T>): Promise<T>;
}

/** Those who wait for one piece of work. Others may join them, even while it is already waiting. */
export class Waiters {
  readonly #askers = new Map<string, Asker>();
  #onJoin: ((asker: Asker) => void) | null = null;

  constructor(...askers: readonly Asker[]) {
    for (const asker of askers) this.join(asker);
  }

  /** An owner waits once; the first order counts. */
  join(asker: Asker): void {
    const { owner, order } = asker;
    if (this.#askers.has(owner)) return;
    this.#askers.set(owner, { owner, order });
    this.#onJoin?.(asker);
  }

  /** Calls `onJoin` for each of them, and for those who join until it is called again. */
  watch(onJoin: ((asker: Asker) => void) | null): void {
    this.#onJoin = onJoin;
    if (onJoin) for (const asker of this.#askers.values()) onJoin(asker);
  }

  /** The owners so far. */
  owners(): Iterable<string> {
    return this.#askers.keys();
  }
}

/** At most `most` pieces of work run at once. */
export function createFairLimit(most: number): FairLimit {
  const waiting = new FairQueue<() => void>();
  let running = 0;

  const enter = ({ owner, order, signal }: Caller): Promise<void> =>
    new Promise((resolve, reject) => {
      const begin = () => {
        signal?.removeEventListener("abort", leave);
        running += 1;
        resolve();
      };
      const leave = () => {
        waiting.remove(owner, begin);
        reject(signal?.reason as Error);
      };
      if (signal?.aborted) return leave();
      if (running < most) return begin();
      waiting.add(owner, begin, order);
      signal?.addEventListener("abort", leave, { once: true });
    });
  const enterShared = (waiters: Waiters): Promise<void> =>
    new Promise((resolve) => {
      const begin = () => {
        waiters.watch(null);
        for (const owner of waiters.owners()) waiting.remove(owner, begin);
        running += 1;
        resolve();
      };
      if (running < most) begin();
      else waiters.watch(({ owner, order }) => waiting.add(owner, begin, order));
    });
  const exit = () => {
    running -= 1;
    waiting.take()?.();
  };
  return {
    async run(caller, work) {
      await enter(caller);
      let [isInside, hasEnded] = [true, false];
      const outside: Outside = async (wait) => {
        // Abandoned work may go on for a moment: it no longer has a place.
        if (!isInside || hasEnded) return wait();
        isInside = false;
        exit();
        try {
          return await wait();
        } finally {
          if (!hasEnded) {
            await enter(caller);
            isInside = true;
            if (hasEnded) exit();
          }
        }
      };
      try {
        return await work(outside);
      } finally {
        hasEnded = true;
        if (isInside) exit();
      }
    },
    async runShared(waiters, work) {
      await enterShared(waiters);
      try {
        return await work();
      } finally {
        exit();
      }
    },
  };
}

/** A limit for each owner: work waits only for its own owner's work. */
export function createOwnerLimit(most: number): Pick<FairLimit, "run"> {
  const limits = new Map<string, { readonly limit: FairLimit; users: number }>();
  return {
    async run(caller, work) {
      const own = limits.get(caller.owner) ?? { limit: createFairLimit(most), users: 0 };
      limits.set(caller.owner, own);
      own.users += 1;
      try {
        return await own.limit.run(caller, work);
      } finally {
        own.users -= 1;
        if (own.users === 0) limits.delete(caller.owner);
      }
    },
  };
}
