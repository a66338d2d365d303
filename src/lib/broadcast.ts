import { setTimeout as sleep } from "node:timers/promises";

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

/** Those who read something without an end. */
interface Readers<Reader> extends Iterable<Reader> {
  readonly size: number;
  /** Adds a reader now, and takes it out when the signal aborts or when what it reads is given back, begun or not. */
  enter<T>(reader: Reader, signal: AbortSignal, read: () => AsyncGenerator<T, void>): AsyncGenerator<T, void>;
}

export function createReaders<Reader>(): Readers<Reader> {
  const readers = new Set<Reader>();
  return {
    get size() {
      return readers.size;
    },
    [Symbol.iterator]: () => readers[Symbol.iterator](),
    enter(reader, signal, read) {
      const leave = () => {
        readers.delete(reader);
        signal.removeEventListener("abort", leave);
      };
      if (!signal.aborted) {
        readers.add(reader);
        signal.addEventListener("abort", leave);
      }
      let isBegun = false;
      const reading = (async function* () {
        isBegun = true;
        try {
          yield* read();
        } finally {
          leave();
        }
      })();
      const giveBack = reading.return.bind(reading);
      reading.return = async (value) => {
        // A generator that was never begun runs nothing of its own, not even `finally`.
        if (!isBegun) leave();
        return giveBack(value);
      };
      return reading;
    },
  };
}
