/** Those who read something without an end. */
export interface Readers<Reader> extends Iterable<Reader> {
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
