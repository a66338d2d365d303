import { setTimeout as sleep } from "node:timers/promises";
import { type Bell, createBell } from "./bell.ts";
import { createReaders } from "./readers.ts";

export interface Changes {
  /** Says that something may be other than it was. Costs nothing while nobody watches. */
  tell(): void;
  /** As ContainerSource.changes. */
  watch(signal: AbortSignal): AsyncGenerator<null, void>;
  /** How many watch. */
  readonly watchers: number;
}

/** What happens within this time is one change, milliseconds. */
const gatherMs = 100;
/** What only time changes (an engine that went away is shown for a minute; one that is silent is pinged) is looked for so often, milliseconds. */
const lookMs = 1000;

export function createChanges(): Changes {
  const readers = createReaders<Bell>();
  return {
    tell() {
      for (const bell of readers) bell.ring();
    },
    watch(signal) {
      const bell = createBell();
      return readers.enter(bell, signal, async function* () {
        while (!signal.aborted) {
          yield null;
          await bell.next(signal, lookMs);
          await sleep(gatherMs, null, { signal }).catch(() => {});
        }
      });
    },
    get watchers() {
      return readers.size;
    },
  };
}
