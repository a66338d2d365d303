/** A part of the text: a string, a quoted name, or one character outside of both. */
const token = /(?<![\w$\u0080-\uffff])[eE]'(?:[^'\\]|\\[^]|'')*'|'(?:[^'\\]|'')*'|"(?:[^"]|"")*"|[^]/gy;

const mistakes: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/^['"]$/, "has a text or name whose quote is not closed, or a text with a backslash that is not written as E'...'"],
  [/^\\$/, "has a backslash outside of a text"],
  [/^;$/, "must be one condition, without a semicolon"],
  [/^\$$/, "must have no $: write texts in single quotes, and no parameters"],
];

/**
 * Why a text cannot be put in parentheses as an SQL condition; null where it can. It must end no
 * statement, open no comment, and close what it opens. PostgreSQL checks the rest, for what is
 * wrong then is wrong inside of the parentheses. Source: "4.1. Lexical Structure".
 */
export function explainCondition(text: string): string | null {
  let depth = 0;
  let before = "";
  for (const [part] of text.matchAll(token)) {
    const mistake = mistakes.find(([pattern]) => pattern.test(part));
    if (mistake) return mistake[1];
    if (`${before}${part}` === "--" || `${before}${part}` === "/*") return "must have no comment";
    if (part === "(") depth += 1;
    if (part === ")") depth -= 1;
    if (depth < 0) return "has a parenthesis that was not opened";
    before = part;
  }
  return depth === 0 ? null : "has a parenthesis that is not closed";
}

/**
 * What makes a condition unfit for an index, outside of texts: a subquery, a function that may be
 * volatile, the name of our own statements.
 */
const unfit =
  /\b(?:select|current_\w+|local(?:time|timestamp)|session_user|user|job)\b|\b(?!(?:in|and|or|not|any|all|between|like|ilike|is)\b)\w+\s*\(/i;

/**
 * Whether the condition may be that of an index, as far as its text says: without a function call,
 * a subquery or the current time.
 */
export function isIndexable(text: string): boolean {
  const words = [...text.matchAll(token)].map(([part]) =>
    /^[eE]?'/.test(part) ? "''" : part.startsWith('"') ? "x" : part,
  );
  return !unfit.test(words.join(""));
}
