import { hash } from "node:crypto";

/** The mark that replaces a value. Folding it again changes nothing. */
const mark = "#";
/**
 * How many characters of a folded text are compared. The far end of a stack trace does not help to
 * distinguish errors.
 */
const shapeLimit = 1024;
/** A text this long was probably cut, each time at a different place of its folded form. */
const cutLength = 1900;
/**
 * An opening quote that is never closed begins a value that was cut, not prose, if this many
 * characters follow.
 */
const openQuoteLength = 200;

/**
 * Identifies the error of a text: the first 12 hex digits of the SHA-256 of its folded form. Texts
 * that differ only in values (numbers, ids, UUIDs, hex, quoted values, times) have the same one, in
 * every queue. Clean the text first: the hash must not reveal a secret.
 */
export function toFingerprint(text: string): string {
  return hash("sha256", toShape(text).compared).slice(0, 12);
}

/** The folded text, and the part of it that is compared. */
function toShape(text: string): { readonly whole: string; readonly compared: string } {
  const whole = foldError(text);
  // A power of two, so that texts cut to different lengths mostly compare the same part.
  const length =
    text.length < cutLength ? shapeLimit : Math.min(shapeLimit, 2 ** Math.floor(Math.log2(whole.length || 1)));
  return { whole, compared: whole.slice(0, length) };
}

/** This many words distinguish most errors. */
const mostWords = 12;

/**
 * Words that every text with the same fingerprint has, in this order, however it is redacted. A
 * database search for these words finds the texts that may have this fingerprint.
 */
export function toWords(text: string): readonly string[] {
  const { whole, compared } = toShape(text);
  const words = compared.match(/\p{L}{2,}/gu) ?? [];
  // The last word may be cut.
  const complete = compared.length < whole.length ? words.slice(0, -1) : words;
  return complete.filter((word) => word !== "redacted").slice(0, mostWords);
}

/** A second pass seldom changes a folded text; a third never has so far. */
const mostPasses = 4;

/**
 * Replaces values with `#` and white space with single spaces, which leaves words. Linear time.
 * Folding a folded text changes nothing.
 */
export function foldError(text: string): string {
  let folded = foldOnce(text);
  for (let pass = 1, before = text; pass < mostPasses && folded !== before; pass += 1) {
    before = folded;
    folded = foldOnce(before);
  }
  return folded;
}

function foldOnce(text: string): string {
  // Unwraps again: the whole text may have been a list of quoted values.
  return unwrap(foldQuoted(unwrap(text.replaceAll(/\s+/g, " ").trim())))
    .replaceAll(keyValues, `)=(${mark})`)
    .replaceAll(ibans, foldIban)
    .replaceAll(base64, foldBase64)
    .replaceAll(times, mark)
    .replaceAll(addresses, mark)
    .replaceAll(ipv6, foldIpv6)
    .replaceAll(/[\p{L}\p{M}\p{N}_#-]+/gu, foldToken)
    .replaceAll(signs, "")
    .replaceAll(padding, mark)
    .replaceAll(sequences, mark);
}

const day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}";
const month = "(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}";
const clock = String.raw`\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?[AP]M\b)?`;
/** Only known zones, because `ERROR` after a time is not one. */
const zoneNames = "Z|UTC|GMT|[CEW]ES?T|[CEMP][SD]T|A[CEW][SD]T|NZ[SD]T|[BIJK]ST|MSK|SAST|SGT|HKT|BRT";
const zone = String.raw`(?: ?(?:${zoneNames})\b)?(?: ?[+-]\d\d:?\d\d\b)?`;
/**
 * Times that hold more than digits and separators. In other times each part is folded, then the
 * parts are joined.
 */
const times = new RegExp(
  [
    String.raw`\b\d{4}[-/]\d\d[-/]\d\d[T ]${clock}${zone}`,
    String.raw`\b(?:${day},? )?(?:\d{1,2}[ /-])?${month}[ /-]\d{1,4}\b(?:,? \d{4}\b)?(?:[: ]${clock}(?: [A-Z]{2,5}(?= \d{4}\b))?)?${zone}(?: \d{4}\b)?`,
    String.raw`\b${clock}${zone}`,
  ].join("|"),
  "g",
);
/** PostgreSQL's `Key (a, ref)=(12, abc)`, with any number of columns. */
const keyValues = /\)=\([^()]*(?:\([^()]*\)[^()]*)*\)/g;
const ibans =
  /\b[A-Z]{2}\d\d(?:[A-Z\d]{11,30}\b| [A-Z\d]{4}(?: (?=[A-Z]{0,3}\d)[A-Z\d]{4}){1,6}(?: \d[A-Z\d]{0,2})?\b)/g;
const base64 = /(?<![\w+/=-])[A-Za-z\d+/]{6,}={1,2}(?![\w+/=#])/g;
/** The padding that folding leaves of other base64 texts, such as URL-safe ones. */
const padding = /#={1,2}(?=$|[\s,;:.)\]}])/g;
const addresses = /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g;
const ipv6 = /(?<![\w:\]])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi;
/** Signs in front of a value, not of a word. */
const signs = /(?<![\p{L}\p{M}\p{N}_#)\]}+-])[+-]+(?=#)/gu;
/**
 * Joined values become one: a decimal, a time, an address with its port, a list of ids of any
 * length.
 */
const sequences = /#(?:(?:[.:+-]|, ?)[+-]?#)+/g;

function foldIpv6(text: string): string {
  return /\d/.test(text) ? mark : text;
}

function foldIban(text: string): string {
  return text.replaceAll(/\D/g, "").length >= 8 ? mark : text;
}

/** Texts made of words stay, because paths and parameters without a value may also end in `=`. */
function foldBase64(text: string): string {
  const isWords = () => text.split(/[+/=]+/).every((part) => part === "" || isWordWithDigits(part));
  return text.length % 4 === 0 && /[a-z]/.test(text) && /[A-Z]/.test(text) && !isWords() ? mark : text;
}

/** Removes quotes around the whole text, which is not a value. */
function unwrap(text: string): string {
  const isQuoted = text.length > 1 && isQuote(text[0]) && findClosing(text, 0) === text.length - 1;
  return isQuoted ? unwrap(text.slice(1, -1).trim()) : text;
}

/**
 * Replaces quoted values with `"#"`, a list of them with a single one, but leaves the keys of JSON.
 * An opening quote does not follow a word, and a closing quote does not precede one; so apostrophes
 * are ignored.
 */
function foldQuoted(text: string): string {
  let folded = "";
  let from = 0;
  let last = "";
  const unclosed = new Set<string>();
  for (let at = 0; at < text.length; at++) {
    const quote = text[at] as string;
    if (!isQuote(quote) || unclosed.has(quote) || isWordAt(text, at - 1)) continue;
    // This is an arrow between words, not a quote.
    if ("»›".includes(quote) && text[at + 1] === " ") continue;
    const end = findClosing(text, at);
    if (end === -1) {
      unclosed.add(quote);
      if (!'"`“«'.includes(quote) || text.length - at < openQuoteLength) continue;
      return `${folded}${text.slice(from, at)}${quote}${mark}`;
    }
    if (!isKey(text, at, end)) {
      const between = text.slice(from, at);
      const value = `${quote}${mark}${text[end]}`;
      if (value !== last || !/^, ?$/.test(between)) folded += between + value;
      last = value;
      from = end + 1;
    }
    at = end;
  }
  return folded + text.slice(from);
}

/** Closing quotes by opening quote. */
const closings: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  "`": "`",
  "“": "”",
  "”": "”",
  "„": "“”",
  "‘": "’",
  "‚": "‘’",
  "«": "»",
  "»": "«",
  "‹": "›",
  "›": "‹",
};

/**
 * Finds the closing quote: not escaped and not within a word. -1 means that no later quote of this
 * kind is closed either.
 */
function findClosing(text: string, opening: number): number {
  const closing = closings[text[opening] ?? ""] ?? "";
  for (let at = opening + 1; at < text.length; at++) {
    const character = text[at] as string;
    if (character === "\\") at++;
    else if (closing.includes(character) && !isWordAt(text, at + 1)) return at;
  }
  return -1;
}

function isQuote(character = ""): boolean {
  return Object.hasOwn(closings, character);
}

/**
 * Whether the quoted text is a key of a JSON object: a brace or comma before it, a colon after it.
 */
function isKey(text: string, opening: number, closing: number): boolean {
  return (
    /[{,] ?$/.test(text.slice(Math.max(0, opening - 2), opening)) && /^ ?:/.test(text.slice(closing + 1, closing + 3))
  );
}

function isWordAt(text: string, at: number): boolean {
  return /[\p{L}\p{M}\p{N}_#]/u.test(text[at] ?? "");
}

const uuid = /(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-z])/gi;
/** The word before an id, as in `cus_NffrFeUfNV2Hib`. */
const idPrefix = /^[a-z]{2,8}[_-]/;
const isRandom = (segment: string) =>
  segment.length >= 5 && /[a-z]/.test(segment) && /[A-Z]/.test(segment) && /\d/.test(segment);

/**
 * Folds a run of letters, digits, `_` and `-`. Each part is a word or a value, unless the whole run
 * is one id.
 */
function foldToken(token: string): string {
  const text = token.replaceAll(uuid, mark);
  const prefix = idPrefix.exec(text)?.[0] ?? "";
  const rest = text.slice(prefix.length);
  const segments = rest.split(/[_-]/);
  if (rest.length >= 16 && segments.some((segment) => isRandom(segment) && !isWordWithDigits(segment)))
    return prefix + mark;
  if (prefix.endsWith("_") && /^(?=.*[a-z])(?=.*[A-Z])[A-Za-z\d]{14,}$/.test(rest)) return prefix + mark;
  return text.replaceAll(/[^_-]+/g, foldSegment);
}

function foldSegment(segment: string): string {
  if (/^[a-f]{8,}$/.test(segment) || /^[A-F]{8,}$/.test(segment)) return mark;
  if (!/[\p{N}#]/u.test(segment)) return segment;
  if (/^[\da-f]{6,}$/i.test(segment) || !isWordWithDigits(segment)) return mark;
  return segment.replaceAll(/[\p{N}#]+/gu, mark);
}

/**
 * True for words with digits as people write them, `utf8`, `worker12`, `Base64DecodeError`,
 * `S3Exception`, but not for `9fK2lQ8`.
 */
function isWordWithDigits(segment: string): boolean {
  const [first = "", ...others] = segment.split(/[\p{N}#]+/u);
  const isInitial = /^[A-Z]$/.test(first) && /^[A-Z][a-z]{3}/.test(others[0] ?? "");
  return (isInitial || isWord(first, 2)) && others.every((run) => run === "" || isWord(run, 3));
}

function isWord(run: string, length: number): boolean {
  return run.length >= length && /^(?:\p{Lu}+|(?:\p{Lu}{0,5}[\p{Ll}\p{Lo}\p{M}]{2,})+)$/u.test(run);
}
