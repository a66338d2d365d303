/** A regular expression that takes linear time for any text. */
export interface LinePattern {
  test(text: string): boolean;
  /** The same for the whole text. */
  matches(text: string): boolean;
}

const maxPatternLength = 200;
/** Instructions that an expression is made of: the time for a text grows with them. Repetitions are written out, `\w{1,500}` has a thousand. */
const maxInstructions = 200;
/** The rule as a refusal states it. */
export const patternRule = `a regular expression of RE2 (no look-around, no back-references) of at most ${maxPatternLength} characters, without long repetitions such as {1,500}`;
/** What the states of one expression may take in memory, bytes. */
export const patternBytes = 1 << 20;
/** How much of a line a pattern looks at, characters: the longest lines would keep everyone else waiting. */
const maxTextLength = 16_384;

/**
 * Compiles RE2 syntax, case-sensitive unless `ignoreCase` or `(?i)` in it says otherwise. Null for what does not follow `patternRule`. JavaScript's own
 * expressions are never used for a caller's pattern: they can take exponential time. re2js is loaded at the first use.
 */
export async function compileLinePattern(text: string, ignoreCase = false): Promise<LinePattern | null> {
  if (text.length > maxPatternLength) return null;
  const { RE2JS, RE2Set } = await import("re2js");
  try {
    if (RE2JS.compile(text).programSize() > maxInstructions) return null;
  } catch {
    return null;
  }
  // A set of one: its memory can be limited, that of a single expression cannot.
  const compile = (anchor: number) => {
    const set = new RE2Set(anchor, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0, patternBytes);
    set.add(text);
    return (line: string) => set.match(line.length > maxTextLength ? line.slice(0, maxTextLength) : line).length > 0;
  };
  return { test: compile(RE2Set.UNANCHORED), matches: compile(RE2Set.ANCHOR_BOTH) };
}
