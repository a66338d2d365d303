import { createSharedBudget } from "../../../lib/budget/budget.ts";
import type { Container } from "../../container.ts";
import { createLogFilter, type LogBeginning, type LogLine, type StoredBatch, type StoredOptions } from "../log.ts";
import { collectHistory, isOlder, toHistoryRange } from "./collect.ts";
import type { LogSources } from "./read.ts";
import { isRemoved } from "./removed.ts";

/**
 * The lines of the history, oldest first, then those of the engine. With `newest` only the engine is read; then `cutAt` says where the history has older lines. A failure of
 * the history is in a batch; else rejects as the engine's reading.
 */
export async function* readStoredWithHistory(
  sources: LogSources,
  container: Container,
  options: StoredOptions,
  signal: AbortSignal,
): AsyncGenerator<StoredBatch, void> {
  const { newest } = options;
  if (newest === null) yield* readHistory(sources, container, options, signal);
  let isCut = false;
  if (!isRemoved(container)) {
    for await (const batch of sources.engines.stored(container, options, signal)) {
      isCut ||= batch.cutAt !== null;
      yield batch;
    }
  }
  if (newest !== null && !isCut) yield await findNewest(sources, container, options, signal);
}

async function* readHistory(
  sources: LogSources,
  container: Container,
  { newest: _newest, ...filter }: StoredOptions,
  signal: AbortSignal,
): AsyncGenerator<StoredBatch, void> {
  const { fullId } = container;
  const matches = createLogFilter(filter);
  const readBeginning = toReadBeginning(sources, container, signal);
  // While the history was read, the engine may have removed more lines: they are in the history by then.
  for (
    let [before, beginning] = [undefined as LogBeginning | null | undefined, await readBeginning()];
    !isSame(before, beginning);
  ) {
    const isNew = (line: LogLine) =>
      matches(line) && isOlder(beginning, line) && (before === undefined || !isOlder(before, line));
    for (let range = toHistoryRange(container, beginning, filter); range !== null;) {
      try {
        const piece = await sources.history.read({ ...range, fullId, from: "oldest", filter }, signal);
        range = piece.rest;
        yield { lines: piece.lines.filter(isNew), cutAt: null };
      } catch (historyError) {
        signal.throwIfAborted();
        yield { lines: [], cutAt: null, historyError };
        return;
      }
    }
    [before, beginning] = [beginning, await readBeginning()];
  }
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
  const matches = createLogFilter(filter);
  const accepts = (line: LogLine) => isOlder(beginning, line) && matches(line);
  const query = { ...range, fullId: container.fullId, from: "newest", filter } as const;
  const { lines, reached, error } = await collectHistory(
    sources.history,
    query,
    { count: 1, bytes: Infinity, accepts },
    createSharedBudget(signal),
  );
  return { lines: [], cutAt: lines[0]?.timestamp ?? reached, ...(error !== null && { historyError: error }) };
}

function toReadBeginning({ engines }: LogSources, container: Container, signal: AbortSignal) {
  const budget = createSharedBudget(signal);
  return async () => (isRemoved(container) ? null : engines.logBeginning(container, budget));
}

function isSame(one: LogBeginning | null | undefined, other: LogBeginning | null): boolean {
  if (!one || !other) return one === other;
  return one.stdout.timestamp === other.stdout.timestamp && one.stderr.timestamp === other.stderr.timestamp;
}
