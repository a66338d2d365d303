import { createNotifier } from "../../../lib/broadcast.ts";
import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { toOpsError } from "../../../lib/errors.ts";
import { type FollowNotice, type LogBatch, type LogLine, toBatch } from "../../logs/log.ts";

/** Text waiting for one reader, characters. Above the first limit it needs no more; above the second the oldest lines are dropped. */
const enough = 256 << 10;
const most = 1 << 20;

/** Buffer of one reader of a log that several may read. */
export interface FollowBuffer {
  /** `size` as of `sizeOf`, computed once for all readers, as the batch is. */
  push(batch: LogBatch, size: number): void;
  notify(notice: FollowNotice): void;
  /** No more lines follow. An Error is thrown to the reader after the waiting batches. */
  end(reason: string | Error): void;
  /** Whether the reader is behind, so that nothing need be read for it. */
  readonly isFull: boolean;
  /** The batches, until the end or until the signal aborts; then a last batch with the reason, if it is a text. */
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
  /**
   * Null: every line passes, and all readers share the same batch. Else lines are filtered one by
   * one in turns: a regular expression may take long for each.
   */
  readonly matches: ((line: LogLine) => boolean) | null;
  readonly budget: Pick<ReadBudget, "turn">;
  /** Called when a full buffer has room again. */
  readonly onRoom: () => void;
}

/** Keeps what comes for one reader until it is read. */
export function createFollowBuffer({ matches, budget, onRoom }: BufferOptions): FollowBuffer {
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
  /** Works off what is pending: at once, as far as others need not wait. */
  const work = async (isWanted: (line: LogLine) => boolean): Promise<void> => {
    let found: LogLine[] = [];
    const flush = () => {
      if (found.length > 0) give(toBatch({ lines: found }), sizeOf(found));
      found = [];
    };
    isWorking = true;
    for (let [item] = pending; item; [item] = pending) {
      const line = item.batch.lines.at(-item.left);
      if (item.left === 0 || line === undefined) {
        flush();
        if (item.batch.notice !== null) give(item.batch, item.size);
        pending.shift();
        continue;
      }
      const wait = budget.turn();
      if (wait) {
        flush();
        await wait;
      }
      // It was dropped meanwhile.
      if (pending[0] !== item) continue;
      const length = sizeOf([line]);
      item.size -= length;
      item.left -= 1;
      if (isWanted(line)) found.push(line);
      else shrink(length);
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
    if (matches === null) give(batch, length);
    else {
      pending.push({ batch, size: length, left: batch.lines.length });
      if (!isWorking) work(matches).catch(fail);
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

/** Approximate memory of the lines, in characters. */
export function sizeOf(lines: readonly LogLine[]): number {
  return lines.reduce((sum, { message }) => sum + message.length + 64, 0);
}
