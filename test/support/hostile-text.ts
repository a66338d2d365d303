import * as fc from "fast-check";

/** Characters that no name may bring to a terminal, a log viewer or a page. */
export const unsafe = /(?! )[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Z}\p{Cs}\u2800\u{1D159}]/u;

/**
 * ESC, BEL, BS, NUL, LF, TAB, DEL, CSI and NEL of C1, RLO, LRI, ZWSP, BOM, LS, PS, a tag, half a
 * pair, a filler, a joiner, a selector of variants, a no-break and a wide space, a blank of
 * braille; and what reads as an escape of ours.
 */
const codes = [
  0x1b, 7, 8, 0, 0x0a, 9, 0x7f, 0x9b, 0x85, 0x202e, 0x2066, 0x200b, 0xfeff, 0x2028, 0x2029, 0xe0041, 0xd83d, 0x3164,
  0x34f, 0xfe0f, 0xa0, 0x3000, 0x2800,
];
const pieces = [...codes.map((code) => String.fromCodePoint(code)), "<U+202E>", "<U+003C>"];

/** A text that has such characters among plain ones, often at its ends. */
export const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...pieces),
      fc.string({ unit: "grapheme", maxLength: 6 }),
      fc.constantFrom("web", "staging", "-"),
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((parts) => parts.join(""));

/**
 * The same with at least one of them, for a name that must not be empty. NUL is left out: neither
 * PostgreSQL nor an engine stores it.
 */
export const hostileName = fc
  .tuple(hostileText, fc.constantFrom(...pieces.filter((piece) => piece !== "\u0000")), hostileText)
  .map((parts) => parts.join("").replaceAll("\u0000", ""));

/**
 * The unsafe characters in an answer, plain or as JSON escapes; line feeds and tabs part its lines
 * and columns.
 */
export function findUnsafe(text: string): readonly string[] {
  const decoded = text.replaceAll(
    /\\(?:u([0-9a-fA-F]{4})|([bfr\\]))/g,
    (escape, hex: string | undefined, letter: string | undefined) =>
      hex === undefined
        ? ({ b: "\b", f: "\f", r: "\r" }[letter ?? ""] ?? "")
        : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return [...decoded.matchAll(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu)].map(
    ({ 0: found, index }) =>
      `U+${found.codePointAt(0)?.toString(16)} in ${JSON.stringify(decoded.slice(Math.max(0, index - 60), index + 20))}`,
  );
}
