import type { LogLine } from "./container.ts";

/** Text of one answer at most, bytes of JSON: less than a whole answer may have, as a line's text is not all of it. */
export const maxPageBytes = 4_500_000;

/** What stands around the text of a line: its time, its stream, its level, their names, the quotes. */
const aroundLine = 102;

/** What JSON writes with a backslash, of what a cleaned line may contain. */
const escaped = ['"', "\\", "\t"];

/** What a line takes in an answer, bytes of JSON. Counted without writing it: that would cost as much memory as the line. */
export function toLineBytes({ message }: Pick<LogLine, "message">): number {
  return escaped.reduce((bytes, character) => bytes + count(message, character), Buffer.byteLength(message) + aroundLine);
}

function count(text: string, character: string): number {
  let found = 0;
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) found += 1;
  return found;
}
