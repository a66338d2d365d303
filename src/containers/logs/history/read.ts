import type { ReadBudget } from "../../../lib/budget/budget.ts";
import type { Container } from "../../container.ts";
import type { ContainerSource } from "../../source.ts";
import {
  createLogFilter,
  type LogBeginning,
  type LogLine,
  type LogOptions,
  type LogPage,
  maxPageBytes,
  toLineBytes,
  toLogPage,
  toMoment,
  toPoint,
} from "../log.ts";
import {
  collectHistory,
  type HistoryLines,
  isBeforePoint,
  isOlder,
  isPointOlder,
  noLines,
  toEarlier,
  toHistoryRange,
  toPageBeginning,
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
 * A page as the engine has it, and where it reaches the beginning of the engine's log, continued in the history. The engine is read before its beginning is. What it removes
 * and writes in between does not count: the history ends where the page's own lines begin. Rejects as the engine's read; a failure of the history is in the page.
 */
export async function readWithHistory(
  sources: LogSources,
  container: Container,
  options: LogOptions,
  budget: ReadBudget,
): Promise<LogPage> {
  const { engines } = sources;
  const { around } = options;
  const readBeginning = async () => (isRemoved(container) ? null : engines.logBeginning(container, budget));
  const [older, newer] = around ? [around.older, around.newer] : [options.tail, 0];
  // To find out that it has nothing before a point, the engine would read its whole log.
  const early = around && newer === 0 ? await readBeginning() : undefined;
  const isOnlyHistory =
    isRemoved(container) || (around !== undefined && early !== undefined && isPointOlder(early, around.point));
  const nothing = toLogPage({ lines: [], truncated: older === 0, hasNewer: around !== undefined && newer === 0 });
  const page = isOnlyHistory ? nothing : await engines.logs(container, options, budget);
  const wantsOlder = older > 0 && !page.truncated;
  if (!wantsOlder && (newer === 0 || older > 0)) return page;
  const beginning = isOnlyHistory ? (early ?? null) : await readBeginning().catch(toFailure(budget));
  if (beginning !== null && "error" in beginning) return { ...page, truncated: true, historyError: beginning.error };
  const seam = toEarlier(beginning, toPageBeginning(page.lines));
  const reading = { sources, container, options, page, beginning: seam, budget };
  const before = wantsOlder ? await readOlder(reading, older) : noLines;
  const after = around && newer > 0 && isPointOlder(seam, around.point) ? await readNewer(reading, newer) : noLines;
  return around ? addNewer(addOlder(page, before), after, newer, budget) : addOlder(page, before);
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

async function readOlder(reading: Reading, older: number): Promise<HistoryLines> {
  const { options, page, beginning } = reading;
  const point = options.around?.point;
  // In the log of the engine everything that is older than its beginning is before the point, though the times of the streams may be out of order.
  const bound = point && isPointOlder(beginning, point) ? point : null;
  const isBefore = (line: LogLine, index: number) => bound === null || isBeforePoint(bound, line, index);
  const upTo =
    bound === null ? options : { ...options, until: [bound.timestamp, options.until ?? bound.timestamp].toSorted()[0] as string };
  return collect(reading, upTo, { from: "newest", count: older - page.olderCount, isWanted: isBefore });
}

async function readNewer(reading: Reading, newer: number): Promise<HistoryLines> {
  const { options } = reading;
  const point = options.around?.point ?? toMoment("");
  const from = { ...options, since: [point.timestamp, options.since ?? ""].toSorted()[1] as string };
  return collect(reading, from, { from: "oldest", count: newer, isWanted: (line, index) => !isBeforePoint(point, line, index) });
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
  const matches = createLogFilter(filter);
  const known = new Set(page.lines.map(toKey));
  const accepts = (line: LogLine, index: number) =>
    isWanted(line, index) && isOlder(beginning, line) && matches(line) && !known.has(toKey(line));
  const taken = from === "newest" ? page.lines.reduce((sum, line) => sum + toLineBytes(line), 0) : 0;
  const bytes = Math.max(0, maxPageBytes / (around && around.older > 0 && around.newer > 0 ? 2 : 1) - taken);
  return collectHistory(sources.history, { fullId: container.fullId, from, filter, ...range }, { count, bytes, accepts }, budget);
}

function toKey({ timestamp, stream, message }: LogLine): string {
  return `${timestamp}${stream}${toSeamText(message)}`;
}

function addOlder(page: LogPage, { lines, indexes, hasMore, reached, error }: HistoryLines): LogPage {
  const isPlaced = page.indexes.length === page.lines.length;
  return {
    ...page,
    lines: [...lines, ...page.lines],
    indexes: isPlaced ? [...indexes, ...page.indexes] : [],
    olderCount: page.olderCount + lines.length,
    truncated: page.truncated || hasMore,
    start: reached === null ? (toPoint(lines, indexes, 0, false) ?? page.start) : toMoment(reached),
    end: page.end ?? toPoint(lines, indexes, lines.length - 1, true),
    ...(error !== null && { historyError: error }),
  };
}

/** The history's lines come before the engine's; where some of them are missing, the engine's are on a later page. */
function addNewer(page: LogPage, found: HistoryLines, newer: number, budget: ReadBudget): LogPage {
  const { lines, indexes, hasMore, reached, error } = found;
  const failed = error !== null && { historyError: error };
  if (lines.length === 0 && (!hasMore || failed)) return { ...page, ...failed };
  const after = page.lines.slice(page.olderCount);
  let bytes = lines.reduce((sum, line) => sum + toLineBytes(line), 0);
  const firstLeft = after.findIndex((line, at) => at >= newer - lines.length || (bytes += toLineBytes(line)) > maxPageBytes);
  const shown = hasMore ? 0 : firstLeft < 0 ? after.length : firstLeft;
  const isCut = shown < after.length;
  budget.free(after.slice(shown).reduce((sum, line) => sum + toLineBytes(line), 0));
  const end = page.olderCount + shown;
  const all = [...page.lines.slice(0, page.olderCount), ...lines, ...page.lines.slice(page.olderCount, end)];
  const places = [...page.indexes.slice(0, page.olderCount), ...indexes, ...page.indexes.slice(page.olderCount, end)];
  return {
    ...page,
    lines: all,
    indexes: places,
    hasNewer: page.hasNewer || hasMore || isCut,
    start: page.start ?? toPoint(all, places, 0, false),
    end:
      reached !== null
        ? toMoment(reached)
        : hasMore || isCut
          ? toPoint(all, places, all.length - 1, true)
          : (page.end ?? toPoint(all, places, all.length - 1, true)),
    ...failed,
  };
}
