import { createStopwatch, type Stopwatch } from "../../../lib/abort.ts";
import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { parseLogTime } from "../../../lib/time.ts";
import type { ContainerRef } from "../../container.ts";
import { isSelective, type LogLine, type LogOptions, type LogPage, toLogPage } from "../../logs/log.ts";
import { toLatest } from "../../logs/history/collect.ts";
import type { EngineCalls } from "../engine/engine.ts";
import type { Query } from "../http/connect.ts";
import { AnswerError } from "../http/errors.ts";
import { entriesThatFit, type LogWindow, readLogWindow, toEnginePoint } from "./window.ts";

/** How many entries to request; "all" from `since` on. */
type WindowSize = number | "all";

export interface ReadTimes {
  readonly timeoutMs: number;
  /** On which the engine's time runs; that of the process when absent. */
  readonly clock?: Stopwatch;
  readonly budget: ReadBudget;
}

interface ReadHow extends ReadTimes {
  /** The page has the places of its lines, for which more may have to be read. */
  readonly placed?: boolean;
}

/**
 * The newest matching lines. Docker applies `tail` first, before `until` and the choice of a
 * stream, and counts the parts of long lines. So more is requested than is wanted, filtered here,
 * and requested again eight times larger until there are enough or all were read. `truncated`
 * unless the whole log was read and every match fits.
 */
export async function readLogs(
  engine: EngineCalls,
  { fullId }: ContainerRef,
  options: LogOptions,
  { timeoutMs, clock = createStopwatch(), budget, placed = false }: ReadHow,
): Promise<LogPage> {
  const end = clock.now() + timeoutMs;
  const { tty } = await engine.inspect(fullId, budget.signal);

  const ask = (size: WindowSize, maxLines?: number) =>
    readWindow(
      engine,
      fullId,
      { ...options, tty, size, ...(maxLines && { maxLines }) },
      { timeoutMs: end - clock.now(), clock, budget },
    );
  /**
   * Podman (libpod/logs/log.go, `GetLogFile`) reads the newest lines, and then continues at the end
   * of the file: lines written meanwhile are missing, those after them are not. So a short log is
   * read whole, and of a long one, which surely has as many lines, the first `size` are valid. From
   * `since` on all are read, because Podman applies `since` last.
   */
  const readPodman = async (size: number): Promise<LogWindow> => {
    const most = options.since === undefined ? size : Infinity;
    const first = await ask("all", most);
    if (first.complete) return first;
    budget.free(first.bytes);
    return ask(size, most);
  };
  const podman = await engine.client.isPodman(budget.signal);
  const read = (size: WindowSize) => (podman && size !== "all" ? readPodman(size) : ask(size));
  let best: LogPage | null = null;
  let held = 0;
  for (const size of toSizes(options)) {
    const window = await read(size).catch((error: unknown) => {
      if (best && !budget.signal.aborted) return null;
      throw error;
    });
    if (window === null || window.overflow) break;
    best = toPage(window);
    // The previous page: the same lines, but fewer.
    budget.free(held);
    held = window.bytes;
    if (window.complete) break;
    const isFull = window.dropped > 0 || window.lines.length >= options.tail;
    if (isFull && window.gap === 0 && (window.isPlaced || !placed)) break;
  }
  if (best) return best;
  // The last resort for very long lines: as many entries as surely fit.
  const window = await read(entriesThatFit);
  if (window.overflow) throw tooLongLines(engine);
  return { ...toPage(window), truncated: true };
}

/** A page begins behind a gap: else the line that is missing there would be on no page. */
function toPage({ lines, indexes, others, isPlaced, gap, dropped, complete }: LogWindow): LogPage {
  const shown = { lines: lines.slice(gap), indexes: isPlaced ? indexes.slice(gap) : [], others: others.slice(gap) };
  // The page goes to the end of the log: a stream without lines in it has none after its start.
  const newest = shown.lines.reduce((time, { timestamp }) => (timestamp > time ? timestamp : time), "");
  const times = newest === "" ? undefined : { stdout: toLatest(newest), stderr: toLatest(newest) };
  const [start, end] = [toEnginePoint(shown, 0, false, times), toEnginePoint(shown, shown.lines.length - 1, true)];
  return toLogPage({ lines: shown.lines, indexes: shown.indexes, truncated: dropped > 0 || !complete, start, end });
}

export function tooLongLines({ name }: EngineCalls): AnswerError {
  return new AnswerError(`the log lines of engine ${name} are too long to be read`);
}

/**
 * As `readLogs`, with the number of older matching lines: if there are any, the whole log from
 * `since` to `until` is read again to count them. If that exceeds the time or `maxScanBytes`,
 * `counted` is false and `missing` is a minimum.
 */
export async function readWhole(
  engine: EngineCalls,
  ref: ContainerRef,
  { until, ...options }: LogOptions,
  times: ReadTimes,
): Promise<{ readonly lines: readonly LogLine[]; readonly missing: number; readonly counted: boolean }> {
  const { lines, truncated } = await readLogs(engine, ref, options, times);
  if (!truncated) return { lines, missing: 0, counted: true };
  const { tty } = await engine.inspect(ref.fullId, times.budget.signal);
  const wanted = { ...options, ...(until === undefined ? {} : { until }), tty, size: "all" } as const;
  const window = await readWindow(engine, ref.fullId, wanted, times).catch(() => null);
  times.budget.signal.throwIfAborted();
  if (window && !window.overflow) return { lines: window.lines, missing: window.dropped, counted: true };
  return { lines, missing: Math.max(1, (window?.dropped ?? 0) - lines.length), counted: false };
}

function readWindow(
  engine: EngineCalls,
  fullId: string,
  { size, ...options }: LogOptions & { readonly tty: boolean; readonly size: WindowSize; readonly maxLines?: number },
  { timeoutMs, clock, budget }: ReadTimes,
): Promise<LogWindow> {
  const ask = async (signal: AbortSignal) => {
    const response = await engine.client.open(fullId, "logs", toQuery(size, options), signal);
    return readLogWindow(response, { ...options, size: size === "all" ? null : size }, budget);
  };
  return engine.ask({ ms: Math.max(1, timeoutMs), clock }, ask, budget.signal);
}

/** Growing reads; the first is larger where lines will be filtered out. */
function toSizes(options: LogOptions): WindowSize[] {
  const { tail, until } = options;
  const isFiltered = until !== undefined || isSelective(options);
  // Two more, because the first line of each stream may lack its beginning.
  const first = tail * (isFiltered ? 4 : 1) + 2;
  return [first, first * 8, first * 64, "all"];
}

/** Without `tail` Docker's own filters are right, and save bytes. */
export function toQuery(size: WindowSize, { since, until, stream }: Omit<LogOptions, "tail">): Query {
  const all = size === "all";
  return {
    stdout: all && stream === "stderr" ? 0 : 1,
    stderr: all && stream === "stdout" ? 0 : 1,
    timestamps: 1,
    tail: size,
    ...(since === undefined ? {} : { since: toQueryTime(since) }),
    ...(all && until !== undefined ? { until: toQueryTime(until) } : {}),
  };
}

/** A time of a line as the engines want it: unix seconds with nine decimals. */
export function toQueryTime(timestamp: string): string {
  return parseLogTime(timestamp, 0) ?? "0";
}
