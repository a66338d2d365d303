/**
 * Control, invisible and bidirectional characters, line separators, lone surrogates; all spaces
 * except the plain one, which they would pass for; and the two symbols without ink: braille's blank
 * and music's null note head.
 */
const unsafe = /(?! )[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Z}\p{Cs}\u2800\u{1D159}]/u;
const everyUnsafe = new RegExp(unsafe.source, "gu");
/** The same, and a `<` that would read as one of our escapes. */
const ambiguous = new RegExp(`${unsafe.source}|<(?=U\\+[0-9A-F]{4,6}>)`, "u");
const everyAmbiguous = new RegExp(ambiguous.source, "gu");
const everyEscape = /<U\+([0-9A-F]{4,6})>/g;

/**
 * A name that others chose, safe to show anywhere: writes out each character that could break a
 * line, reach a terminal or disguise the name, as `less` does (`web<U+202E>`). No two names have
 * the same escaped form, and a name without such characters stays as it is: one name never passes
 * for another.
 */
export function escapeName(name: string): string {
  return ambiguous.test(name) ? name.replace(everyAmbiguous, toEscape) : name;
}

/**
 * As `escapeName`, for all names of one object of an upstream together: of the names that need
 * escapes, at most so many characters are written out, and longer ones are cut with an ellipsis.
 * Writing out a character costs fifty times as much as reading it, and others choose how many there
 * are.
 */
export function createNameEscaper(mostCharacters: number): (name: string) => string {
  let left = mostCharacters;
  return (name) => {
    if (!ambiguous.test(name)) return name;
    const start = name.slice(0, left);
    left -= start.length;
    return start.length === name.length ? escapeName(name) : `${escapeName(start)}…`;
  };
}

/** The name behind one that `escapeName` showed. Any other text is returned unchanged. */
export function unescapeName(shown: string): string {
  if (!shown.includes("<U+")) return shown;
  const name = shown.replace(everyEscape, toCharacter);
  return escapeName(name) === shown ? name : shown;
}

/**
 * A message that may quote such names, escaped or not: its unsafe characters are written out, and
 * escapes in it stay as they are.
 */
export function escapeMessage(message: string): string {
  return unsafe.test(message) ? message.replace(everyUnsafe, toEscape) : message;
}

function toEscape(character: string): string {
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
}

function toCharacter(escape: string, hex: string): string {
  const codePoint = Number.parseInt(hex, 16);
  return codePoint <= 0x10_ff_ff ? String.fromCodePoint(codePoint) : escape;
}
