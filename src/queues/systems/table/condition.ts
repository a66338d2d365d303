/** A part of the text: a string, a quoted name, or one character outside of both. */
const token = /(?<![\w$\u0080-\uffff])[eE]'(?:[^'\\]|\\[^]|'')*'|'(?:[^'\\]|'')*'|"(?:[^"]|"")*"|[^]/gy;

const mistakes: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/^['"]$/, "has a text or name whose quote is not closed, or a text with a backslash that is not written as E'...'"],
  [/^\\$/, "has a backslash outside of a text"],
  [/^;$/, "must be one condition, without a semicolon"],
  [/^\$$/, "must have no $: write texts in single quotes, and no parameters"],
];

/**
 * Why a text cannot be put in parentheses as an SQL condition; null where it can. It must end no statement, open no comment, and close what it opens. PostgreSQL
 * checks the rest, for what is wrong then is wrong inside of the parentheses. Source: "4.1. Lexical Structure".
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
