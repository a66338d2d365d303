export interface Admission {
  /** Takes a place for the holder of a token, if there is one. `reserved` callers may use the places kept back for operators. */
  enter(reserved: boolean, holder: string): boolean;
  /** Waits in line for a place; false when the wait was too long, the line is full, or a quarter of it is this holder's. */
  wait(holder: string): Promise<boolean>;
  /** Gives the place back, to the first in line who may have one. */
  leave(holder: string): void;
  /** How many wait in line. */
  readonly waiting: number;
}

interface AdmissionOptions {
  readonly limit: number;
  /** Places beyond `limit` for reserved callers, so that an operator gets through when readers fill the house. */
  readonly reserve: number;
  /** Places that one holder may have: the others' tokens get through when one fills all that it can. */
  readonly limitPerToken: number;
  readonly waitMs: number;
  readonly queueLimit: number;
}

interface Waiting {
  readonly holder: string;
  readonly settle: (granted: boolean) => void;
}

/** Bounds the requests at work; beyond it a short line, then refusal: late answers help nobody. Source: security.md F23. */
export function createAdmission({ limit, reserve, limitPerToken, waitMs, queueLimit }: AdmissionOptions): Admission {
  let taken = 0;
  const byHolder = new Map<string, number>();
  const line = new Set<Waiting>();

  const mayHave = (holder: string, places: number) => taken < places && (byHolder.get(holder) ?? 0) < limitPerToken;
  const take = (holder: string) => {
    taken += 1;
    byHolder.set(holder, (byHolder.get(holder) ?? 0) + 1);
  };
  const countInLine = (holder: string) => [...line].filter((one) => one.holder === holder).length;
  return {
    enter(reserved, holder) {
      const isFree = mayHave(holder, reserved ? limit + reserve : limit);
      if (isFree) take(holder);
      return isFree;
    },
    wait(holder) {
      if (line.size >= queueLimit || countInLine(holder) >= queueLimit / 4) return Promise.resolve(false);
      return new Promise((resolve) => {
        const settle = (granted: boolean) => {
          clearTimeout(timer);
          line.delete(waiting);
          resolve(granted);
        };
        const waiting = { holder, settle };
        const timer = setTimeout(settle, waitMs, false);
        line.add(waiting);
      });
    },
    get waiting() {
      return line.size;
    },
    leave(holder) {
      taken -= 1;
      const left = (byHolder.get(holder) ?? 1) - 1;
      if (left > 0) byHolder.set(holder, left);
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
