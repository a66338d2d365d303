import { toRetryAfterSeconds } from "../lib/time.ts";

const hourMs = 3_600_000;

/** How much each holder may take within any 60 minutes. */
export interface HourlyBudget {
  /** How much of it a holder has left, and when the oldest part comes back: seconds, at least 1. */
  left(holder: string): { readonly count: number; readonly retryAfterSeconds: number };
  /** `at`: when, by the clock; not before what was taken earlier. @default now */
  take(holder: string, count: number, at?: number): void;
  /** Undoes the newest `take` of this number. */
  giveBack(holder: string, count: number): void;
}

/** `now` is a monotonic clock, milliseconds. Holds nothing that is older than an hour. */
export function createHourlyBudget(perHour: number, now: () => number = () => performance.now()): HourlyBudget {
  const spent = new Map<string, readonly { readonly at: number; readonly count: number }[]>();
  const prune = (at: number) => {
    for (const [holder, takes] of spent) {
      const young = takes.filter((take) => at - take.at < hourMs);
      if (young.length > 0) spent.set(holder, young);
      else spent.delete(holder);
    }
  };
  return {
    left(holder) {
      const at = now();
      prune(at);
      const takes = spent.get(holder) ?? [];
      const ms = (takes[0]?.at ?? at) + hourMs - at;
      return {
        count: perHour - takes.reduce((sum, { count }) => sum + count, 0),
        retryAfterSeconds: toRetryAfterSeconds(ms),
      };
    },
    take(holder, count, at = now()) {
      spent.set(holder, [...(spent.get(holder) ?? []), { at, count }]);
    },
    giveBack(holder, count) {
      const takes = spent.get(holder) ?? [];
      const index = takes.findLastIndex((take) => take.count === count);
      if (index >= 0) spent.set(holder, takes.toSpliced(index, 1));
    },
  };
}
