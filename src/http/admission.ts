export interface Admission {
  /** Takes a place if there is one. `reserved` callers may use the places kept back for operators. */
  enter(reserved: boolean): boolean;
  /** Waits in line for a place; false when the wait was too long or the line is full. */
  wait(): Promise<boolean>;
  /** Gives the place back, to the first in line. */
  readonly leave: () => void;
}

interface AdmissionOptions {
  readonly limit: number;
  /** Places beyond `limit` for reserved callers, so that an operator gets through when readers fill the house. */
  readonly reserve: number;
  readonly waitMs: number;
  readonly queueLimit: number;
}

/** Bounds the requests at work; beyond it a short line, then refusal: late answers help nobody. Source: security.md F23. */
export function createAdmission({ limit, reserve, waitMs, queueLimit }: AdmissionOptions): Admission {
  let taken = 0;
  const line = new Set<(granted: boolean) => void>();
  return {
    enter(reserved) {
      if (taken >= (reserved ? limit + reserve : limit)) return false;
      taken += 1;
      return true;
    },
    wait() {
      if (line.size >= queueLimit) return Promise.resolve(false);
      return new Promise((resolve) => {
        const settle = (granted: boolean) => {
          clearTimeout(timer);
          line.delete(settle);
          resolve(granted);
        };
        const timer = setTimeout(settle, waitMs, false);
        line.add(settle);
      });
    },
    leave() {
      taken -= 1;
      if (taken >= limit) return;
      const [first] = line;
      if (!first) return;
      taken += 1;
      first(true);
    },
  };
}
