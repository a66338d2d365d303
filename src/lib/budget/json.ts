import { type Budget, tooLong } from "./budget.ts";

/** Characters written at once. */
const partLength = 65_536;
/** Numbers and strings of a list that are written at once. */
const sliceLength = 256;
/**
 * Characters of flat objects of a list that are written at once. Their number is estimated from the
 * objects before, and is at most `mostRows`.
 */
const rowsLength = 16_384;
const mostRows = 32;

/**
 * An answer as JSON. A large one is written in parts: others are served in between, and writing
 * stops at the size limit. Throws, or rejects with, answer_too_large beyond the budget's bytes, and
 * as the budget does.
 */
export function toJson(value: unknown, budget: Budget): string | Promise<string> {
  return budget.isLarge ? new Writer(budget).run(value) : checkSize(JSON.stringify(value), budget.maxBytes);
}

/** Returns the text; throws answer_too_large when it has more than `most` bytes. */
export function checkSize(text: string, most: number): string {
  // A UTF-16 unit has at most three bytes in UTF-8.
  if (text.length > most || (text.length * 3 > most && Buffer.byteLength(text) > most)) throw tooLong(most);
  return text;
}

class Writer {
  readonly #budget: Budget;
  readonly #parts: string[] = [];
  #part = "";
  #bytes = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  async run(value: unknown): Promise<string> {
    await this.#write(value);
    this.#flush();
    return this.#parts.join("");
  }

  async #write(value: unknown): Promise<void> {
    if (isFlat(value)) this.#add(JSON.stringify(value) ?? "null");
    else if (Array.isArray(value)) await this.#writeList(value);
    else await this.#writeObject(value as Record<string, unknown>);
  }

  /** Not for an empty object: that is flat. */
  async #writeObject(value: Readonly<Record<string, unknown>>): Promise<void> {
    let mark = "{";
    for (const key in value) {
      const own = value[key];
      if (own === undefined) continue;
      this.#add(`${mark}${JSON.stringify(key)}:`);
      mark = ",";
      await this.#write(own);
    }
    this.#add("}");
  }

  /** Not for an empty list: that is flat. */
  async #writeList(list: readonly unknown[]): Promise<void> {
    let [mark, rows] = ["[", 1];
    for (let index = 0; index < list.length;) {
      const wait = this.#budget.turn();
      if (wait) await wait;
      this.#add(mark);
      mark = ",";
      const flat = toFlatEnd(list, index, index + rows);
      if (flat > index) {
        const text = JSON.stringify(list.slice(index, flat));
        this.#add(text.slice(1, -1));
        rows = Math.max(1, Math.min(mostRows, Math.floor((rowsLength * (flat - index)) / text.length)));
        index = flat;
      } else if (isObject(list[index])) {
        await this.#write(list[index]);
        index += 1;
      } else {
        const end = index + sliceLength;
        const slice = toPlain(list, index, end);
        this.#add(JSON.stringify(slice).slice(1, -1));
        index += slice.length;
      }
    }
    this.#add("]");
  }

  #add(text: string): void {
    this.#part += text;
    if (this.#part.length >= partLength) this.#flush();
  }

  #flush(): void {
    const bytes = Buffer.byteLength(this.#part);
    this.#bytes += bytes;
    if (this.#bytes > this.#budget.maxBytes) throw tooLong(this.#budget.maxBytes);
    this.#budget.hold(bytes);
    this.#parts.push(this.#part);
    this.#part = "";
  }
}

/** The end of the flat objects from `begin` on, but not after `most`. */
function toFlatEnd(list: readonly unknown[], begin: number, most: number): number {
  let end = begin;
  while (end < list.length && end < most && isObject(list[end]) && isFlat(list[end])) end += 1;
  return end;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The elements from `begin` to the next object, but not after `end`. */
function toPlain(list: readonly unknown[], begin: number, end: number): readonly unknown[] {
  const slice = list.slice(begin, end);
  const next = slice.findIndex(isObject);
  return next === -1 ? slice : slice.slice(0, next);
}

/**
 * Whether it is written at once: a plain value, a list of at most 20 of them, or an object of
 * these.
 */
function isFlat(value: unknown): boolean {
  if (!isObject(value) || ("toJSON" in value && typeof value.toJSON === "function")) return true;
  if (Array.isArray(value)) return value.length <= 20 && !value.some(isObject);
  for (const key in value) {
    const own = (value as Record<string, unknown>)[key];
    if (isObject(own) && !(Array.isArray(own) && isFlat(own))) return false;
  }
  return true;
}

/** Whether the JSON of a value has more than about `most` characters. Does not write the JSON. */
export function isLonger(value: unknown, most: number): boolean {
  return toRest(value, most) < 0;
}

/** Characters left of `most`; below 0 when the value does not fit. */
function toRest(value: unknown, most: number): number {
  if (typeof value === "string") return most - value.length - 2;
  if (!isObject(value)) return most - 4;
  let rest = most;
  if (Array.isArray(value)) {
    for (const item of value) if ((rest = toRest(item, rest - 1)) < 0) break;
    return rest;
  }
  for (const key in value) {
    rest = toRest((value as Record<string, unknown>)[key], rest - key.length - 3);
    if (rest < 0) break;
  }
  return rest;
}
