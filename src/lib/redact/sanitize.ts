import { redactCutSecret, redactSecrets } from "./secrets.ts";

const begin = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----/;
const end = /-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----/;
/**
 * A line of a key's body: base64 (after a prefix from the logger), a PEM header ("DEK-Info: ..."),
 * or nothing.
 */
const body =
  /^(?:.*[\s"'|])?[A-Za-z0-9+/]{16,}={0,2}\W{0,4}$|^[A-Za-z0-9+/]{1,76}={0,2}$|^[A-Z][A-Za-z-]{2,20}: |^\s*$/;
/**
 * A full line of base64 as PEM, OpenSSH and MIME write it, for a key whose first line is before the
 * part we read. Hex digests do not match.
 */
const fullLine = /^(?=.*[a-z])(?=.*[A-Z])(?=.*[\d+/])(?:[A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70}|[A-Za-z0-9+/]{76})$/;
/** The largest keys in use (RSA 16384) have fewer lines. */
const maxKeyLines = 250;

/** Sanitises and redacts the lines of one stream, in order: a private key spans many lines. */
type LineRedactor = (text: string) => string;

/** Sanitises first, so that nothing invisible splits a secret, then redacts. */
export function createLineRedactor(): LineRedactor {
  let keyLines = 0;
  return (text) => {
    const line = sanitiseLine(text);
    if (keyLines > 0) {
      const ends = end.test(line);
      const goesOn = keyLines < maxKeyLines && body.test(line);
      keyLines = goesOn ? keyLines + 1 : 0;
      if (ends || goesOn) {
        if (ends) keyLines = 0;
        return "[redacted]";
      }
    }
    if (line.includes("-----BEGIN ") && begin.test(line) && !end.test(line)) keyLines = 1;
    return line.length >= 64 && line.length <= 76 && fullLine.test(line) ? "[redacted]" : redactSecrets(line);
  };
}

/**
 * How many of these lines, of one stream, are the rest of a private key whose first line comes
 * before them.
 */
export function countKeyRest(texts: readonly string[]): number {
  const lines = texts.slice(0, maxKeyLines).map(sanitiseLine);
  const last = lines.findIndex((line) => !body.test(line));
  return last !== -1 && end.test(lines[last] ?? "") && !begin.test(lines[last] ?? "") ? last + 1 : 0;
}

/**
 * A name or a value that others chose, as one trimmed line: redacts its secrets, and removes
 * control and invisible characters, which could disguise a name in a console.
 */
export function sanitiseName(text: string): string {
  return redactSecrets(text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "").toWellFormed()).trim();
}

/**
 * A text of several lines, redacted as by `createLineRedactor`: a job's error, the output of a
 * health probe.
 */
export function redactText(text: string): string {
  const redact = createLineRedactor();
  return text.includes("\n") ? text.split("\n").map(redact).join("\n") : redact(text);
}

/** Characters read beyond those shown. Secrets without blanks or quotes are rarely longer. */
export const cutMargin = 512;

/**
 * The start of a longer text, redacted. Its last word is dropped first (at most `cutMargin`
 * characters): it may be the first half of a secret, which no pattern recognises. A secret of our
 * own that has blanks or quotes, or is longer, is recognised by its start.
 */
export function redactCutText(text: string, redact: LineRedactor = redactText): string {
  return redactCutSecret(redact(dropLastWord(text)));
}

/**
 * A text redacted as a whole and then cut at `limit` characters, so that no part of a secret
 * remains at the cut. Callers need to read only `limit + cutMargin` characters. `isCut`: the text
 * was already cut at its source.
 */
export function redactStart(text: string, limit: number, isCut = false): string {
  const read = text.slice(0, limit + cutMargin);
  const isWhole = !isCut && text.length < limit + cutMargin;
  return (isWhole ? redactText(read) : redactCutText(read)).slice(0, limit).toWellFormed();
}

function dropLastWord(text: string): string {
  let length = text.length;
  while (length > 0 && text.length - length < cutMargin && !" \t\r\n\"'".includes(text[length - 1] as string)) length--;
  return text.slice(0, length);
}

/**
 * Control characters except TAB, and invisible characters: zero-width, bidirectional marks and
 * overrides, soft hyphens, tags; line separators.
 */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const unsafe = /[\x00-\x08\x0a-\x1f\x7f-\x9f\p{Cf}\u2028\u2029]/u;
const everyUnsafe = new RegExp(unsafe.source, "gu");
/**
 * Escape sequences of ECMA-48, with 7- and 8-bit introducers: strings (OSC, DCS, SOS, PM, APC),
 * then control sequences, then short ones. Only a terminated string hides its text. No part can run
 * over another introducer, so the time is linear for any input.
 */
const escapes =
  // oxlint-disable-next-line no-control-regex -- as above
  /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x00-\x08\x0a-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?/g;
/** Characters that start a new line in a viewer; a space replaces them. */
// oxlint-disable-next-line no-control-regex -- as above
const breaks = /[\n\r\v\f\x85\u2028\u2029]+/g;

/**
 * A line as plain text that is safe in a terminal, log viewer or page. Removes escape sequences,
 * control and invisible characters; line breaks become a space, TAB stays. Linear time.
 */
export function sanitiseLine(text: string): string {
  if (!unsafe.test(text)) return text;
  return text.replace(escapes, "").replace(breaks, " ").replace(everyUnsafe, "");
}
