import { hash } from "node:crypto";

/** What stands for a value. Folded again it stays, and so a folded text is the fold of itself. */
const mark = "#";
/** As much of a folded text tells errors apart, characters. A stack's far end does not. */
const shapeLimit = 1024;
/** A text so long has probably been cut, at another place of its shape each time. */
const cutLength = 1900;
/** A quote that has no end before the text was cut: so much behind it is no prose. */
const openQuoteLength = 200;

/** Of the last texts, by their hashes. */
const fingerprints = new Map<string, string>();
const mostKnown = 10_000;

/**
 * The error that a text is one of: 12 hex digits of the SHA-256 of its shape. Texts that differ in nothing but values (numbers, ids, UUIDs,
 * hex, quoted values, times) have the same one, in every queue. The text must have been cleaned, so that no secret is told by its hash.
 */
export function toFingerprint(text: string): string {
  // The same texts are asked about with each answer of a source: folding costs a hundred times what this does.
  const key = hash("sha1", text, "base64");
  const known = fingerprints.get(key) ?? makeFingerprint(text);
  if (fingerprints.size >= mostKnown) fingerprints.clear();
  fingerprints.set(key, known);
  return known;
}

function makeFingerprint(text: string): string {
  const shape = foldError(text);
  // A power of two: whatever length is left of a text that was cut, most have the same part of it to compare.
  const length = text.length < cutLength ? shapeLimit : Math.min(shapeLimit, 2 ** Math.floor(Math.log2(shape.length || 1)));
  return hash("sha256", shape.slice(0, length)).slice(0, 12);
}

/** A folded text is seldom changed by another pass, and never seen to be by a third. */
const mostPasses = 4;

/** The text with its values as `#` and its blank space as single spaces: what is left is words. In linear time. The fold of a folded text is itself. */
export function foldError(text: string): string {
  let folded = foldOnce(text);
  for (let pass = 1, before = text; pass < mostPasses && folded !== before; pass += 1) {
    before = folded;
    folded = foldOnce(before);
  }
  return folded;
}

function foldOnce(text: string): string {
  // Again at the end: a list of quoted values may have been all of it.
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
/** Not any capitals behind a time: `ERROR` is no zone. */
const zoneNames = "Z|UTC|GMT|[CEW]ES?T|[CEMP][SD]T|A[CEW][SD]T|NZ[SD]T|[BIJK]ST|MSK|SAST|SGT|HKT|BRT";
const zone = String.raw`(?: ?(?:${zoneNames})\b)?(?: ?[+-]\d\d:?\d\d\b)?`;
/** Times with more in them than digits and what joins digits: the parts of others are folded one by one, and become one. */
const times = new RegExp(
  [
    String.raw`\b\d{4}[-/]\d\d[-/]\d\d[T ]${clock}${zone}`,
    String.raw`\b(?:${day},? )?(?:\d{1,2}[ /-])?${month}[ /-]\d{1,4}\b(?:,? \d{4}\b)?(?:[: ]${clock}(?: [A-Z]{2,5}(?= \d{4}\b))?)?${zone}(?: \d{4}\b)?`,
    String.raw`\b${clock}${zone}`,
  ].join("|"),
  "g",
);
/** PostgreSQL's `Key (a, ref)=(12, abc)`, as many values as columns. */
const keyValues = /\)=\([^()]*(?:\([^()]*\)[^()]*)*\)/g;
const ibans = /\b[A-Z]{2}\d\d(?:[A-Z\d]{11,30}\b| [A-Z\d]{4}(?: (?=[A-Z]{0,3}\d)[A-Z\d]{4}){1,6}(?: \d[A-Z\d]{0,2})?\b)/g;
const base64 = /(?<![\w+/=-])[A-Za-z\d+/]{6,}={1,2}(?![\w+/=#])/g;
/** What is left of others, as of those for URLs. */
const padding = /#={1,2}(?=$|[\s,;:.)\]}])/g;
const addresses = /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g;
const ipv6 = /(?<![\w:\]])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi;
/** Of a value, not of words. */
const signs = /(?<![\p{L}\p{M}\p{N}_#)\]}+-])[+-]+(?=#)/gu;
/** Values that are joined are one: a decimal, a time, an address with its port, a list of ids, however long. */
const sequences = /#(?:(?:[.:+-]|, ?)[+-]?#)+/g;

function foldIpv6(text: string): string {
  return /\d/.test(text) ? mark : text;
}

function foldIban(text: string): string {
  return text.replaceAll(/\D/g, "").length >= 8 ? mark : text;
}

/** A path, or a parameter without a value, may end in `=` too: words as people write them. */
function foldBase64(text: string): string {
  const isWords = () => text.split(/[+/=]+/).every((part) => part === "" || isWordWithDigits(part));
  return text.length % 4 === 0 && /[a-z]/.test(text) && /[A-Z]/.test(text) && !isWords() ? mark : text;
}

/** A text that is quoted as a whole is no value. */
function unwrap(text: string): string {
  const isQuoted = text.length > 1 && isQuote(text[0]) && findClosing(text, 0) === text.length - 1;
  return isQuoted ? unwrap(text.slice(1, -1).trim()) : text;
}

/**
 * Quoted values as `"#"`, a list of them too, but not the keys of JSON. A quote opens where no word ends, and closes where none goes on: apostrophes are
 * none.
 */
function foldQuoted(text: string): string {
  let folded = "";
  let from = 0;
  let last = "";
  const unclosed = new Set<string>();
  for (let at = 0; at < text.length; at++) {
    const quote = text[at] as string;
    if (!isQuote(quote) || unclosed.has(quote) || isWordAt(text, at - 1)) continue;
    // As an arrow between words.
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

/** What closes each quote. */
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

/** Not behind a backslash, and not within a word. -1: then there is none for any later one of the kind either. */
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

/** Of a JSON object, which has it behind a brace or a comma, and a colon behind it. */
function isKey(text: string, opening: number, closing: number): boolean {
  return /[{,] ?$/.test(text.slice(Math.max(0, opening - 2), opening)) && /^ ?:/.test(text.slice(closing + 1, closing + 3));
}

function isWordAt(text: string, at: number): boolean {
  return /[\p{L}\p{M}\p{N}_#]/u.test(text[at] ?? "");
}

const uuid = /(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-z])/gi;
/** A word in front of an id, as in `cus_NffrFeUfNV2Hib`. */
const idPrefix = /^[a-z]{2,8}[_-]/;
const isRandom = (segment: string) => segment.length >= 5 && /[a-z]/.test(segment) && /[A-Z]/.test(segment) && /\d/.test(segment);

/** A run of letters, digits, `_` and `-`: its parts are words or values each, unless all of it is one id. */
function foldToken(token: string): string {
  const text = token.replaceAll(uuid, mark);
  const prefix = idPrefix.exec(text)?.[0] ?? "";
  const rest = text.slice(prefix.length);
  const segments = rest.split(/[_-]/);
  if (rest.length >= 16 && segments.some((segment) => isRandom(segment) && !isWordWithDigits(segment))) return prefix + mark;
  if (prefix.endsWith("_") && /^(?=.*[a-z])(?=.*[A-Z])[A-Za-z\d]{14,}$/.test(rest)) return prefix + mark;
  return text.replaceAll(/[^_-]+/g, foldSegment);
}

function foldSegment(segment: string): string {
  if (/^[a-f]{8,}$/.test(segment) || /^[A-F]{8,}$/.test(segment)) return mark;
  if (!/[\p{N}#]/u.test(segment)) return segment;
  if (/^[\da-f]{6,}$/i.test(segment) || !isWordWithDigits(segment)) return mark;
  return segment.replaceAll(/[\p{N}#]+/gu, mark);
}

/** As `utf8`, `worker12`, `Base64DecodeError` or `S3Exception`: words as people write them around the digits, and not `9fK2lQ8`. */
function isWordWithDigits(segment: string): boolean {
  const [first = "", ...others] = segment.split(/[\p{N}#]+/u);
  const isInitial = /^[A-Z]$/.test(first) && /^[A-Z][a-z]{3}/.test(others[0] ?? "");
  return (isInitial || isWord(first, 2)) && others.every((run) => run === "" || isWord(run, 3));
}

function isWord(run: string, length: number): boolean {
  return run.length >= length && /^(?:\p{Lu}+|(?:\p{Lu}{0,5}[\p{Ll}\p{Lo}\p{M}]{2,})+)$/u.test(run);
}
