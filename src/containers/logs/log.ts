import type { LinePattern } from "../../lib/pattern.ts";
import type { LogLevel } from "./level.ts";

export type LogStream = "stdout" | "stderr";

/** Which lines are wanted; all of it applies before any limit. */
export interface LogFilter {
  readonly stream?: LogStream;
  /** Plain substring, case-sensitive unless `ignoreCase`. */
  readonly search?: string;
  readonly ignoreCase?: boolean;
  readonly pattern?: LinePattern;
  /** So severe, or more; also lines that name no level, unless `levelStrict`. */
  readonly level?: LogLevel;
  readonly levelStrict?: boolean;
}

export interface LogOptions extends LogFilter {
  /** How many of the newest matching lines, 1 to 5000. */
  readonly tail: number;
  /** Inclusive, unix seconds with up to nine decimals, as Docker wants it ("1767225600.000000001"). */
  readonly since?: string;
  /** Inclusive, as `since`. */
  readonly until?: string;
}

export interface LogLine {
  /** RFC 3339 UTC with nanoseconds, as the engine recorded it. */
  readonly timestamp: string;
  readonly stream: LogStream;
  /** What the line says of its severity; a stack trace has that of its first line. Null when nothing tells. */
  readonly level: LogLevel | null;
  /** Sanitised and redacted. */
  readonly message: string;
}

/** Lines in the order they were written; `truncated` when older matching lines were left out, by `tail` or by a size limit. */
export interface LogPage {
  readonly lines: readonly LogLine[];
  readonly truncated: boolean;
}

export interface FollowOptions extends LogFilter {
  /** How many of the newest matching lines come first, 0 to 5000. */
  readonly tail: number;
  /** Those only from this time on; as in LogOptions. */
  readonly since?: string;
  /** All of those are wanted: when `tail` or a limit of size leaves some out, the first batch tells how many (`cut`). */
  readonly whole?: boolean;
}

/** What happened to the source of a followed log; it goes on by itself after each. */
export type FollowNotice = "stopped" | "resumed" | "engine_lost";

/** Some lines of a followed log, in the order they were written, and what a reader should know beside them. */
export interface LogBatch {
  readonly lines: readonly LogLine[];
  /** So many matching lines were left out just before these: this reader was slower than others of the same log, or see `cut`. */
  readonly dropped: number;
  /** In the first batch of a `whole` log of which the oldest lines were left out: whether `dropped` counts all of these, or at least so many. Else null. */
  readonly cut: "counted" | "at_least" | null;
  readonly notice: FollowNotice | null;
  /** Why nothing comes after this: container_gone, or the reason of the signal (shutdown, unauthorized, slow_consumer ...). Else null. */
  readonly ended: string | null;
}

export function toBatch(change: Partial<LogBatch>): LogBatch {
  return { lines: [], dropped: 0, cut: null, notice: null, ended: null, ...change };
}

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
