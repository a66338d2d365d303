import { createNotifier } from "../../../lib/broadcast.ts";
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
}

/** With `matches` null every line passes, and all readers share the same batch. Calls `onRoom` when a full buffer has room again. */
export function createFollowBuffer(matches: ((line: LogLine) => boolean) | null, onRoom: () => void): FollowBuffer {
  let waiting: { readonly batch: LogBatch; readonly size: number }[] = [];
  let size = 0;
  let dropped = 0;
  let ended: string | Error | null = null;
  const notifier = createNotifier();

  const add = (batch: LogBatch, length: number) => {
    waiting.push({ batch, size: length });
    size += length;
    while (size > most && waiting.length > 1) {
      const oldest = waiting.shift() as (typeof waiting)[number];
      size -= oldest.size;
      dropped += oldest.batch.lines.length;
    }
    notifier.notify();
  };
  const take = (): LogBatch | null => {
    const first = waiting.shift();
    if (!first) return null;
    const wasFull = size > enough;
    size -= first.size;
    if (wasFull && size <= enough) onRoom();
    const lost = dropped;
    dropped = 0;
    return lost > 0 ? { ...first.batch, dropped: lost } : first.batch;
  };
  return {
    push(batch, length) {
      const wanted = matches ? toBatch({ lines: batch.lines.filter(matches) }) : batch;
      if (wanted.lines.length > 0) add(wanted, matches ? sizeOf(wanted.lines) : length);
    },
    notify: (notice) => add(toBatch({ notice }), 64),
    end(reason) {
      ended ??= reason;
      notifier.notify();
    },
    get isFull() {
      return size > enough;
    },
    async *read(signal) {
      while (!signal.aborted) {
        const batch = take();
        if (batch) yield batch;
        else if (ended instanceof Error) throw ended;
        else if (ended === null) await notifier.wait(signal);
        else {
          yield toBatch({ ended });
          return;
        }
      }
      waiting = [];
      if (typeof signal.reason === "string") yield toBatch({ ended: signal.reason });
    },
  };
}

/** Approximate memory of the lines, in characters. */
export function sizeOf(lines: readonly LogLine[]): number {
  return lines.reduce((sum, { message }) => sum + message.length + 64, 0);
}
