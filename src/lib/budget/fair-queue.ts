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
