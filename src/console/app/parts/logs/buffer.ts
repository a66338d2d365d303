import type { LogRow } from "./row.ts";

/** Places for rows; a power of two, so that a row's number finds its place by its lowest bits. */
const places = 32_768;
const mask = places - 1;

/** Most rows in memory. Below `places`, so that a page fits in before it is trimmed. */
const maxRows = 20_000;
/** Most characters in memory, of all rows. */
const maxChars = 16_000_000;

/** Height of a row that is not wrapped, px. */
export const rowHeight = 18;

/**
 * The rows of a log that are in memory: a ring with room for a page at both ends. A row keeps its
 * number (`first` to `end` - 1, which may be negative) while it is here. Heights other than
 * `rowHeight` are in a Fenwick tree: a row's offset and the row at an offset take O(log n), and
 * nothing is allocated when rows come and go.
 */
export class LogBuffer {
  first = 0;
  /** One after the last. */
  end = 0;
  chars = 0;
  readonly #rows: (LogRow | undefined)[] = Array.from({ length: places });
  readonly #extra = new Int32Array(places);
  readonly #tree = new Int32Array(places + 1);
  #sum = 0;

  get size(): number {
    return this.end - this.first;
  }

  /** More than memory should hold. */
  get isOver(): boolean {
    return this.size > maxRows || this.chars > maxChars;
  }

  get(number: number): LogRow | undefined {
    return number < this.first || number >= this.end ? undefined : this.#rows[number & mask];
  }

  get oldest(): LogRow | undefined {
    return this.get(this.first);
  }

  get newest(): LogRow | undefined {
    return this.get(this.end - 1);
  }

  *rows(from = this.first, to = this.end): Generator<LogRow> {
    for (let number = from; number < to; number++) {
      const row = this.get(number);
      if (row) yield row;
    }
  }

  push(row: LogRow): void {
    if (this.size === places) this.dropFirst();
    this.#rows[this.end & mask] = row;
    this.end += 1;
    this.chars += row.text.length;
  }

  unshift(row: LogRow): void {
    if (this.size === places) this.dropLast();
    this.first -= 1;
    this.#rows[this.first & mask] = row;
    this.chars += row.text.length;
  }

  replace(number: number, row: LogRow): void {
    this.chars += row.text.length - (this.get(number)?.text.length ?? 0);
    this.#rows[number & mask] = row;
  }

  dropFirst(): void {
    this.#clear(this.first);
    this.first += 1;
  }

  dropLast(): void {
    this.#clear(this.end - 1);
    this.end -= 1;
  }

  clear(): void {
    while (this.size > 0) this.dropLast();
  }

  /** Pixels of all rows. */
  get height(): number {
    return this.size * rowHeight + this.#sum;
  }

  /** Pixels before a row. */
  offsetOf(number: number): number {
    const count = Math.max(0, Math.min(number, this.end) - this.first);
    return count * rowHeight + (this.#sum === 0 ? 0 : this.#extraBefore(this.first + count));
  }

  /** The row at an offset; the last one for an offset after all. */
  rowAt(offset: number): number {
    let [low, high] = [this.first, Math.max(this.first, this.end - 1)];
    while (low < high) {
      const middle = high - Math.floor((high - low) / 2);
      if (this.offsetOf(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** @param height px; whether it differs from what was known */
  setHeight(number: number, height: number): boolean {
    const place = number & mask;
    const change = height - rowHeight - (this.#extra[place] ?? 0);
    if (change === 0) return false;
    this.#add(place, change);
    return true;
  }

  /** Resets all rows to the height that they have without wrapping. */
  clearHeights(): void {
    this.#extra.fill(0);
    this.#tree.fill(0);
    this.#sum = 0;
  }

  #clear(number: number): void {
    const place = number & mask;
    this.chars -= this.#rows[place]?.text.length ?? 0;
    this.#rows[place] = undefined;
    const extra = this.#extra[place] ?? 0;
    if (extra !== 0) this.#add(place, -extra);
  }

  #add(place: number, change: number): void {
    this.#extra[place] = (this.#extra[place] ?? 0) + change;
    this.#sum += change;
    for (let node = place + 1; node <= places; node += node & -node)
      this.#tree[node] = (this.#tree[node] ?? 0) + change;
  }

  /** Of rows from the first to before `number`. */
  #extraBefore(number: number): number {
    if (number - this.first >= places) return this.#sum;
    const [from, to] = [this.first & mask, number & mask];
    const between = this.#prefix(to) - this.#prefix(from);
    return to >= from ? between : this.#sum + between;
  }

  #prefix(place: number): number {
    let sum = 0;
    for (let node = place; node > 0; node -= node & -node) sum += this.#tree[node] ?? 0;
    return sum;
  }
}
