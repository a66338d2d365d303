/**
 * Control, invisible and bidirectional characters, line separators, lone surrogates; spaces but the
 * plain one, which they would pass for, and the two symbols without ink: braille's blank and
 * music's null note head.
 */
const unsafe = /(?! )[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Z}\p{Cs}\u2800\u{1D159}]/u;
const everyUnsafe = new RegExp(unsafe.source, "gu");
/** The same, and a `<` that would read as an escape of ours. */
const ambiguous = new RegExp(`${unsafe.source}|<(?=U\\+[0-9A-F]{4,6}>)`, "u");
const everyAmbiguous = new RegExp(ambiguous.source, "gu");
const everyEscape = /<U\+([0-9A-F]{4,6})>/g;

/**
 * A name that others chose, safe to show anywhere: each character that could break a line, reach a
 * terminal or disguise the name is written out, as `less` does (`web<U+202E>`). No two names have
 * the same escaped form, and a name without such characters is its own: one name never passes for
 * another.
 */
export function escapeName(name: string): string {
  return ambiguous.test(name) ? name.replace(everyAmbiguous, toEscape) : name;
}

/**
 * As `escapeName`, for all names that one upstream's thing has together: of the names that have to
 * be written out, at most so many characters are, and what is longer is cut with an ellipsis. To
 * write out a character costs fifty times as much as to read it, and others choose how many there
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

/**
 * The name behind the one that `escapeName` showed. A text that it never returns is taken as it is.
 */
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
