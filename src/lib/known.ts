/** A value, or a promise of it. */
export type Known<T> = T | Promise<T>;

/** Applies a function to the value, at once if it is not a promise. */
export function whenKnown<T, Made>(value: Known<T>, make: (value: T) => Made): Known<Made> {
  return value instanceof Promise ? value.then(make) : make(value);
}

/**
 * Runs at most once, for all callers. Once it has ended, they get its value, or its error, without
 * a promise.
 */
export function onceKnown<T>(ask: () => Promise<T>): () => Known<T> {
  let asked: Promise<T> | undefined;
  let known: (() => T) | undefined;
  const run = async () => {
    try {
      const value = await ask();
      known = () => value;
      return value;
    } catch (error) {
      known = () => {
        throw error;
      };
      throw error;
    }
  };
  return () => (known ? known() : (asked ??= run()));
}

/**
 * Loads in batches, as DataLoader does, and returns loaded values without a promise. Thousands of
 * keys are loaded with one promise for all: a pending field of a row takes 2 kB in graphql-js.
 */
export class KnownLoader<Key, Value> {
  readonly #read: (keys: readonly Key[]) => Promise<readonly (Value | Error)[]>;
  readonly #toId: (key: Key) => string;
  readonly #known = new Map<string, Value | Error>();
  /** The running loads, by the key's id. */
  readonly #pending = new Map<string, Promise<void>>();
  /** The keys of the next batch, by their ids. */
  #next: { readonly keys: Map<string, Key>; readonly loaded: Promise<void> } | null = null;

  /**
   * `read`: as the batch function of a DataLoader; if it rejects, each of its keys gets that error.
   */
  constructor(read: (keys: readonly Key[]) => Promise<readonly (Value | Error)[]>, toId: (key: Key) => string) {
    this.#read = read;
    this.#toId = toId;
  }

  /** Throws the error of its key if that is already loaded, else rejects with it. */
  load(key: Key): Known<Value> {
    const id = this.#toId(key);
    return this.#known.has(id) ? this.#get(id) : this.loadAll([key]).then(() => this.#get(id));
  }

  /** Afterwards all of these are loaded: their values, or their errors. Never rejects. */
  async loadAll(keys: readonly Key[]): Promise<void> {
    const batches = new Set<Promise<void>>();
    for (const key of keys) {
      const id = this.#toId(key);
      if (!this.#known.has(id)) batches.add(this.#pending.get(id) ?? this.#add(id, key));
    }
    await Promise.all(batches);
  }

  /** The values, in the order of the keys. Rejects with the first error. */
  async loadEach(keys: readonly Key[]): Promise<Value[]> {
    await this.loadAll(keys);
    return keys.map((key) => this.#get(this.#toId(key)));
  }

  #get(id: string): Value {
    const known = this.#known.get(id);
    if (known instanceof Error) throw known;
    return known as Value;
  }

  #add(id: string, key: Key): Promise<void> {
    const batch = (this.#next ??= this.#begin());
    batch.keys.set(id, key);
    this.#pending.set(id, batch.loaded);
    return batch.loaded;
  }

  #begin() {
    const keys = new Map<string, Key>();
    return { keys, loaded: this.#run(keys) };
  }

  async #run(keys: ReadonlyMap<string, Key>): Promise<void> {
    // Everything requested in this turn, also by what is resolved in it, is one batch.
    await new Promise<void>((resolve) => queueMicrotask(() => process.nextTick(resolve)));
    this.#next = null;
    const found = await this.#read([...keys.values()]).catch(toError);
    for (const [index, id] of [...keys.keys()].entries()) {
      this.#known.set(id, found instanceof Error ? found : (found[index] as Value | Error));
      this.#pending.delete(id);
    }
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
