import type { IncomingMessage } from "node:http";
import { DeadlineError } from "../../../lib/abort.ts";
import { createSharedBudget } from "../../../lib/budget/budget.ts";
import type { ContainerRef } from "../../container.ts";
import {
  createLogFilter,
  filterLines,
  toLater,
  type LogLine,
  type StoredBatch,
  type StoredOptions,
} from "../../logs/log.ts";
import type { EngineCalls } from "../engine/engine.ts";
import { createEntrySplitter, type LogEntry } from "./framing.ts";
import { createLineJoiner } from "./lines.ts";
import { toQuery } from "./read.ts";

/**
 * How long the engine may send nothing, ms: to find `since` it reads its file from the beginning,
 * which takes a second for 20 to 100 MB.
 */
const silentMs = 60_000;

/**
 * The log from its beginning, or from `since`, to its present end, in one answer of the engine.
 * With pages, the engine would read its file from the beginning for each of them. Yields the lines
 * of the first chunk, also without any, and those of each further one; while the reader does not
 * ask, nothing is read, and the engine waits. Rejects with AnswerError, DeadlineError or as the
 * engine does.
 */
export async function* readStored(
  engine: EngineCalls,
  { fullId }: ContainerRef,
  { newest, ...filter }: StoredOptions,
  signal: AbortSignal,
): AsyncGenerator<StoredBatch, void> {
  const { tty } = await engine.inspect(fullId, signal);
  // Podman's newest entries lack those written while it reads them.
  const size = (await engine.client.isPodman(signal)) ? null : newest;
  // The engine stops at the first entry after `until`, though earlier entries may follow it.
  const wanted = { ...filter, ...(filter.until !== undefined && { until: toLater(filter.until) }) };
  const ask = async (asking: AbortSignal) => engine.client.open(fullId, "logs", toQuery(size ?? "all", wanted), asking);
  const response = await engine.ask(silentMs, ask, signal);
  const budget = createSharedBudget(signal);
  const lineFilter = createLogFilter(filter);
  const splitter = createEntrySplitter(tty);
  let lines: LogLine[] = [];
  let first: string | null = null;
  let entries = 0;
  let hasBegun = false;
  const joiner = createLineJoiner((line) => {
    first ??= line.timestamp;
    lines.push(line);
  });
  const join = async (taken: readonly LogEntry[]): Promise<void> => {
    for (const [stream, entry] of taken) {
      const wait = budget.turn();
      if (wait) await wait;
      entries += 1;
      joiner.push(stream, entry);
    }
  };
  const take = async (): Promise<readonly LogLine[]> => {
    const taken = lines;
    lines = [];
    return filterLines(taken, lineFilter, budget);
  };
  const free = () => response.destroy();
  signal.addEventListener("abort", free);
  try {
    for await (const chunk of readInTime(response)) {
      await join(splitter.push(chunk));
      const found = await take();
      if (found.length > 0 || !hasBegun) yield { lines: found, cutAt: null };
      hasBegun = true;
      signal.throwIfAborted();
    }
    signal.throwIfAborted();
    await join(splitter.end());
    const wait = budget.turn();
    if (wait) await wait;
    joiner.end();
    const isCut = size !== null && entries + splitter.skipped >= size;
    yield { lines: await take(), cutAt: isCut ? first : null };
  } finally {
    signal.removeEventListener("abort", free);
    response.destroy();
  }
}

/**
 * The chunks of an answer. Rejects with DeadlineError when one does not come in time: the time that
 * the reader takes does not count.
 */
async function* readInTime(response: IncomingMessage): AsyncGenerator<Buffer, void> {
  const chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  for (;;) {
    const late = setTimeout(() => response.destroy(new DeadlineError(silentMs)), silentMs);
    const { value, done } = await chunks.next().finally(() => clearTimeout(late));
    if (done === true) return;
    yield value;
  }
}
