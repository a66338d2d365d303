/** Control characters but TAB, and what is invisible: zero-width, bidirectional marks and overrides, soft hyphens, tags; line separators. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const unsafe = /[\x00-\x08\x0a-\x1f\x7f-\x9f\p{Cf}\u2028\u2029]/u;
const everyUnsafe = new RegExp(unsafe.source, "gu");
/**
 * Escape sequences of ECMA-48, with 7- and 8-bit introducers: strings (OSC, DCS, SOS, PM, APC), then control sequences, then short ones.
 * Only a terminated string hides its text; no part can run over another introducer, so the work is linear for any input.
 */
const escapes =
  // oxlint-disable-next-line no-control-regex -- as above
  /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x00-\x08\x0a-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?/g;
/** What would begin a new line in a viewer leaves a space. */
// oxlint-disable-next-line no-control-regex -- as above
const breaks = /[\n\r\v\f\x85\u2028\u2029]+/g;

/**
 * A line as plain text that no terminal, log viewer or page takes for anything else: escape sequences, control and invisible characters are
 * removed, line breaks inside become a space, TAB stays. Linear time. Source: security.md L2.
 */
export function sanitiseLine(text: string): string {
  if (!unsafe.test(text)) return text;
  return text.replace(escapes, "").replace(breaks, " ").replace(everyUnsafe, "");
}
