import { type Bell, createBell } from "./bell.ts";

export interface StartBells {
  /** The engine told that this container was started. */
  ring(fullId: string): void;
  /** A bell that rings at each start of this container, until the signal aborts. */
  hang(fullId: string, signal: AbortSignal): Bell;
}

/** Wakes whoever waits for a container to run, when its engine tells of it. While the engine is not watched nothing rings. */
export function createStartBells(): StartBells {
  const hung = new Map<string, Set<Bell>>();
  return {
    ring(fullId) {
      for (const bell of hung.get(fullId) ?? []) bell.ring();
    },
    hang(fullId, signal) {
      const bell = createBell();
      if (signal.aborted) return bell;
      const bells = hung.get(fullId) ?? new Set();
      hung.set(fullId, bells.add(bell));
      const take = () => {
        bells.delete(bell);
        if (bells.size === 0 && hung.get(fullId) === bells) hung.delete(fullId);
      };
      signal.addEventListener("abort", take, { once: true });
      return bell;
    },
  };
}
