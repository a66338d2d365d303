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
