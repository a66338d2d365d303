import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { toLogTimestamp } from "../../../lib/time.ts";
import type { Container } from "../../container.ts";
import type { ContainerSource } from "../../source.ts";
import {
  createLogFilter,
  type LogAround,
  type LogBeginning,
  type LogLine,
  type LogOptions,
  type LogPage,
  type LogPoint,
  maxPageBytes,
  toLater,
  toLineBytes,
  toLogPage,
  toMoment,
  toPoint,
} from "../log.ts";
import {
  collectHistory,
  findMoment,
  type HistoryCut,
  type HistoryLines,
  isBeforeCut,
  findSeam,
  isNearBeginning,
  isOfHistory,
  isOlder,
  isPointOlder,
  noLines,
  toEarlier,
  toHistoryCut,
  toHistoryRange,
  toPageBeginning,
  toPageEnd,
  toPageStart,
  toReached,
  toSeamText,
} from "./collect.ts";
import type { LogHistory } from "./log-history.ts";
import { isRemoved } from "./removed.ts";

/** Where the lines of a container come from. */
export interface LogSources {
  readonly engines: Pick<ContainerSource, "logs" | "logBeginning" | "stored">;
  readonly history: LogHistory;
}

/**
 * A page as the engine has it, and where it reaches the beginning of the engine's log, continued in
 * the history. The engine is read before its beginning is. What it removes and writes in between
 * does not count: the history ends where the page's own lines begin. Rejects as the engine's read;
 * a failure of the history is in the page.
 */
export async function readWithHistory(
  sources: LogSources,
  container: Container,
  options: LogOptions,
  budget: ReadBudget,
): Promise<LogPage> {
  const { around } = options;
  return readPage(sources, container, options, budget, around !== undefined && isOfHistory(around.point));
}

/** `isAhead`: all that the engine has is after the point, whatever the times of its lines are. */
async function readPage(
  sources: LogSources,
  container: Container,
  options: LogOptions,
  budget: ReadBudget,
  isAhead: boolean,
): Promise<LogPage> {
  const { engines, history } = sources;
  const { around } = options;
  const readBeginning = async () => (isRemoved(container) ? null : engines.logBeginning(container, budget));
  const [older, newer] = around ? [around.older, around.newer] : [options.tail, 0];
  // To find out that it has nothing before a point, the engine would read its whole log.
  const early = around && newer === 0 ? await readBeginning() : undefined;
  const isOnlyHistory =
    isRemoved(container) ||
    (around !== undefined && early !== undefined && (isAhead || isPointOlder(early, around.point)));
  const nothing = toLogPage({ lines: [], truncated: older === 0, hasNewer: around !== undefined && newer === 0 });
  const fromStart = { ...options, around: { point: startOfLog, older: 0, newer } };
  const page = isOnlyHistory ? nothing : await engines.logs(container, isAhead ? fromStart : options, budget);
  const wantsOlder = older > 0 && (isAhead || !page.truncated);
  if (!wantsOlder && (newer === 0 || older > 0) && !isNearStart(page, around)) return page;
  const own = isAhead ? { ...page, truncated: older === 0 } : page;
  const beginning = isOnlyHistory ? (early ?? null) : await readBeginning().catch(toFailure(budget));
  if (beginning !== null && "error" in beginning) return { ...own, truncated: true, historyError: beginning.error };
  const seam = toEarlier(beginning, toPageBeginning(own.lines));
  let cut: HistoryCut | null = null;
  if (around) {
    const { point } = around;
    const isMoment = point.stream === null && !isOfHistory(point);
    const find = async () => findMoment(history, container, seam, point, budget);
    if (isAhead || isPointOlder(seam, point)) {
      // Who walks on from a time alone must not miss what was written after a line of this time.
      cut = toHistoryCut(isMoment && older === 0 ? (await find()).earliest : point);
    } else if (isMoment && isNearBeginning(seam, point) && (await find()).isPassed) {
      // The engine's lines follow one that it has no more, and that is after the point.
      budget.free(sumBytes(page.lines));
      return readPage(sources, container, options, budget, true);
    }
  }
  const reading = { sources, container, options, page: own, beginning: seam, budget };
  const before = wantsOlder ? await readOlder(reading, cut, older) : noLines;
  const after = cut && newer > 0 ? await readNewer(reading, cut, newer) : noLines;
  const edges = [before.lines[0], after.lines.at(-1)].filter((line) => line !== undefined);
  const found = { ...reading, cut, seam: await findSeam(history, container, seam, edges, budget) };
  const whole = addOlder(found, before);
  return around ? addNewer({ ...found, page: whole }, after, around) : whole;
}

/**
 * Whether the first lines of the engine may be as near to the time of a page as lines can be out of
 * order, though there are older ones.
 */
function isNearStart({ lines, olderCount }: LogPage, around: LogAround | undefined): boolean {
  const [first] = lines;
  if (!around || !first || olderCount === 0 || around.newer === 0 || around.point.stream !== null) return false;
  return toLater(first.timestamp) >= around.point.timestamp;
}

const startOfLog = toMoment(toLogTimestamp("0"));

function sumBytes(lines: readonly LogLine[]): number {
  return lines.reduce((sum, line) => sum + toLineBytes(line), 0);
}

/** The page that was read stands, whatever fails after it. */
function toFailure({ signal }: ReadBudget): (error: unknown) => { readonly error: unknown } {
  return (error) => {
    signal.throwIfAborted();
    return { error };
  };
}

interface Reading {
  readonly sources: LogSources;
  readonly container: Container;
  readonly options: LogOptions;
  readonly page: LogPage;
  /** Of what is not the history's: of the engine's log, or of the page, which is earlier. */
  readonly beginning: LogBeginning | null;
  readonly budget: ReadBudget;
}

interface Found extends Reading {
  readonly cut: HistoryCut | null;
  readonly seam: Awaited<ReturnType<typeof findSeam>>;
}

/**
 * Without a cut the point is in the engine's log: everything that the engine has no more is before
 * it, though the times of the streams may be out of order.
 */
async function readOlder(reading: Reading, cut: HistoryCut | null, older: number): Promise<HistoryLines> {
  const { options, page } = reading;
  const isBefore = (line: LogLine, index: number) => cut === null || isBeforeCut(cut, line, index);
  const upTo =
    cut === null
      ? options
      : { ...options, until: toEarliest(toLatestOf(cut.times.stdout, cut.times.stderr), options.until) };
  return collect(reading, upTo, { from: "newest", count: older - page.olderCount, isWanted: isBefore });
}

async function readNewer(reading: Reading, cut: HistoryCut, newer: number): Promise<HistoryLines> {
  const { options } = reading;
  const from = { ...options, since: toLatestOf(toEarliest(cut.times.stdout, cut.times.stderr), options.since ?? "") };
  return collect(reading, from, {
    from: "oldest",
    count: newer,
    isWanted: (line, index) => !isBeforeCut(cut, line, index),
  });
}

function toEarliest(one: string, other: string | undefined): string {
  return other === undefined || one < other ? one : other;
}

function toLatestOf(one: string, other: string): string {
  return one > other ? one : other;
}

interface Side {
  readonly from: "newest" | "oldest";
  readonly count: number;
  readonly isWanted: (line: LogLine, index: number) => boolean;
}

async function collect(
  { sources, container, options, page, beginning, budget }: Reading,
  times: Pick<LogOptions, "since" | "until">,
  { from, count, isWanted }: Side,
): Promise<HistoryLines> {
  const range = toHistoryRange(container, beginning, times);
  if (!range) return noLines;
  const { tail: _tail, around, ...filter } = options;
  const { accepts: matches, pattern } = createLogFilter(filter);
  const known = new Set(page.lines.map(toKey));
  const accepts = (line: LogLine, index: number) =>
    isWanted(line, index) && isOlder(beginning, line) && matches(line, 0) && !known.has(toKey(line));
  const taken = from === "newest" ? sumBytes(page.lines) : 0;
  const bytes = Math.max(0, maxPageBytes / (around && around.older > 0 && around.newer > 0 ? 2 : 1) - taken);
  return collectHistory(
    sources.history,
    { fullId: container.fullId, from, filter, ...range },
    { count, bytes, accepts, pattern },
    budget,
  );
}

function toKey({ timestamp, stream, message }: LogLine): string {
  return `${timestamp}${stream}${toSeamText(message)}`;
}

function addOlder({ page, cut, seam }: Found, { lines, indexes, hasMore, reached, error }: HistoryLines): LogPage {
  const point = toPoint(lines, indexes, 0, false);
  const first = point && toPageStart(point, cut, seam);
  const isPlaced = page.indexes.length === page.lines.length;
  return {
    ...page,
    lines: [...lines, ...page.lines],
    indexes: isPlaced ? [...indexes, ...page.indexes] : [],
    olderCount: page.olderCount + lines.length,
    truncated: page.truncated || hasMore,
    start: reached === null ? (first ?? page.start) : toReached(reached),
    end: page.end ?? toPoint(lines, indexes, lines.length - 1, true),
    ...(error !== null && { historyError: error }),
  };
}

/**
 * The history's lines come before the engine's; where some of them are missing, the engine's are on
 * a later page.
 */
function addNewer(reading: Found, found: HistoryLines, around: LogAround): LogPage {
  const { page, budget } = reading;
  const { lines, indexes, hasMore, reached, error } = found;
  const failed = error !== null && { historyError: error };
  const toEnd = (end: LogPoint | null, shown: readonly LogLine[]) =>
    end && toPageEnd(end, around.point, reading, shown);
  if (lines.length === 0 && (!hasMore || failed)) return { ...page, end: toEnd(page.end, page.lines), ...failed };
  const after = page.lines.slice(page.olderCount);
  let bytes = sumBytes(lines);
  const firstLeft = after.findIndex(
    (line, at) => at >= around.newer - lines.length || (bytes += toLineBytes(line)) > maxPageBytes,
  );
  const shown = hasMore ? 0 : firstLeft < 0 ? after.length : firstLeft;
  const isCut = shown < after.length;
  budget.free(sumBytes(after.slice(shown)));
  const end = page.olderCount + shown;
  const all = [...page.lines.slice(0, page.olderCount), ...lines, ...page.lines.slice(page.olderCount, end)];
  const places = [...page.indexes.slice(0, page.olderCount), ...indexes, ...page.indexes.slice(page.olderCount, end)];
  const last = hasMore || isCut ? null : page.end;
  const stop = last ?? toPoint(all, places, all.length - 1, true);
  return {
    ...page,
    lines: all,
    indexes: places,
    hasNewer: page.hasNewer || hasMore || isCut,
    start: page.start ?? toPoint(all, places, 0, false),
    end: reached === null ? toEnd(stop, all) : toReached(reached),
    ...failed,
  };
}
