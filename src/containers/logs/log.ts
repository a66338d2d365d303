import { hash } from "node:crypto";
import { inTurns, type ReadBudget } from "../../lib/budget/budget.ts";
import type { LinePattern } from "../../lib/pattern/pattern.ts";
import { isAtLeast, type LogLevel } from "./level.ts";

export type LogStream = "stdout" | "stderr";

export function toOtherStream(stream: LogStream): LogStream {
  return stream === "stdout" ? "stderr" : "stdout";
}

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

/**
 * Where two neighbouring pages of a log meet. It stays the same while lines are added, and when all
 * of an earlier time are removed. With a stream: before a line, or just after it; once the engine
 * has removed the line, nothing is before the point. With stream null: just before the first line
 * of this time or a later one.
 *
 * The streams of a container are written a little out of the order of their times, but each has an
 * order of its own. So a point cuts each stream at a place of its own: the engine's file knows
 * both, and `other` says it where only the history has the line.
 */
export interface LogPoint {
  /** As LogLine.timestamp. */
  readonly timestamp: string;
  readonly stream: LogStream | null;
  /** Of the line among the successive ones of its stream with this very time, from 0. */
  readonly index: number;
  readonly isAfter: boolean;
  /**
   * Lines of the other stream that are older than this time are before the point. Absent where that
   * is unknown: then its lines older than this one are.
   */
  readonly other?: string;
  /**
   * The `toLineHash` of the line. Where a host's clock was set back, several lines can have the
   * same time, but their hashes differ. Absent where only the history has the line.
   */
  readonly hash?: string;
}

/**
 * Ten hexadecimal digits. "" for a redacted text, which may depend on the lines that were read
 * before it, and so counts as equal to any.
 */
export function toLineHash({ message }: Pick<LogLine, "message">): string {
  return message.includes("redacted") ? "" : hash("sha256", message, "hex").slice(0, 10);
}

/**
 * How far the two streams of a container are out of order at most, ms: a line has the time at which
 * it was read, and is written a moment later.
 */
export const disorderMs = 2000;

/** The time after which no line can be out of order any more. */
export function toLater(timestamp: string): string {
  return new Date(Date.parse(timestamp) + disorderMs).toISOString().slice(0, 19) + timestamp.slice(19);
}

/** The point at this time, a log timestamp. */
export function toMoment(timestamp: string): LogPoint {
  return { timestamp, stream: null, index: 0, isAfter: false };
}

/**
 * A page around a point: at most so many matching lines before it, and from it on. One of the
 * numbers may be 0.
 */
export interface LogAround {
  readonly point: LogPoint;
  readonly older: number;
  readonly newer: number;
}

export interface LogOptions extends LogFilter {
  /** Number of newest matching lines, 1 to 5000. */
  readonly tail: number;
  /** Reads the lines next to a point, and not the newest ones; `tail` does not count. */
  readonly around?: LogAround;
  /** Inclusive; a time as in LogLine. */
  readonly since?: string;
  /** Inclusive, as `since`. */
  readonly until?: string;
}

/**
 * Which lines of a log are read from its beginning to its end, in any number. Times as in
 * LogOptions.
 */
export interface StoredOptions extends LogFilter, Pick<LogOptions, "since" | "until"> {
  /**
   * Only this many of the engine's newest entries are read, and then filtered; a line of more than
   * 16 KiB has several. Null: all.
   */
  readonly newest: number | null;
}

/** Some of those lines, in the order they were written. */
export interface StoredBatch {
  readonly lines: readonly LogLine[];
  /**
   * In the last batch, where the log has, or may have, older entries than `newest`: the time of the
   * first line that was read. The first line of each stream may lack its beginning then. Else null.
   */
  readonly cutAt: string | null;
  /**
   * In one batch at most: why lines older than the engine's are missing, though there may be some.
   */
  readonly historyError?: unknown;
}

/**
 * Where the log of an engine begins, by stream: the time of the oldest line that the engine still
 * has, and the texts of those of this very time.
 */
export type LogBeginning = Readonly<
  Record<LogStream, { readonly timestamp: string; readonly messages: readonly string[] }>
>;

export interface LogLine {
  /**
   * RFC 3339 UTC with nanoseconds, 30 characters, as the engine recorded it. Such times compare as
   * text.
   */
  readonly timestamp: string;
  readonly stream: LogStream;
  /** Severity that the line names; a stack trace has that of its first line. Null when unknown. */
  readonly level: LogLevel | null;
  /** Sanitised and redacted. */
  readonly message: string;
}

/** Lines in the order they were written. */
export interface LogPage {
  readonly lines: readonly LogLine[];
  /** Older matching lines were, or may have been, left out by `tail` or a size limit. */
  readonly truncated: boolean;
  /** Likewise newer ones, when the page was read. */
  readonly hasNewer: boolean;
  /** How many of the lines are before the point of a page around it; else all. */
  readonly olderCount: number;
  /** LogPoint.index of each line; empty where unknown. */
  readonly indexes: readonly number[];
  /**
   * Where the page before ends: before the first line, or further back, if no more match up to
   * there. Null when unknown.
   */
  readonly start: LogPoint | null;
  /** Likewise where the page after begins. */
  readonly end: LogPoint | null;
  /**
   * Why lines older than the engine's are missing, though there may be some. Absent when none are.
   */
  readonly historyError?: unknown;
}

/** A page of the newest lines, unless `part` says otherwise. */
export function toLogPage(part: Partial<LogPage> & Pick<LogPage, "lines">): LogPage {
  const { lines, indexes = [] } = part;
  const [start, end] = [toPoint(lines, indexes, 0, false), toPoint(lines, indexes, lines.length - 1, true)];
  return { truncated: false, hasNewer: false, olderCount: lines.length, indexes, start, end, ...part };
}

/** The point before or after one line of a page; null when unknown. */
export function toPoint(
  lines: readonly LogLine[],
  indexes: readonly number[],
  at: number,
  isAfter: boolean,
): LogPoint | null {
  const [line, index] = [lines[at], indexes[at]];
  return line && index !== undefined ? { timestamp: line.timestamp, stream: line.stream, index, isAfter } : null;
}

/**
 * Numbers the lines of one log, read in the order they were written, as LogPoint.index. Those
 * before the first line read are not known of. Lines of one time are not successive if the other
 * stream has a time in between that disorder does not explain: the clock of the host went back.
 */
export function createLineCounter(): (line: LogLine) => number {
  const last: Record<LogStream, { timestamp: string; index: number; isParted: boolean }> = {
    stdout: { timestamp: "", index: 0, isParted: false },
    stderr: { timestamp: "", index: 0, isParted: false },
  };
  return ({ stream, timestamp }) => {
    const [of, other] = [last[stream], last[toOtherStream(stream)]];
    other.isParted ||= other.timestamp !== "" && areFarApart(timestamp, other.timestamp);
    of.index = of.timestamp === timestamp && !of.isParted ? of.index + 1 : 0;
    of.timestamp = timestamp;
    of.isParted = false;
    return of.index;
  };
}

/** Whether two lines are further apart than disorder explains. */
function areFarApart(a: string, b: string): boolean {
  if (a.slice(0, 19) === b.slice(0, 19)) return false;
  return a < b ? toLater(a) < b : toLater(b) < a;
}

export interface FollowOptions extends LogFilter {
  /** Number of newest matching lines that come first, 0 to 5000. */
  readonly tail: number;
  /** Only lines from this time on; as in LogOptions. */
  readonly since?: string;
  /**
   * All of them are wanted: if `tail` or a size limit leaves some out, the first batch says so, and
   * how many (`cut`).
   */
  readonly whole?: boolean;
}

/** Lines of one container that come first where all are wanted. */
export const wholeTail = 20_000;

/**
 * What happened to a followed log; following continues by itself after each. `truncated`: as `cut`
 * of its batch says.
 */
export type FollowNotice = "stopped" | "resumed" | "engine_lost" | "truncated";

/** Some lines of a followed log, in the order they were written, with notices for the reader. */
export interface LogBatch {
  readonly lines: readonly LogLine[];
  /**
   * Number of lines dropped just before these, matching or not filtered yet: this reader was slower
   * than others of the same log, or see `cut`.
   */
  readonly dropped: number;
  /**
   * In the first batch of a `whole` log whose oldest lines were left out: whether `dropped` counts
   * them all, or is a minimum. Else null.
   */
  readonly cut: "counted" | "at_least" | null;
  readonly notice: FollowNotice | null;
  /**
   * Why this is the last batch: container_gone, or the reason of the signal (shutdown,
   * unauthorized, slow_consumer ...). Else null.
   */
  readonly ended: string | null;
}

export function toBatch(change: Partial<LogBatch>): LogBatch {
  return { lines: [], dropped: 0, cut: null, notice: null, ended: null, ...change };
}

/** Which lines are wanted: those that are accepted, and match the pattern. */
export interface LineFilter {
  /** The cheap tests of one line; `at` is its place among the lines that are tested. */
  readonly accepts: (line: LogLine, at: number) => boolean;
  readonly pattern: LinePattern | undefined;
}

/**
 * Selects the lines of an answer, by everything but `tail`. Podman's times are whole seconds; it
 * selects the lines of the second of `since` itself.
 */
export function createLogFilter({ since = "", until, ...wanted }: Omit<LogOptions, "tail" | "around">): LineFilter {
  const second = since.slice(0, 19);
  const { accepts, pattern } = createLineFilter(wanted);
  const isFrom = ({ timestamp }: LogLine) =>
    timestamp >= since || (timestamp.startsWith(second) && isWholeSecond(timestamp));
  return {
    accepts: (line, at) => isFrom(line) && (until === undefined || line.timestamp <= until) && accepts(line, at),
    pattern,
  };
}

/** Whether a time may be one of Podman's, which are whole seconds. */
function isWholeSecond(timestamp: string): boolean {
  return timestamp.endsWith(".000000000Z");
}

/** Selects wanted lines, whatever their time. */
export function createLineFilter({
  stream,
  search,
  ignoreCase,
  pattern,
  level,
  levelStrict = false,
}: LogFilter): LineFilter {
  const wanted = ignoreCase ? search?.toLowerCase() : search;
  const accepts = (line: LogLine): boolean =>
    (stream === undefined || line.stream === stream) &&
    (level === undefined || isAtLeast(line.level, level, levelStrict)) &&
    (wanted === undefined || (ignoreCase ? line.message.toLowerCase() : line.message).includes(wanted));
  return { accepts, pattern };
}

/** Whether a filter can leave lines out. */
export function isSelective({ stream, search, pattern, level }: LogFilter): boolean {
  return stream !== undefined || search !== undefined || pattern !== undefined || level !== undefined;
}

type TestBudget = Pick<ReadBudget, "turn" | "signal">;

/** Of each line whether it is wanted. Rejects as `LinePattern.match` and `Budget.turn` do. */
export async function testLines(
  lines: readonly LogLine[],
  { accepts, pattern }: LineFilter,
  budget: TestBudget,
): Promise<readonly boolean[]> {
  const accepted = await inTurns(lines, budget, accepts);
  if (!pattern) return accepted;
  const left = lines.filter((_, at) => accepted[at]);
  if (left.length === 0) return accepted;
  const matched = await pattern.match(
    left.map(({ message }) => message),
    budget.signal,
  );
  let tested = 0;
  return accepted.map((isAccepted) => isAccepted && matched[tested++] === true);
}

/** The wanted lines, in their order, as `testLines`. */
export async function filterLines(
  lines: readonly LogLine[],
  filter: LineFilter,
  budget: TestBudget,
): Promise<LogLine[]> {
  const isWanted = await testLines(lines, filter, budget);
  return lines.filter((_, at) => isWanted[at]);
}

/**
 * Text of one answer at most, bytes of JSON: less than the limit of an answer, because a line is
 * more than its text.
 */
export const maxPageBytes = 4_500_000;

/** JSON around the text of a line: its time, stream and level, their names, and the quotes. */
const aroundLine = 102;

/** Characters of a cleaned line that JSON escapes with a backslash. */
const escaped = ['"', "\\", "\t"];

/**
 * Size of a line in an answer, bytes of JSON. Counted without encoding it, which would cost as much
 * memory as the line.
 */
export function toLineBytes({ message }: Pick<LogLine, "message">): number {
  return escaped.reduce(
    (bytes, character) => bytes + count(message, character),
    Buffer.byteLength(message) + aroundLine,
  );
}

function count(text: string, character: string): number {
  let found = 0;
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) found += 1;
  return found;
}
