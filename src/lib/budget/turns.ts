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

/** A queue that serves its owners in turn: an owner who adds many items delays only their own. Within one owner the lowest order goes first. */
export class FairQueue<T> {
  /** Owners with waiting items, the next one first. */
  readonly #waiting = new Map<string, Map<T, number>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(owner: string, item: T, order: number): void {
    const own = this.#waiting.get(owner);
    if (own) own.set(item, order);
    else this.#waiting.set(owner, new Map([[item, order]]));
    this.#size += 1;
  }

  /** The first item of the next owner; undefined when the queue is empty. */
  take(): T | undefined {
    const [next] = this.#waiting;
    if (!next) return undefined;
    const [owner, own] = next;
    const item = findFirst(own);
    this.#waiting.delete(owner);
    own.delete(item);
    if (own.size > 0) this.#waiting.set(owner, own);
    this.#size -= 1;
    return item;
  }

  remove(owner: string, item: T): void {
    const own = this.#waiting.get(owner);
    if (!own?.delete(item)) return;
    if (own.size === 0) this.#waiting.delete(owner);
    this.#size -= 1;
  }
}

/** `items` is not empty. Among equal orders the longest waiting is first. */
function findFirst<T>(items: ReadonlyMap<T, number>): T {
  let first: readonly [T, number] | undefined;
  for (const entry of items) if (first === undefined || entry[1] < first[1]) first = entry;
  return (first as readonly [T, number])[0];
}
