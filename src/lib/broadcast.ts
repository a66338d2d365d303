const nothing = () => {};

export interface Changes {
  /** Reports that something may have changed. Costs nothing without watchers. */
  notify(): void;
  /** See ContainerSource.changes. */
  watch(signal: AbortSignal): AsyncGenerator<object, void>;
  readonly watchers: number;
}

/** Changes within this time count as one, milliseconds. */
const gatherMs = 100;
/**
 * Interval of the check for changes that only time makes, milliseconds: a lost engine is shown for
 * a minute, a silent one is pinged.
 */
const lookMs = 1000;

/**
 * All watchers wake at the same moments, and each moment has one object, so that they can share
 * what they compute then.
 */
export function createChanges(): Changes {
  const subscribers = createSubscribers<{ wake(): void }>();
  let [gathering, looking]: (NodeJS.Timeout | null)[] = [null, null];
  let moment: object = {};

  const begin = () => {
    if (gathering) clearTimeout(gathering);
    gathering = null;
    if (subscribers.size === 0 && looking) {
      clearInterval(looking);
      looking = null;
    }
    looking?.refresh();
    moment = {};
    for (const watcher of subscribers) watcher.wake();
  };
  return {
    notify() {
      if (subscribers.size > 0) gathering ??= setTimeout(begin, gatherMs).unref();
    },
    watch(signal) {
      looking ??= setInterval(begin, lookMs).unref();
      const watcher = { wake: nothing };
      const wake = () => watcher.wake();
      return subscribers.subscribe(watcher, signal, async function* () {
        signal.addEventListener("abort", wake);
        try {
          // What it sees now may be newer than what others saw at the last moment.
          let seen = moment;
          if (!signal.aborted) yield {};
          while (!signal.aborted) {
            if (seen === moment) await new Promise<void>((resolve) => (watcher.wake = resolve));
            if (signal.aborted) break;
            seen = moment;
            yield moment;
          }
        } finally {
          signal.removeEventListener("abort", wake);
        }
      });
    },
    get watchers() {
      return subscribers.size;
    },
  };
}

export interface Notifier {
  notify(): void;
  /**
   * Resolves once `notify` was called since the last `wait`, or when the signal aborts, or after
   * `ms`. Several calls count as one.
   */
  wait(signal: AbortSignal, ms?: number): Promise<void>;
}

/** For one reader that sleeps until there is something to read. */
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

/** The readers of endless streams. */
interface Subscribers<Reader> extends Iterable<Reader> {
  readonly size: number;
  /**
   * Adds the reader at once. Removes it when the signal aborts or the generator is returned, even
   * one that was never started.
   */
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
      return withEnd(leave, read);
    },
  };
}

/**
 * A reading that calls `end` when it ends or is returned, even if it was never started: a generator
 * then runs none of its code, not even `finally`.
 */
export function withEnd<T>(end: () => void, read: () => AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  let isBegun = false;
  const reading = (async function* () {
    isBegun = true;
    try {
      yield* read();
    } finally {
      end();
    }
  })();
  const giveBack = reading.return.bind(reading);
  reading.return = async (value) => {
    if (!isBegun) end();
    return giveBack(value);
  };
  return reading;
}
