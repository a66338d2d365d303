const maxPatternLength = 200;
/**
 * Limit on the instructions of a compiled expression, and on its `weigh`: the time for a text grows
 * with them. Repetitions are expanded: `\w{1,500}` has a thousand instructions. The limit keeps
 * most expressions fast; `matcher.ts` bounds what a slow one delays.
 */
export const maxInstructions = 200;
/**
 * Weight of a class, and of one with many ranges. Each is one instruction, but slower than that of
 * a character, and a text can be in many states of such instructions at once.
 */
const weights = { class: 2, wide: 4 };
/** A class written in more characters than this is as slow as a wide one. */
const longClass = 20;
/**
 * Limit on the characters of all ranges that ignore case: for each, its other cases are looked up,
 * which takes 25 ns. A class such as `\pL` counts as 5,000.
 */
const maxFolded = 50_000;
/** The rule as error messages state it. */
export const patternRule = `an RE2 regular expression (no look-around, no back-references) of at most ${maxPatternLength} characters, without long repetitions such as \\w{1,100} (a part counts as often as it may repeat, a class such as \\w as ${weights.class} characters, one such as \\pL as ${weights.wide}), or ranges of more than ${maxFolded.toLocaleString("en")} characters that ignore case`;
/** Memory limit for the states of one expression, bytes. */
export const patternBytes = 1 << 18;
/** A pattern looks at this many characters of a line. */
export const maxTextLength = 16_384;

/** Whether a pattern, which may still be invalid, obeys `patternRule` as far as its text shows. */
export function isShort(text: string, ignoreCase: boolean): boolean {
  if (text.length > maxPatternLength || weigh(text) > maxInstructions) return false;
  return !(ignoreCase || /\(\?[a-zA-Z]*i/.test(text)) || countFolded(text) <= maxFolded;
}

/** What a pattern consists of. */
const token = new RegExp(
  [
    String.raw`\\Q(?<quoted>.*?)(?:\\E|$)`,
    String.raw`(?<wide>\\[pP](?:\{[^}]*\}|.))`,
    String.raw`(?<set>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\\[dDsSwW]|\.)`,
    String.raw`(?<flags>\(\?[a-zA-Z-]+\))`,
    String.raw`(?<open>\((?:\?(?:P?<\w*>|[a-zA-Z-]*:))?)`,
    String.raw`(?<close>\))`,
    String.raw`(?<times>(?:[*+?]|\{(?<least>\d+)(?<to>,(?<most>\d*))?\})\??)`,
    String.raw`\\x\{[0-9A-Fa-f]+\}|\\x[0-9A-Fa-f]{2}|\\[0-7]{1,3}|\\?.`,
  ].join("|"),
  "gsu",
);

/**
 * Estimates the instructions of a pattern without compiling it, because re2js expands a pattern
 * whole before it refuses its size. The estimate is never below half of them. It means nothing for
 * a text that is not a pattern.
 */
export function weigh(text: string): number {
  /** Weights before each open group. */
  const outer: number[] = [];
  let [sum, last] = [0, 0];
  const add = (weight: number) => {
    sum += weight;
    last = weight;
  };
  for (const { groups = {} } of text.matchAll(token)) {
    const { quoted, wide, set, flags, open, close, times } = groups;
    if (quoted !== undefined) for (const _ of quoted) add(1);
    else if (wide !== undefined) add(weights.wide);
    else if (set !== undefined) add(set.length > longClass || /\\p/i.test(set) ? weights.wide : weights.class);
    else if (open !== undefined) {
      outer.push(sum);
      sum = open.endsWith(":") ? 0 : 2;
    } else if (close !== undefined) {
      const group = Math.max(1, sum);
      sum = outer.pop() ?? 0;
      add(group);
    } else if (times !== undefined) {
      sum -= last;
      add(repeat(last, groups));
    } else if (flags === undefined) add(1);
  }
  return outer.reduce((whole, part) => whole + part, sum);
}

/** `a{2,4}` becomes `aa(?:a(?:a)?)?`, `a{2,}` becomes `aa+`. */
function repeat(weight: number, { times = "", least, to, most }: Readonly<Record<string, string | undefined>>): number {
  if (least === undefined) return weight + (times === "" ? 0 : 1);
  const [from, end] = [Number(least), most ? Number(most) : Number(least)];
  const isEndless = to !== undefined && !most;
  return Math.max(
    1,
    from * weight + Math.max(0, end - from) * (weight + 1) + (isEndless ? (from > 0 ? 1 : weight + 1) : 0),
  );
}

/**
 * One character of a pattern, by itself or as RE2 escapes it: `\x{1F600}`, `\x41`, `\101`, `\n`.
 */
const character = /\\x\{([0-9A-Fa-f]+)\}|\\x([0-9A-Fa-f]{2})|\\([0-7]{1,3})|\\?(.)/gsu;
const controls: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const classCount = 5000;

/**
 * At least as many characters as the ranges of a pattern have: anything that looks like a range
 * counts, wherever it is.
 */
function countFolded(text: string): number {
  const found = [...text.matchAll(character)];
  const codes = found.map(([whole, long, short, octal, plain = ""]) => {
    const hex = long ?? short;
    if (hex !== undefined) return Number.parseInt(hex, 16);
    if (octal !== undefined) return Number.parseInt(octal, 8);
    return (whole === plain ? undefined : controls[plain]) ?? plain.codePointAt(0) ?? 0;
  });
  const spans = found.map(([whole], at) => (whole === "-" ? (codes[at + 1] ?? 0) - (codes[at - 1] ?? Infinity) : 0));
  const classes = text.split(/\\p/i).length - 1;
  return spans.reduce((sum, span) => sum + Math.max(0, span), classes * classCount);
}
