import type { LogLine } from "./container.ts";

/** Text of one answer at most, bytes of JSON: less than a whole answer may have, as a line's text is not all of it. */
export const maxPageBytes = 4_500_000;

/** What stands around the text of a line: its time, its stream, its level, their names. */
const aroundLine = 100;

/** What a line takes in an answer, bytes of JSON. */
export function toLineBytes({ message }: Pick<LogLine, "message">): number {
  return Buffer.byteLength(JSON.stringify(message)) + aroundLine;
}
