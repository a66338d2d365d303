/** Decides when long work may go on. */
export interface Turns {
  /**
   * Null: go on. A promise: wait for it, others are served meanwhile. Call it when long work starts
   * and every few milliseconds. Within one owner the lowest order goes first.
   */
  take(owner: string, order: number): Promise<void> | null;
  /** As `take`, but also waits until this owner's waiting work, up to this order, has gone on. */
  takeLast(owner: string, order: number): Promise<void> | null;
}

/**
 * Shares the event loop between requests. In one round of the loop they work for `sliceMs`
 * altogether. Then sockets are served (new requests, `/healthz`), and those who wait go on, owner
 * by owner. A request that computes for a second delays others by one slice; many such requests
 * delay them no more.
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
    // The granted work runs in microtasks until it waits for something else; the tick comes after
    // them.
    queueMicrotask(() => process.nextTick(grantMore));
  };
  const grantMore = () => {
    if (waiting.size > 0 && sliceEnd !== null && performance.now() < sliceEnd) grant();
  };
  const wait = (owner: string, order: number) => new Promise<void>((resolve) => waiting.add(owner, resolve, order));
  const take = (owner: string, order: number) => {
    if (sliceEnd === null) begin();
    else if (performance.now() >= sliceEnd) return wait(owner, order);
    return null;
  };
  return {
    take,
    takeLast: (owner, order) => (waiting.has(owner) ? wait(owner, order) : take(owner, order)),
  };
}

/**
 * The waiting items of one owner: the lowest order first, and of equal orders the longest waiting.
 * A step takes time by the number of different orders, however many items wait.
 */
class OrderedItems<T> {
  readonly #byOrder = new Map<number, Set<T>>();

  get isEmpty(): boolean {
    return this.#byOrder.size === 0;
  }

  add(item: T, order: number): void {
    const equals = this.#byOrder.get(order);
    if (equals) equals.add(item);
    else this.#byOrder.set(order, new Set([item]));
  }

  /** Requires an item. */
  first(): T {
    const [item] = this.#byOrder.get(Math.min(...this.#byOrder.keys())) as Set<T>;
    return item as T;
  }

  /** Whether the item was there. */
  remove(item: T): boolean {
    for (const [order, equals] of this.#byOrder) {
      if (!equals.delete(item)) continue;
      if (equals.size === 0) this.#byOrder.delete(order);
      return true;
    }
    return false;
  }
}

/** A queue that serves its owners in turn: an owner who adds many items delays only their own. */
export class FairQueue<T> {
  /** Owners with waiting items, the next one first. */
  readonly #waiting = new Map<string, OrderedItems<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(owner: string, item: T, order: number): void {
    const own = this.#waiting.get(owner) ?? new OrderedItems<T>();
    this.#waiting.set(owner, own);
    own.add(item, order);
    this.#size += 1;
  }

  /** Whether this owner has waiting items. */
  has(owner: string): boolean {
    return this.#waiting.has(owner);
  }

  /** The first item of the next owner; undefined when the queue is empty. */
  take(): T | undefined {
    const [next] = this.#waiting;
    if (!next) return undefined;
    const [owner, own] = next;
    const item = own.first();
    this.#waiting.delete(owner);
    this.#waiting.set(owner, own);
    this.remove(owner, item);
    return item;
  }

  remove(owner: string, item: T): void {
    const own = this.#waiting.get(owner);
    if (!own?.remove(item)) return;
    this.#size -= 1;
    if (own.isEmpty) this.#waiting.delete(owner);
  }
}

/**
 * A queue that shares time between its owners: the one who has used the least time is served first
 * (start-time fair queueing). Nobody saves up time: an owner who comes back after a pause counts as
 * having used as much as the one who is being served.
 */
export class TimeQueue<T> {
  readonly #waiting = new Map<string, OrderedItems<T>>();
  /**
   * Time that owners have used, on a scale of which only differences count; absent for as much as
   * `#now`.
   */
  readonly #used = new Map<string, number>();
  #now = 0;

  add(owner: string, item: T, order: number): void {
    const own = this.#waiting.get(owner);
    this.#used.set(owner, own ? this.#usedBy(owner) : Math.max(this.#now, this.#usedBy(owner)));
    const items = own ?? new OrderedItems<T>();
    this.#waiting.set(owner, items);
    items.add(item, order);
  }

  /** The first item of the owner that has used least; undefined when the queue is empty. */
  take(): T | undefined {
    let next: readonly [string, OrderedItems<T>] | undefined;
    for (const entry of this.#waiting) {
      if (next === undefined || this.#usedBy(entry[0]) < this.#usedBy(next[0])) next = entry;
    }
    if (next === undefined) {
      this.#used.clear();
      return undefined;
    }
    const [owner, own] = next;
    const item = own.first();
    this.remove(owner, item);
    this.#now = this.#usedBy(owner);
    for (const [one, used] of this.#used) if (used <= this.#now && !this.#waiting.has(one)) this.#used.delete(one);
    return item;
  }

  /** Adds this time to the owner's use. */
  charge(owner: string, ms: number): void {
    this.#used.set(owner, this.#usedBy(owner) + ms);
  }

  remove(owner: string, item: T): void {
    const own = this.#waiting.get(owner);
    if (own?.remove(item) && own.isEmpty) this.#waiting.delete(owner);
  }

  #usedBy(owner: string): number {
    return this.#used.get(owner) ?? this.#now;
  }
}
