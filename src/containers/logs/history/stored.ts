import { createSharedBudget } from "../../../lib/budget/budget.ts";
import type { Container } from "../../container.ts";
import {
  createLogFilter,
  filterLines,
  type LineFilter,
  type LogBeginning,
  type LogLine,
  type LogStream,
  type StoredBatch,
  type StoredOptions,
} from "../log.ts";
import { collectHistory, isOlder, toHistoryRange } from "./collect.ts";
import type { LogSources } from "./read.ts";
import { isRemoved } from "./removed.ts";

/**
 * The lines of the history, oldest first, then those of the engine. With `newest` only the engine
 * is read; then `cutAt` says where the history has older lines. A failure of the history is in a
 * batch; else rejects as the engine's reading.
 */
export async function* readStoredWithHistory(
  sources: LogSources,
  container: Container,
  options: StoredOptions,
  signal: AbortSignal,
): AsyncGenerator<StoredBatch, void> {
  if (options.newest === null) {
    yield* readAll(sources, container, options, signal);
    return;
  }
  let isCut = false;
  if (!isRemoved(container)) {
    for await (const batch of sources.engines.stored(container, options, signal)) {
      isCut ||= batch.cutAt !== null;
      yield batch;
    }
  }
  if (!isCut) yield await findNewest(sources, container, options, signal);
}

/**
 * The engine's reading has what the engine had when it began. What is removed before that is in the
 * history by then: so the reading begins anew, behind those lines, unless its log begins after the
 * start as it did before.
 */
async function* readAll(
  sources: LogSources,
  container: Container,
  options: StoredOptions,
  signal: AbortSignal,
): AsyncGenerator<StoredBatch, void> {
  const { newest: _newest, ...filter } = options;
  const readBeginning = toReadBeginning(sources, container, signal);
  let [before, beginning] = [undefined as LogBeginning | null | undefined, await readBeginning()];
  for (;;) {
    const hasFailed = yield* readHistory(sources, container, filter, { before, beginning }, signal);
    if (isRemoved(container)) return;
    const reading = sources.engines.stored(container, options, signal);
    try {
      const first = await reading.next();
      const now = hasFailed ? beginning : await readBeginning();
      if (isSame(beginning, now) || toHistoryRange(container, now, filter) === null) {
        if (first.done !== true) yield first.value;
        yield* reading;
        return;
      }
      [before, beginning] = [beginning, now];
    } finally {
      await reading.return();
    }
  }
}

interface Between {
  /** Where the engine's log began when the history was read to there; undefined at first. */
  readonly before: LogBeginning | null | undefined;
  readonly beginning: LogBeginning | null;
}

/** Returns whether it has failed. */
async function* readHistory(
  { history }: LogSources,
  container: Container,
  filter: Omit<StoredOptions, "newest">,
  { before, beginning }: Between,
  signal: AbortSignal,
): AsyncGenerator<StoredBatch, boolean> {
  const { fullId } = container;
  const budget = createSharedBudget(signal);
  const wanted = createLogFilter(filter);
  const isNew = (line: LogLine) => isOlder(beginning, line) && (before === undefined || !isOlder(before, line));
  const newLines: LineFilter = { ...wanted, accepts: (line, at) => wanted.accepts(line, at) && isNew(line) };
  const since = [filter.since ?? "", toChanged(before, beginning)].toSorted()[1] as string;
  for (let range = toHistoryRange(container, beginning, { ...filter, since }); range !== null;) {
    const query = { ...range, fullId, from: "oldest", filter } as const;
    const piece = await history.read(query, signal).catch((historyError: unknown) => ({ historyError }));
    if ("historyError" in piece) {
      signal.throwIfAborted();
      yield { lines: [], cutAt: null, historyError: piece.historyError };
      return true;
    }
    range = piece.rest;
    yield { lines: await filterLines(piece.lines, newLines, budget), cutAt: null };
  }
  return false;
}

/** The earliest time in one beginning that is no longer in the other; "" for the start. */
function toChanged(before: LogBeginning | null | undefined, beginning: LogBeginning | null): string {
  if (!before || !beginning) return "";
  const streams = ["stdout", "stderr"] as const;
  const changed = streams.filter((stream) => !isSameStream(before, beginning, stream));
  return changed.map((stream) => before[stream].timestamp).toSorted()[0] ?? "";
}

/** The time of the newest line that only the history has, as `cutAt`. */
async function findNewest(
  sources: LogSources,
  container: Container,
  { newest: _newest, ...filter }: StoredOptions,
  signal: AbortSignal,
): Promise<StoredBatch> {
  const beginning = await toReadBeginning(sources, container, signal)();
  const range = toHistoryRange(container, beginning, filter);
  if (!range) return { lines: [], cutAt: null };
  const { accepts: isWanted, pattern } = createLogFilter(filter);
  const accepts = (line: LogLine) => isOlder(beginning, line) && isWanted(line, 0);
  const query = { ...range, fullId: container.fullId, from: "newest", filter } as const;
  const { lines, reached, error } = await collectHistory(
    sources.history,
    query,
    { count: 1, bytes: Infinity, accepts, pattern },
    createSharedBudget(signal),
  );
  return { lines: [], cutAt: lines[0]?.timestamp ?? reached, ...(error !== null && { historyError: error }) };
}

function toReadBeginning({ engines }: LogSources, container: Container, signal: AbortSignal) {
  const budget = createSharedBudget(signal);
  return async () => (isRemoved(container) ? null : engines.logBeginning(container, budget));
}

function isSame(one: LogBeginning | null, other: LogBeginning | null): boolean {
  if (!one || !other) return one === other;
  return isSameStream(one, other, "stdout") && isSameStream(one, other, "stderr");
}

function isSameStream(one: LogBeginning, other: LogBeginning, stream: LogStream): boolean {
  return (
    one[stream].timestamp === other[stream].timestamp &&
    one[stream].messages.join("\n") === other[stream].messages.join("\n")
  );
}
