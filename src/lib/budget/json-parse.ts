import type { Steps } from "./steps.ts";

interface ParseOptions {
  /**
   * A text of at most so many characters is parsed at once, which takes half the time. @default 0
   */
  readonly atOnce?: number;
  /**
   * Characters that are parsed in one piece, unless one string or number has more. @default 16384
   */
  readonly pieceLength?: number;
  /**
   * Called with the number of objects and lists while the text is scanned, before any is made. If
   * it throws, parsing ends.
   */
  readonly onContainers?: (count: number) => void;
  /**
   * Whether to leave out a member of an object that is longer than a piece, by its name and by how
   * many names the object already has. Listing the names of an object with hundreds of thousands of
   * them takes longer than parsing it, and cannot be done in turns. @default none
   */
  readonly isLeftOut?: (name: string, names: number) => boolean;
}

/**
 * For `atOnce`, where short answers are usual: names that are all different take 1.5 ms on a quiet
 * machine, the list of a hundred containers 0.1 ms.
 */
export const shortText = 65_536;

/**
 * Characters of one string in a long text. A string cannot be parsed in turns: 5 MB of escapes take
 * 80 ms. Strings of upstreams, a line of a log or the text of an error, are shorter.
 */
const longestString = 1_000_000;

/** Depth of nested objects and lists. Our upstreams use less than a tenth of it. */
const mostDepth = 200;

/**
 * As `JSON.parse`, in turns: others are served between two pieces. Like `parseJson`, returns
 * undefined for invalid JSON; also for more than 200 nested objects and lists, and for a string of
 * more than a million characters. The time of a piece depends only on its length, whatever an
 * upstream writes: 5 MB of `{}`, or of names that are all different, would take half a second at
 * once.
 */
export function* parseJsonSteps(text: string, options: ParseOptions = {}): Steps<unknown> {
  const { atOnce = 0, pieceLength = 16_384, onContainers = () => {}, isLeftOut = () => false } = options;
  try {
    if (text.length <= atOnce) return JSON.parse(text);
    const ends = yield* findLarge(text, pieceLength, onContainers);
    const start = Math.min(...ends.keys());
    const end = ends.get(start);
    if (end === undefined) return JSON.parse(text);
    // Only blanks may surround the outermost one.
    JSON.parse(`${text.slice(0, start)}[]${text.slice(end + 1)}`);
    return yield* parseLarge({ text, ends, pieceLength, isLeftOut }, start, end);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Where objects and lists that are longer than a piece end, by where they begin. */
function* findLarge(
  text: string,
  pieceLength: number,
  onContainers: (count: number) => void,
): Steps<ReadonlyMap<number, number>> {
  const ends = new Map<number, number>();
  const open: number[] = [];
  let [count, pause] = [0, pieceLength];
  for (let place = 0; place < text.length; place += 1) {
    const character = text[place];
    if (character === '"') place = findQuote(text, place);
    else if (character === "{" || character === "[") {
      if (open.push(place) > mostDepth) throw new SyntaxError("Too deep");
      count += 1;
    } else if (character === "}" || character === "]") {
      const start = open.pop();
      if (start === undefined || (character === "}") !== (text[start] === "{")) throw new SyntaxError("Not paired");
      if (place - start > pieceLength) ends.set(start, place);
    }
    if (place < pause) continue;
    onContainers(count);
    count = 0;
    yield;
    pause = place + pieceLength;
  }
  if (open.length > 0) throw new SyntaxError("Not closed");
  onContainers(count);
  return ends;
}

/** The end of the string that begins at `place`. */
function findQuote(text: string, place: number): number {
  for (let end = text.indexOf('"', place + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    if (end - place - 1 > longestString) break;
    let first = end;
    while (text[first - 1] === "\\") first -= 1;
    if ((end - first) % 2 === 0) return end;
  }
  throw new SyntaxError("An unterminated string, or one too long");
}

interface Source {
  readonly text: string;
  readonly ends: ReadonlyMap<number, number>;
  readonly pieceLength: number;
  readonly isLeftOut: (name: string, names: number) => boolean;
}

/**
 * An object or list that is longer than a piece: its elements in groups of about one piece, and
 * each longer element alone.
 */
function* parseLarge(source: Source, start: number, end: number): Steps<unknown> {
  const { text, ends, pieceLength, isLeftOut } = source;
  const isList = text[start] === "[";
  const value: unknown[] | Record<string, unknown> = isList ? [] : {};
  let names = 0;
  const add = (key: string, one: unknown) => {
    if (Array.isArray(value)) value.push(one);
    else if (!isLeftOut(key, names)) {
      names += 1;
      Object.defineProperty(value, key, { value: one, writable: true, enumerable: true, configurable: true });
    }
  };
  /** Parses elements, and returns how many. */
  const addAll = (elements: string): number => {
    const parsed = JSON.parse(isList ? `[${elements}]` : `{${elements}}`) as object;
    if (Array.isArray(parsed)) for (const one of parsed) add("", one);
    else for (const [key, one] of Object.entries(parsed)) add(key, one);
    return Array.isArray(parsed) ? parsed.length : Object.keys(parsed).length;
  };
  /** Where the unparsed elements begin, and where the last of these begins. */
  let [from, last] = [start + 1, start + 1];
  let depth = 0;
  for (let place = from; place < end; place += 1) {
    const character = text[place];
    if (character === '"') place = findQuote(text, place);
    else if (character === "}" || character === "]") depth -= 1;
    else if (character === "{" || character === "[") {
      const itsEnd = depth === 0 ? ends.get(place) : undefined;
      if (itsEnd === undefined) {
        depth += 1;
        continue;
      }
      if (last > from && addAll(text.slice(from, last - 1)) === 0) throw new SyntaxError("Nothing before a comma");
      const key = toKey(text.slice(last, place), isList);
      add(key, yield* parseLarge(source, place, itsEnd));
      place = skipBlanks(text, itsEnd + 1);
      if (place === end) return value;
      if (text[place] !== ",") throw new SyntaxError("No comma");
      from = last = place + 1;
      yield;
    } else if (character === "," && depth === 0) {
      last = place + 1;
      if (last - from <= pieceLength) continue;
      if (addAll(text.slice(from, place)) === 0) throw new SyntaxError("Nothing before a comma");
      from = last;
      yield;
    }
  }
  if (addAll(text.slice(from, end)) === 0 && from > start + 1) throw new SyntaxError("Nothing after a comma");
  return value;
}

/** The name before a member's value; "0" before an element of a list. */
function toKey(text: string, isList: boolean): string {
  const [key = ""] = Object.keys(JSON.parse(isList ? `[${text}[]]` : `{${text}[]}`) as object);
  return key;
}

function skipBlanks(text: string, place: number): number {
  while (" \t\n\r".includes(text[place] ?? "-")) place += 1;
  return place;
}
