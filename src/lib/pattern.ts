/** A regular expression that takes linear time on any text. */
export interface LinePattern {
  test(text: string): boolean;
  /** True when the whole text matches. */
  matches(text: string): boolean;
}

const maxPatternLength = 200;
/** Limit on the instructions of a compiled expression: the time for a text grows with them. Repetitions are expanded: `\w{1,500}` has a thousand. */
const maxInstructions = 200;
/** The rule as error messages state it. */
export const patternRule = `a regular expression of RE2 (no look-around, no back-references) of at most ${maxPatternLength} characters, without long repetitions such as {1,500}`;
/** Memory limit for the states of one expression, bytes. */
export const patternBytes = 1 << 20;
/** A pattern looks at this many characters of a line: longer ones would delay everyone else. */
const maxTextLength = 16_384;

/**
 * Compiles RE2 syntax; case-sensitive unless `ignoreCase` or `(?i)` says otherwise. Null when it breaks `patternRule`. A caller's pattern never becomes a JavaScript
 * expression: those can take exponential time. re2js is loaded at first use.
 */
export async function compileLinePattern(text: string, ignoreCase = false): Promise<LinePattern | null> {
  if (text.length > maxPatternLength) return null;
  const { RE2JS, RE2Set } = await import("re2js");
  try {
    if (RE2JS.compile(text).programSize() > maxInstructions) return null;
  } catch {
    return null;
  }
  // A set with one pattern: only the memory of a set can be limited.
  const compile = (anchor: number) => {
    const set = new RE2Set(anchor, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0, patternBytes);
    set.add(text);
    return (line: string) => set.match(line.length > maxTextLength ? line.slice(0, maxTextLength) : line).length > 0;
  };
  return { test: compile(RE2Set.UNANCHORED), matches: compile(RE2Set.ANCHOR_BOTH) };
}
