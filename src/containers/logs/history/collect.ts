import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { addNanosecond, parseLogTime, toLogTimestamp } from "../../../lib/time.ts";
import type { Container } from "../../container.ts";
import {
  createLineCounter,
  type LogBeginning,
  type LogLine,
  type LogOptions,
  type LogPoint,
  type LogStream,
  toLater,
  toLineBytes,
} from "../log.ts";
import type { HistoryQuery, HistoryRange, LogHistory } from "./log-history.ts";

/** Most bytes that one page may take from the history, and after which time it is returned with what was found, ms. */
const most = { bytes: 32 << 20, softMs: 3500 };
/** A container has no line longer before its creation, as its engine dates both, ms. */
const earlyMs = 5000;
/** The clocks of engines may be ahead of ours, s. */
const aheadSeconds = 60;

/**
 * LogPoint.index of the lines of the history counts from here: they are numbered by their texts and not as they were written, and an engine may have further lines of the very
 * time of its oldest.
 */
const firstIndex = 100_000_000;

/** Lines of the history, the oldest first. */
export interface HistoryLines {
  readonly lines: readonly LogLine[];
  /** LogPoint.index of each. */
  readonly indexes: readonly number[];
  /** Further matching lines exist, or may. */
  readonly hasMore: boolean;
  /** Where the search ended before the page was full; else null. */
  readonly reached: string | null;
  /** Why it ended there; null when it was not a failure. */
  readonly error: unknown;
}

export const noLines: HistoryLines = { lines: [], indexes: [], hasMore: false, reached: null, error: null };

interface Wanted {
  readonly count: number;
  readonly bytes: number;
  /** `index`: LogPoint.index. */
  readonly accepts: (line: LogLine, index: number) => boolean;
}

/** Reads on from one end of the range until there are enough lines, piece by piece. Rejects only as the budget does. */
export async function collectHistory(
  history: LogHistory,
  query: HistoryQuery,
  { count, bytes: mostBytes, accepts }: Wanted,
  budget: ReadBudget,
): Promise<HistoryLines> {
  const isNewest = query.from === "newest";
  const end = performance.now() + most.softMs;
  const found: { readonly line: LogLine; readonly index: number }[] = [];
  let [bytes, scanned] = [0, 0];
  const give = (part: Partial<HistoryLines>): HistoryLines => {
    const ordered = isNewest ? found.toReversed() : found;
    return { ...noLines, lines: ordered.map(({ line }) => line), indexes: ordered.map(({ index }) => index), ...part };
  };
  for (let range: HistoryRange = query; ;) {
    const reached = isNewest ? range.before : range.since;
    if (scanned > most.bytes || performance.now() > end) return give({ hasMore: true, reached });
    const piece = await history.read({ ...query, ...range }, budget.signal).catch((error: unknown) => {
      budget.signal.throwIfAborted();
      return { error };
    });
    if ("error" in piece) return give({ hasMore: true, reached, error: piece.error });
    const toIndex = createLineCounter();
    const numbered = piece.lines.map((line) => ({ line, index: firstIndex + toIndex(line) }));
    for (const one of isNewest ? numbered.toReversed() : numbered) {
      const wait = budget.turn();
      if (wait) await wait;
      if (!accepts(one.line, one.index)) continue;
      const size = toLineBytes(one.line);
      if (found.length >= count || bytes + size > mostBytes) return give({ hasMore: true });
      budget.hold(size);
      bytes += size;
      found.push(one);
    }
    if (piece.rest === null) return give({});
    scanned += piece.bytes;
    range = piece.rest;
  }
}

/** Whether a line, or the line at a point, is older than all that the engine has; null: the engine has nothing. */
export function isOlder(beginning: LogBeginning | null, line: Pick<LogLine, "stream" | "timestamp"> & Partial<LogLine>): boolean {
  if (beginning === null) return true;
  const { timestamp, messages } = beginning[line.stream];
  if (line.timestamp !== timestamp || line.message === undefined) return line.timestamp < timestamp;
  const texts = seamTexts.get(messages) ?? new Set(messages.map(toSeamText));
  seamTexts.set(messages, texts);
  return !texts.has(toSeamText(line.message));
}

/** Of the messages of beginnings: many lines may have the time of one. */
const seamTexts = new WeakMap<readonly string[], ReadonlySet<string>>();

/** By what the history's and the engine's line of one time are the same: shippers strip a carriage return at the end, which is a space in ours. */
export function toSeamText(message: string): string {
  return message.trimEnd();
}

/** Where the lines of a page begin, as if they were all that the engine has; null without lines. Each stream is in the order of its times. */
export function toPageBeginning(lines: readonly LogLine[]): LogBeginning | null {
  const [first] = lines;
  if (!first) return null;
  const of = (stream: LogStream) => {
    const own = lines.filter((line) => line.stream === stream);
    const timestamp = own[0]?.timestamp ?? toLater(first.timestamp);
    return { timestamp, messages: own.filter((line) => line.timestamp === timestamp).map(({ message }) => message) };
  };
  return { stdout: of("stdout"), stderr: of("stderr") };
}

/** The earlier of two beginnings, stream by stream. */
export function toEarlier(one: LogBeginning | null, other: LogBeginning | null): LogBeginning | null {
  if (!one || !other) return one ?? other;
  const of = (stream: LogStream) => {
    const [a, b] = [one[stream], other[stream]];
    if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? a : b;
    return { timestamp: a.timestamp, messages: [...a.messages, ...b.messages] };
  };
  return { stdout: of("stdout"), stderr: of("stderr") };
}

/** Whether a point is before all that the engine has. */
export function isPointOlder(beginning: LogBeginning | null, { timestamp, stream, index }: LogPoint): boolean {
  if (index >= firstIndex) return true;
  if (stream !== null) return isOlder(beginning, { stream, timestamp });
  return isOlder(beginning, { stream: "stdout", timestamp }) && isOlder(beginning, { stream: "stderr", timestamp });
}

/** Whether a line of the history is before a point in it, or before one that was a line of the engine. */
export function isBeforePoint({ timestamp, stream, index: given, isAfter }: LogPoint, line: LogLine, index: number): boolean {
  const at = given < firstIndex ? given + firstIndex : given;
  if (line.timestamp !== timestamp || stream === null) return line.timestamp < timestamp;
  if (line.stream !== stream) return line.stream < stream;
  return index < at || (isAfter && index === at);
}

/** What the history may have of a container, up to the beginning of its engine's log; null for nothing. */
export function toHistoryRange(
  { createdAt }: Pick<Container, "createdAt">,
  beginning: LogBeginning | null,
  { since = "", until }: Pick<LogOptions, "since" | "until">,
): HistoryRange | null {
  const created = new Date(Math.max(0, (Date.parse(createdAt) || 0) - earlyMs)).toISOString().slice(0, 19);
  // In whole seconds, as Podman's times: the filter of the lines is exact.
  const first = `${[created, since.slice(0, 19)].toSorted()[1]}.000000000Z`;
  const lasts = beginning ? [beginning.stdout, beginning.stderr].map(({ timestamp }) => timestamp) : [toAhead()];
  const last = [
    toNext(lasts.toSorted().at(-1) as string),
    ...(until === undefined ? [] : [toNext(until)]),
  ].toSorted()[0] as string;
  return first < last ? { since: first, before: last } : null;
}

/** A nanosecond later. */
export function toNext(timestamp: string): string {
  return toLogTimestamp(addNanosecond(parseLogTime(timestamp, 0) ?? "0.000000000"));
}

function toAhead(): string {
  return toLogTimestamp(String(Math.floor(Date.now() / 1000) + aheadSeconds));
}
