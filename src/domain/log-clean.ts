import { redactCutSecret } from "./own-secrets.ts";
import { redactSecrets } from "./redact.ts";
import { sanitiseLine } from "./sanitise.ts";

const begin = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----/;
const end = /-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----/;
/** A line of a key's body: base64 (after a prefix that the logger wrote), a PEM header ("DEK-Info: ..."), or nothing. */
const body = /^(?:.*[\s"'|])?[A-Za-z0-9+/]{16,}={0,2}\W{0,4}$|^[A-Za-z0-9+/]{1,76}={0,2}$|^[A-Z][A-Za-z-]{2,20}: |^\s*$/;
/** A full line of base64: so looks a key whose first line lies before what we read. Digests in hex are not meant. */
const fullLine = /^(?=.*[a-z])(?=.*[A-Z])(?=.*[\d+/])[A-Za-z0-9+/]{64}$/;
/** The largest keys in use (RSA 16384) have fewer lines. */
const maxKeyLines = 250;

/** Makes the lines of one stream safe to hand on, in their order: a private key is spread over many of them. */
export type LineCleaner = (text: string) => string;

/** Sanitises first, so that nothing invisible divides a secret, then redacts. */
export function createLineCleaner(): LineCleaner {
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
    return line.length === 64 && fullLine.test(line) ? "[redacted]" : redactSecrets(line);
  };
}

/** The same for a text of several lines: a job's error, the output of a health probe. */
export function cleanText(text: string): string {
  const clean = createLineCleaner();
  return text.includes("\n") ? text.split("\n").map(clean).join("\n") : clean(text);
}

/** How many more characters of a text are read than are shown. Secrets without blanks or quotes are rarely longer. */
export const cutMargin = 512;

/**
 * The start of a longer text, cleaned. Its last word is dropped first (at most `cutMargin` characters): it may be the first half of a secret, which no
 * pattern would recognise. A secret of our own that has blanks or quotes, or is longer, is recognised by its start. Source: security.md L3.
 */
export function cleanCutText(text: string, clean: LineCleaner = cleanText): string {
  return redactCutSecret(clean(dropLastWord(text)));
}

/**
 * A text cleaned as a whole and then cut at `limit` characters, so that no part of a secret is left at the cut. Callers need to read no more than
 * `limit + cutMargin` characters of it. `isCut`: the text was cut where it came from.
 */
export function cleanStart(text: string, limit: number, isCut = false): string {
  const read = text.slice(0, limit + cutMargin);
  const isWhole = !isCut && text.length < limit + cutMargin;
  return (isWhole ? cleanText(read) : cleanCutText(read)).slice(0, limit).toWellFormed();
}

function dropLastWord(text: string): string {
  let length = text.length;
  while (length > 0 && text.length - length < cutMargin && !" \t\r\n\"'".includes(text[length - 1] as string)) length--;
  return text.slice(0, length);
}
