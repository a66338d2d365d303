import { createNotifier } from "../../../lib/broadcast.ts";
import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { toOpsError } from "../../../lib/errors.ts";
import { type FollowNotice, type LineFilter, type LogBatch, type LogLine, testLines, toBatch } from "../../logs/log.ts";

/**
 * Text waiting for one reader, characters. Above the first limit it needs no more; above the second
 * the oldest lines are dropped.
 */
const enough = 256 << 10;
const most = 1 << 20;

/**
 * Lines that are filtered together, and their size from which on no more are: what is found among
 * them is passed on before the rest is tested.
 */
const tested = { lines: 250, size: 16_384 };

/** Buffer of one reader of a log that several may read. */
export interface FollowBuffer {
  /** `size` as of `sizeOf`, computed once for all readers, as the batch is. */
  push(batch: LogBatch, size: number): void;
  notify(notice: FollowNotice): void;
  /** No more lines follow. An Error is thrown to the reader after the waiting batches. */
  end(reason: string | Error): void;
  /** Whether the reader is behind, so that nothing need be read for it. */
  readonly isFull: boolean;
  /**
   * The batches, until the end or until the signal aborts; then a last batch with the reason, if it
   * is a text.
   */
  read(signal: AbortSignal): AsyncGenerator<LogBatch, void, undefined>;
  /** The reader has left: what waits is dropped, and no more is filtered. */
  close(): void;
}

interface Waiting {
  readonly batch: LogBatch;
  readonly size: number;
}

/** A batch that is not filtered yet, or not wholly. */
interface Pending {
  readonly batch: LogBatch;
  /** Of the lines that are left, and their number. */
  size: number;
  left: number;
}

interface BufferOptions {
  /** Null: every line passes, and all readers share the same batch. */
  readonly filter: LineFilter | null;
  readonly budget: Pick<ReadBudget, "turn" | "signal">;
  /** Called when a full buffer has room again. */
  readonly onRoom: () => void;
}

/** Keeps what comes for one reader until it is read. */
export function createFollowBuffer({ filter, budget, onRoom }: BufferOptions): FollowBuffer {
  let waiting: Waiting[] = [];
  /** What comes after it, in order. */
  let pending: Pending[] = [];
  let isWorking = false;
  let isClosed = false;
  /** Of both. */
  let size = 0;
  let dropped = 0;
  let ended: string | Error | null = null;
  const notifier = createNotifier();

  const end = (reason: string | Error) => {
    ended ??= reason;
    notifier.notify();
  };
  const shrink = (by: number) => {
    const wasFull = size > enough;
    size -= by;
    if (wasFull && size <= enough) onRoom();
  };
  const trim = () => {
    while (size > most && waiting.length + pending.length > 1) {
      const oldest = waiting.shift();
      const unfiltered = oldest ? null : (pending.shift() as Pending);
      size -= oldest?.size ?? unfiltered?.size ?? 0;
      dropped += oldest?.batch.lines.length ?? unfiltered?.left ?? 0;
    }
  };
  /** Of text that counts already. */
  const give = (batch: LogBatch, length: number) => {
    waiting.push({ batch, size: length });
    notifier.notify();
  };
  /** Works off what is pending, some lines at a time. */
  const work = async (wanted: LineFilter): Promise<void> => {
    isWorking = true;
    for (let [item] = pending; item; [item] = pending) {
      if (item.left === 0) {
        if (item.batch.notice !== null) give(item.batch, item.size);
        pending.shift();
        continue;
      }
      const lines = takeSome(item);
      const isWanted = await testLines(lines, wanted, budget);
      // It was dropped meanwhile.
      if (pending[0] !== item) continue;
      const found = lines.filter((_, at) => isWanted[at]);
      const [length, kept] = [sizeOf(lines), sizeOf(found)];
      item.size -= length;
      item.left -= lines.length;
      if (found.length > 0) give(toBatch({ lines: found }), kept);
      shrink(length - kept);
    }
    isWorking = false;
    notifier.notify();
  };
  const fail = (error: unknown) => {
    isClosed = true;
    pending = [];
    end(toOpsError(error));
  };
  const add = (batch: LogBatch, length: number) => {
    if (isClosed) return;
    size += length;
    if (filter === null) give(batch, length);
    else {
      pending.push({ batch, size: length, left: batch.lines.length });
      if (!isWorking) work(filter).catch(fail);
    }
    trim();
  };
  const take = (): LogBatch | null => {
    const first = waiting.shift();
    if (!first) return null;
    shrink(first.size);
    const lost = dropped;
    dropped = 0;
    return lost > 0 ? { ...first.batch, dropped: lost } : first.batch;
  };
  const clear = () => {
    isClosed = true;
    waiting = [];
    pending = [];
    size = 0;
  };
  return {
    push(batch, length) {
      if (batch.lines.length > 0) add(batch, length);
    },
    notify: (notice) => add(toBatch({ notice }), 64),
    end,
    get isFull() {
      return size > enough;
    },
    async *read(signal) {
      while (!signal.aborted) {
        const batch = take();
        if (batch) yield batch;
        else if (ended === null || pending.length > 0) await notifier.wait(signal);
        else if (ended instanceof Error) throw ended;
        else {
          yield toBatch({ ended });
          return;
        }
      }
      clear();
      if (typeof signal.reason === "string") yield toBatch({ ended: signal.reason });
    },
    close: clear,
  };
}

/** The next lines of a batch. */
function takeSome({ batch, left }: Pending): readonly LogLine[] {
  const { lines } = batch;
  const begin = lines.length - left;
  let end = begin;
  for (let size = 0; end < lines.length && end - begin < tested.lines && size < tested.size; end += 1)
    size += sizeOf(lines.slice(end, end + 1));
  return lines.slice(begin, end);
}

/** Approximate memory of the lines, in characters. */
export function sizeOf(lines: readonly LogLine[]): number {
  return lines.reduce((sum, { message }) => sum + message.length + 64, 0);
}
