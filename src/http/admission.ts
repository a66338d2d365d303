import type { EdgeLimits } from "./limits.ts";

export interface Admission {
  /** Takes a place for the holder of a token; false without a free one. `reserved` callers may also use the places reserved for operators. */
  enter(reserved: boolean, holder: string): boolean;
  /** Waits for a place. False when the wait was too long, the queue is full, or the holder already has a quarter of it. */
  wait(holder: string): Promise<boolean>;
  /** Frees the place for the first waiting holder who may have one. */
  leave(holder: string): void;
  readonly waiting: number;
}

type AdmissionLimits = Pick<EdgeLimits, "limit" | "reserve" | "limitPerToken" | "waitMs" | "queueLimit">;

interface Waiting {
  readonly holder: string;
  readonly settle: (granted: boolean) => void;
}

/** Holders that are remembered without a place. A Map that gains and loses a key with each request is rebuilt all the time, and costs a tenth of an answer. */
const idleHolders = 1000;

/** Limits concurrent requests. Beyond the limit a short queue, then refusal: late answers help nobody. */
export function createAdmission({ limit, reserve, limitPerToken, waitMs, queueLimit }: AdmissionLimits): Admission {
  let taken = 0;
  const byHolder = new Map<string, number>();
  const line = new Set<Waiting>();
  const waitingByHolder = new Map<string, number>();

  const mayHave = (holder: string, places: number) => taken < places && (byHolder.get(holder) ?? 0) < limitPerToken;
  const take = (holder: string) => {
    taken += 1;
    byHolder.set(holder, (byHolder.get(holder) ?? 0) + 1);
  };
  return {
    enter(reserved, holder) {
      const isFree = mayHave(holder, reserved ? limit + reserve : limit);
      if (isFree) take(holder);
      return isFree;
    },
    wait(holder) {
      const inLine = waitingByHolder.get(holder) ?? 0;
      if (line.size >= queueLimit || inLine >= queueLimit / 4) return Promise.resolve(false);
      return new Promise((resolve) => {
        const settle = (granted: boolean) => {
          clearTimeout(timer);
          line.delete(waiting);
          const left = (waitingByHolder.get(holder) ?? 1) - 1;
          if (left > 0) waitingByHolder.set(holder, left);
          else waitingByHolder.delete(holder);
          resolve(granted);
        };
        const waiting = { holder, settle };
        const timer = setTimeout(settle, waitMs, false);
        line.add(waiting);
        waitingByHolder.set(holder, inLine + 1);
      });
    },
    get waiting() {
      return line.size;
    },
    leave(holder) {
      taken -= 1;
      const left = (byHolder.get(holder) ?? 1) - 1;
      if (left > 0 || byHolder.size <= idleHolders) byHolder.set(holder, left);
      else byHolder.delete(holder);
      for (const first of line) {
        if (!mayHave(first.holder, limit)) continue;
        take(first.holder);
        first.settle(true);
        return;
      }
    },
  };
}
