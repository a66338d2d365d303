import { RE2JS, RE2Set } from "re2js";
import { maxInstructions, patternBytes } from "./rule.ts";

/** Texts for one pattern. */
export interface Batch {
  readonly pattern: string;
  readonly ignoreCase: boolean;
  /** A pattern must match the whole of a text. */
  readonly isWhole: boolean;
  readonly texts: readonly string[];
}

/** Of each text whether it matches. It may be of the first texts only, one at least. Null: the pattern is refused. */
export type Matched = readonly boolean[] | null;

/** Patterns that stay compiled. One takes up to twice `patternBytes`. */
const mostPatterns = 32;
/** After this time the rest of a batch is left for later, so that others have their turn, ms. */
const sliceMs = 10;

type Test = (text: string) => boolean;

/** Matches batches one after another, and keeps the patterns that were used last. */
export function createMatch(): (batch: Batch) => Matched {
  const compiled = new Map<string, Test | null>();
  return (batch) => {
    const key = `${batch.ignoreCase ? "i" : ""}${batch.isWhole ? "w" : ""}:${batch.pattern}`;
    const known = compiled.get(key);
    const test = known === undefined ? compile(batch) : known;
    compiled.delete(key);
    compiled.set(key, test);
    const [oldest] = compiled.keys();
    if (compiled.size > mostPatterns && oldest !== undefined) compiled.delete(oldest);
    return test && matchFor(sliceMs, batch.texts, test);
  };
}

function matchFor(ms: number, texts: readonly string[], test: Test): boolean[] {
  const end = performance.now() + ms;
  const matched: boolean[] = [];
  for (const text of texts) {
    matched.push(test(text));
    if (performance.now() > end) break;
  }
  return matched;
}

/** A set with one pattern: only the memory of a set can be limited. Null for a pattern that is invalid or too long. */
function compile({ pattern, ignoreCase, isWhole }: Batch): Test | null {
  try {
    if (RE2JS.compile(pattern).programSize() > maxInstructions) return null;
  } catch {
    return null;
  }
  const anchor = isWhole ? RE2Set.ANCHOR_BOTH : RE2Set.UNANCHORED;
  const set = new RE2Set(anchor, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0, patternBytes);
  set.add(pattern);
  return (text) => set.match(text).length > 0;
}
