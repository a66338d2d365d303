import type { EdgeLimits } from "./limits.ts";
import { WaitingLine } from "./waiting-line.ts";

export interface Admission {
  /**
   * Takes a place for the holder of a token; false if none is free. `reserved` callers may also use
   * the places reserved for operators.
   */
  enter(reserved: boolean, holder: string): boolean;
  /**
   * Waits for a place, in a line that is fair by holder and by the holder's parts (`WaitingLine`).
   * False when the wait was too long, or another caller goes first.
   */
  wait(holder: string, part?: string): Promise<boolean>;
  /** Frees the place for the next waiting holder who may have one. */
  leave(holder: string): void;
  /** The holder's work came to nothing: others go first for a while. */
  suspect(holder: string): void;
  readonly waiting: number;
}

type AdmissionLimits = Pick<EdgeLimits, "limit" | "reserve" | "limitPerToken" | "waitMs" | "queueLimit"> &
  Partial<Pick<EdgeLimits, "tightLimit">>;

/**
 * Number of holders remembered without a place. A Map that gains and loses a key with each request
 * is rebuilt all the time, and costs a tenth of an answer.
 */
const idleHolders = 1000;

/**
 * Limits concurrent requests. Beyond the limit: a short queue, then refusal, because late answers
 * help nobody. `isTight`: whether little memory is left; then `tightLimit` holds, and half of it
 * for one holder.
 */
export function createAdmission(
  { limit, tightLimit = limit, reserve, limitPerToken, waitMs, queueLimit }: AdmissionLimits,
  isTight: () => boolean = () => false,
): Admission {
  let taken = 0;
  const most = () => (isTight() ? Math.min(limit, tightLimit) : limit);
  const byHolder = new Map<string, number>();
  const line = new WaitingLine({ limit: queueLimit, waitMs });

  /**
   * With little memory left one holder has at most half of the places, so another still gets one.
   */
  const mostOwn = () => (isTight() ? Math.min(limitPerToken, Math.ceil(most() / 2)) : limitPerToken);
  const isBelowOwn = (holder: string) => (byHolder.get(holder) ?? 0) < mostOwn();
  const take = (holder: string) => {
    taken += 1;
    byHolder.set(holder, (byHolder.get(holder) ?? 0) + 1);
  };
  return {
    enter(reserved, holder) {
      const isFree = taken < most() + (reserved ? reserve : 0) && isBelowOwn(holder);
      if (isFree) take(holder);
      return isFree;
    },
    wait: (holder, part) => line.wait(holder, part),
    get waiting() {
      return line.length;
    },
    leave(holder) {
      taken -= 1;
      const left = (byHolder.get(holder) ?? 1) - 1;
      if (left > 0 || byHolder.size <= idleHolders) byHolder.set(holder, left);
      else byHolder.delete(holder);
      while (line.length > 0 && taken < most()) {
        const next = line.admit(isBelowOwn);
        if (next === null) return;
        take(next);
      }
    },
    suspect: (holder) => line.suspect(holder),
  };
}
