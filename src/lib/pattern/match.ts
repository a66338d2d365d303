import { createSearch, type Search, type SearchRest } from "./search.ts";

/** Texts to match against one pattern. */
export interface Batch {
  readonly pattern: string;
  readonly ignoreCase: boolean;
  /** Whether the pattern must match the whole of a text. */
  readonly isWhole: boolean;
  readonly texts: readonly string[];
  /** State of the first text, when its search was interrupted. */
  readonly rest?: SearchRest | null;
}

/** The result of a batch. */
export interface Matched {
  /** Whether each text matches, perhaps only for the first texts. Null: the pattern is refused. */
  readonly matched: readonly boolean[] | null;
  /** State of the text after those, when its search was interrupted; else null. */
  readonly rest: SearchRest | null;
  /** Time of the match, ms. */
  readonly ms: number;
}

/** Patterns that stay compiled. One takes up to twice `patternBytes`. */
const mostPatterns = 32;
/**
 * After this time the rest of a batch, or of a text, is left for later, so that others get their
 * turn, ms.
 */
const sliceMs = 4;

/** Matches batches one after another, and keeps the patterns that were used last. */
export function createMatch(): (batch: Batch) => Matched {
  const compiled = new Map<string, Search | null>();
  const toSearch = (batch: Batch): Search | null => {
    const key = `${batch.ignoreCase ? "i" : ""}${batch.isWhole ? "w" : ""}:${batch.pattern}`;
    const known = compiled.get(key);
    const search = known === undefined ? createSearch(batch.pattern, batch) : known;
    compiled.delete(key);
    compiled.set(key, search);
    const [oldest] = compiled.keys();
    if (compiled.size > mostPatterns && oldest !== undefined) compiled.delete(oldest);
    return search;
  };
  return (batch) => {
    const begin = performance.now();
    const search = toSearch(batch);
    const found = search ? matchSome(batch, search) : { matched: null, rest: null };
    return { ...found, ms: performance.now() - begin };
  };
}

function matchSome({ texts, rest = null }: Batch, search: Search): Pick<Matched, "matched" | "rest"> {
  const end = performance.now() + sliceMs;
  const isLate = () => performance.now() > end;
  const matched: boolean[] = [];
  for (const text of texts) {
    const found = search(text, matched.length === 0 ? rest : null, isLate);
    if (typeof found !== "boolean") return { matched, rest: found };
    matched.push(found);
    if (isLate()) break;
  }
  return { matched, rest: null };
}
