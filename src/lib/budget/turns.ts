/** Decides when long work may go on. */
export interface Turns {
  /**
   * Null: go on. A promise: wait for it, others are served meanwhile. Call it when such work starts and every few milliseconds. Within one owner the lowest order
   * goes first.
   */
  take(owner: string, order: number): Promise<void> | null;
}

/**
 * Shares the event loop between requests. In one round of the loop they work for `sliceMs` altogether. Then sockets are served (new requests, `/healthz`), and those
 * who wait go on, owner by owner. A request that computes for a second delays others by one slice; many such requests delay them no more.
 */
export function createTurns(sliceMs: number): Turns {
  const waiting = new FairQueue<() => void>();
  /** Null until work starts in a round. */
  let sliceEnd: number | null = null;

  const begin = () => {
    sliceEnd = performance.now() + sliceMs;
    setImmediate(nextRound);
  };
  const nextRound = () => {
    sliceEnd = null;
    if (waiting.size === 0) return;
    begin();
    grant();
  };
  const grant = () => {
    waiting.take()?.();
    // The granted work runs in microtasks until it waits for something else; the tick comes after these.
    queueMicrotask(() => process.nextTick(grantMore));
  };
  const grantMore = () => {
    if (waiting.size > 0 && sliceEnd !== null && performance.now() < sliceEnd) grant();
  };
  return {
    take(owner, order) {
      if (sliceEnd === null) begin();
      else if (performance.now() >= sliceEnd) return new Promise((resolve) => waiting.add(owner, resolve, order));
      return null;
    },
  };
}

/**
 * A queue that serves its owners in turn: an owner who adds many items delays only their own. Within
 * one owner the lowest order goes first, and of equal orders the item that has waited longest. A step
 * takes as long as the owner has different orders, however many items wait.
 */
export class FairQueue<T> {
  /** Owners with waiting items by their order, the next owner first. */
  readonly #waiting = new Map<string, Map<number, Set<T>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(owner: string, item: T, order: number): void {
    const own = this.#waiting.get(owner) ?? new Map<number, Set<T>>();
    this.#waiting.set(owner, own);
    const equals = own.get(order);
    if (equals) equals.add(item);
    else own.set(order, new Set([item]));
    this.#size += 1;
  }

  /** The first item of the next owner; undefined when the queue is empty. */
  take(): T | undefined {
    const [next] = this.#waiting;
    if (!next) return undefined;
    const [owner, own] = next;
    const order = Math.min(...own.keys());
    const [item] = own.get(order) as Set<T>;
    this.#waiting.delete(owner);
    this.#waiting.set(owner, own);
    this.remove(owner, item as T);
    return item;
  }

  remove(owner: string, item: T): void {
    const own = this.#waiting.get(owner) ?? new Map<number, Set<T>>();
    for (const [order, equals] of own) {
      if (!equals.delete(item)) continue;
      this.#size -= 1;
      if (equals.size === 0) own.delete(order);
      if (own.size === 0) this.#waiting.delete(owner);
      return;
    }
  }
}

/**
 * A queue that shares time between its owners: whoever has used least of it goes first (start-time
 * fair queueing). Nobody saves up: who comes back after a pause counts as having used as much as the
 * one that is served. Within one owner the lowest order goes first.
 */
export class TimeQueue<T> {
  readonly #waiting = new Map<string, Map<T, number>>();
  /** What owners have used, on a scale of which only differences count; absent for as much as `#now`. */
  readonly #used = new Map<string, number>();
  #now = 0;

  add(owner: string, item: T, order: number): void {
    const own = this.#waiting.get(owner);
    if (own) own.set(item, order);
    else this.#waiting.set(owner, new Map([[item, order]]));
    this.#used.set(owner, own ? this.#usedBy(owner) : Math.max(this.#now, this.#usedBy(owner)));
  }

  /** The first item of the owner that has used least; undefined when the queue is empty. */
  take(): T | undefined {
    let next: readonly [string, Map<T, number>] | undefined;
    for (const entry of this.#waiting) {
      if (next === undefined || this.#usedBy(entry[0]) < this.#usedBy(next[0])) next = entry;
    }
    if (next === undefined) {
      this.#used.clear();
      return undefined;
    }
    const [owner, own] = next;
    const item = findFirst(own);
    this.remove(owner, item);
    this.#now = this.#usedBy(owner);
    for (const [one, used] of this.#used) if (used <= this.#now && !this.#waiting.has(one)) this.#used.delete(one);
    return item;
  }

  /** The owner has used so much time. */
  charge(owner: string, ms: number): void {
    this.#used.set(owner, this.#usedBy(owner) + ms);
  }

  remove(owner: string, item: T): void {
    const own = this.#waiting.get(owner);
    if (own?.delete(item) && own.size === 0) this.#waiting.delete(owner);
  }

  #usedBy(owner: string): number {
    return this.#used.get(owner) ?? this.#now;
  }
}

/** `items` is not empty. Among equal orders the longest waiting is first. */
function findFirst<T>(items: ReadonlyMap<T, number>): T {
  let first: readonly [T, number] | undefined;
  for (const entry of items) if (first === undefined || entry[1] < first[1]) first = entry;
  return (first as readonly [T, number])[0];
}
