import type { LinePattern } from "../../lib/pattern.ts";
import { isAtLeast, type LogLevel } from "./level.ts";

export type LogStream = "stdout" | "stderr";

/** Which lines are wanted; applied before any limit. */
export interface LogFilter {
  readonly stream?: LogStream;
  /** Plain substring, case-sensitive unless `ignoreCase`. */
  readonly search?: string;
  readonly ignoreCase?: boolean;
  readonly pattern?: LinePattern;
  /** This severe or more; also lines without a level, unless `levelStrict`. */
  readonly level?: LogLevel;
  readonly levelStrict?: boolean;
}

export interface LogOptions extends LogFilter {
  /** Number of newest matching lines, 1 to 5000. */
  readonly tail: number;
  /** Inclusive; a time as in LogLine. */
  readonly since?: string;
  /** Inclusive, as `since`. */
  readonly until?: string;
}

export interface LogLine {
  /** RFC 3339 UTC with nanoseconds, 30 characters, as the engine recorded it. Such times compare as text. */
  readonly timestamp: string;
  readonly stream: LogStream;
  /** Severity that the line names; a stack trace has that of its first line. Null when unknown. */
  readonly level: LogLevel | null;
  /** Sanitised and redacted. */
  readonly message: string;
}

/** Lines in the order they were written; `truncated` when older matching lines were, or may have been, left out by `tail` or a size limit. */
export interface LogPage {
  readonly lines: readonly LogLine[];
  readonly truncated: boolean;
}

export interface FollowOptions extends LogFilter {
  /** Number of newest matching lines that come first, 0 to 5000. */
  readonly tail: number;
  /** Only lines from this time on; as in LogOptions. */
  readonly since?: string;
  /** All of those are wanted: when `tail` or a size limit leaves some out, the first batch reports how many (`cut`). */
  readonly whole?: boolean;
}

/** What happened to the source of a followed log; following continues by itself after each. */
export type FollowNotice = "stopped" | "resumed" | "engine_lost";

/** Some lines of a followed log, in the order they were written, with notices for the reader. */
export interface LogBatch {
  readonly lines: readonly LogLine[];
  /** Number of matching lines dropped just before these: this reader was slower than others of the same log, or see `cut`. */
  readonly dropped: number;
  /** In the first batch of a `whole` log whose oldest lines were left out: whether `dropped` counts them all, or is a minimum. Else null. */
  readonly cut: "counted" | "at_least" | null;
  readonly notice: FollowNotice | null;
  /** Why this is the last batch: container_gone, or the reason of the signal (shutdown, unauthorized, slow_consumer ...). Else null. */
  readonly ended: string | null;
}

export function toBatch(change: Partial<LogBatch>): LogBatch {
  return { lines: [], dropped: 0, cut: null, notice: null, ended: null, ...change };
}

/**
 * Whether a line belongs to an answer, by everything but `tail`. Podman has whole seconds, and itself selects the lines of that second that are from
 * `since` on.
 */
export function createLogFilter({ since = "", until, ...wanted }: Omit<LogOptions, "tail">): (line: LogLine) => boolean {
  const second = since.slice(0, 19);
  const matches = createLineFilter(wanted);
  const isFrom = ({ timestamp }: LogLine) =>
    timestamp >= since || (timestamp.startsWith(second) && timestamp.endsWith(".000000000Z"));
  return (line) => isFrom(line) && (until === undefined || line.timestamp <= until) && matches(line);
}

/** Whether a line is wanted, whatever its time. Cheap tests come first. */
export function createLineFilter({ stream, search, ignoreCase, pattern, level, levelStrict = false }: LogFilter) {
  const wanted = ignoreCase ? search?.toLowerCase() : search;
  return (line: LogLine): boolean =>
    (stream === undefined || line.stream === stream) &&
    (level === undefined || isAtLeast(line.level, level, levelStrict)) &&
    (wanted === undefined || (ignoreCase ? line.message.toLowerCase() : line.message).includes(wanted)) &&
    (pattern === undefined || pattern.test(line.message));
}

/** Whether a filter can leave lines out. */
export function isSelective({ stream, search, pattern, level }: LogFilter): boolean {
  return stream !== undefined || search !== undefined || pattern !== undefined || level !== undefined;
}

/** Text of one answer at most, bytes of JSON: less than the limit of an answer, because a line is more than its text. */
export const maxPageBytes = 4_500_000;

/** JSON around the text of a line: its time, stream and level, their names, and the quotes. */
const aroundLine = 102;

/** Characters of a cleaned line that JSON escapes with a backslash. */
const escaped = ['"', "\\", "\t"];

/** Size of a line in an answer, bytes of JSON. Counted without encoding it, which would cost as much memory as the line. */
export function toLineBytes({ message }: Pick<LogLine, "message">): number {
  return escaped.reduce((bytes, character) => bytes + count(message, character), Buffer.byteLength(message) + aroundLine);
}

function count(text: string, character: string): number {
  let found = 0;
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) found += 1;
  return found;
}
