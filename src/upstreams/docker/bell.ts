export interface Bell {
  ring(): void;
  /** Resolves once it has rung since the last time that this resolved; rings in between count as one. Also when the signal aborts, and after `ms`. */
  next(signal: AbortSignal, ms?: number): Promise<void>;
}

/** For one reader that sleeps between what others have for it. */
export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | null = null;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async next(signal, ms) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const done = () => {
            signal.removeEventListener("abort", done);
            clearTimeout(timer);
            resolve();
          };
          const timer = ms === undefined ? undefined : setTimeout(done, ms);
          signal.addEventListener("abort", done);
          wake = done;
        });
        wake = null;
      }
      rung = false;
    },
  };
}
