/** Finds what was searched for in a line. Each pair is where a match begins and ends. */
export type Highlighter = (text: string) => readonly (readonly [from: number, to: number])[];

/** Only the start of a line is highlighted, so that a costly pattern ends. */
const maxHighlighted = 1000;
const maxMatches = 50;
/** A pattern that once took longer, ms, highlights nothing from then on. */
const slowMs = 10;

export interface Search {
  readonly text: string;
  readonly isRegex: boolean;
  readonly matchCase: boolean;
}

/**
 * Null when there is nothing to highlight: no search, or a pattern that the browser does not
 * understand as the gateway does.
 */
export function createHighlighter({ text, isRegex, matchCase }: Search): Highlighter | null {
  const pattern = text === "" ? null : toPattern(text, isRegex, matchCase);
  if (!pattern) return null;
  let isSlow = false;
  return (line) => {
    if (isSlow) return [];
    const began = performance.now();
    const found = find(pattern, line);
    isSlow = isRegex && performance.now() - began > slowMs;
    return found;
  };
}

/** A repeated group may take exponential time in the browser, though not in the gateway's RE2. */
function toPattern(text: string, isRegex: boolean, matchCase: boolean): RegExp | null {
  if (isRegex && /\)[*+{]/.test(text)) return null;
  const flags = matchCase ? "g" : "gi";
  try {
    return new RegExp(isRegex ? text : text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`), flags);
  } catch {
    return null;
  }
}

function find(pattern: RegExp, line: string): [number, number][] {
  const found: [number, number][] = [];
  for (const { index, 0: match } of line.slice(0, maxHighlighted).matchAll(pattern)) {
    if (match !== "") found.push([index, index + match.length]);
    if (found.length >= maxMatches) break;
  }
  return found;
}
