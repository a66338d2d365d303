/** An item that stores its place in a SwapList. */
export interface SwapListItem {
  /** -1 outside the list. */
  place: number;
}

/**
 * An unordered collection of items that come and go with each request. A Set would do, but V8
 * rebuilds its table every few changes. Old tables, once they survived two collections, retain the
 * newer ones and all their items until the next full collection: a third of the CPU of an answer
 * from memory.
 */
export class SwapList<T extends SwapListItem> implements Iterable<T> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    if (this.has(item)) return;
    item.place = this.#items.length;
    this.#items.push(item);
  }

  has({ place }: T): boolean {
    return place >= 0;
  }

  /** The last item takes its place. False when it was not in the list. */
  delete(item: T): boolean {
    const last = this.#items.at(-1);
    if (!last || !this.has(item)) return false;
    this.#items[item.place] = last;
    last.place = item.place;
    this.#items.pop();
    item.place = -1;
    return true;
  }

  /** Iterates over a copy: items may leave meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#items.slice().values();
  }
}
