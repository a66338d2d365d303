/** A queue that serves its owners in turn: who puts much into it delays himself, and nobody else. */
export class FairQueue<T> {
  /** Owners with something waiting, the next one first. */
  readonly #waiting = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(owner: string, item: T): void {
    const own = this.#waiting.get(owner);
    if (own) own.add(item);
    else this.#waiting.set(owner, new Set([item]));
    this.#size += 1;
  }

  /** The first item of the owner whose turn it is; undefined when nothing waits. */
  take(): T | undefined {
    const [next] = this.#waiting;
    if (!next) return undefined;
    const [owner, own] = next;
    const [item] = own;
    this.#waiting.delete(owner);
    own.delete(item as T);
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
