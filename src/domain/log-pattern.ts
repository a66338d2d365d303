/** A regular expression that takes linear time for any text. */
export interface LinePattern {
  test(text: string): boolean;
}

export const maxPatternLength = 200;
/** How much of a line a pattern looks at, characters: the longest lines would keep everyone else waiting. */
const maxTextLength = 16_384;

/**
 * Compiles RE2 syntax (no look-around, no back-references), case-sensitive unless `ignoreCase` or `(?i)` in it says otherwise. Null for what is no such expression, or too
 * long. JavaScript's own expressions are never used for a caller's pattern: they can take exponential time. re2js is loaded at the first use.
 */
export async function compileLinePattern(text: string, ignoreCase = false): Promise<LinePattern | null> {
  if (text.length > maxPatternLength) return null;
  const { RE2JS } = await import("re2js");
  try {
    const pattern = RE2JS.compile(text, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
    return { test: (line) => pattern.test(line.length > maxTextLength ? line.slice(0, maxTextLength) : line) };
  } catch {
    return null;
  }
}
