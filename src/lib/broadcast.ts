import { setTimeout as sleep } from "node:timers/promises";

export interface Changes {
  /** Says that something may be other than it was. Costs nothing while nobody watches. */
  notify(): void;
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
  const readers = createSubscribers<Notifier>();
  return {
    notify() {
      for (const bell of readers) bell.notify();
    },
    watch(signal) {
      const bell = createNotifier();
      return readers.subscribe(bell, signal, async function* () {
        while (!signal.aborted) {
          yield null;
          await bell.wait(signal, lookMs);
          await sleep(gatherMs, null, { signal }).catch(() => {});
        }
      });
    },
    get watchers() {
      return readers.size;
    },
  };
}

export interface Notifier {
  notify(): void;
  /** Resolves once it has rung since the last time that this resolved; rings in between count as one. Also when the signal aborts, and after `ms`. */
  wait(signal: AbortSignal, ms?: number): Promise<void>;
}

/** For one reader that sleeps between what others have for it. */
export function createNotifier(): Notifier {
  let rung = false;
  let wake: (() => void) | null = null;
  return {
    notify() {
      rung = true;
      wake?.();
    },
    async wait(signal, ms) {
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
interface Subscribers<Reader> extends Iterable<Reader> {
  readonly size: number;
  /** Adds a reader now, and takes it out when the signal aborts or when what it reads is given back, begun or not. */
  subscribe<T>(reader: Reader, signal: AbortSignal, read: () => AsyncGenerator<T, void>): AsyncGenerator<T, void>;
}

export function createSubscribers<Reader>(): Subscribers<Reader> {
  const readers = new Set<Reader>();
  return {
    get size() {
      return readers.size;
    },
    [Symbol.iterator]: () => readers[Symbol.iterator](),
    subscribe(reader, signal, read) {
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
