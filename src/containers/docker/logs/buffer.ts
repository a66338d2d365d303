import { type FollowNotice, type LogBatch, type LogLine, toBatch } from "../../logs/log.ts";

/** Text that waits for one reader, characters: above the first it asks for no more, above the second the oldest lines go. */
const enough = 256 << 10;
const most = 1 << 20;

/** What waits for one reader of a log that several may read. */
export interface FollowBuffer {
  /** `size` is that of `sizeOf`, which need not be counted for each reader. */
  push(lines: readonly LogLine[], size: number): void;
  notify(notice: FollowNotice): void;
  /** Nothing comes any more. An Error is thrown to the reader after what waits. */
  end(reason: string | Error): void;
  /** Whether the reader is behind, so that nothing need be read for it. */
  readonly isFull: boolean;
  /** The batches, until the end or until the signal aborts; then the last batch tells the reason, if it is a text. */
  read(signal: AbortSignal): AsyncGenerator<LogBatch, void, undefined>;
}

interface Waiting {
  readonly batch: LogBatch;
  readonly size: number;
}

/** `matches` null keeps every line, and every reader then gets the very same array. `onRoom` is called when a full buffer is so no more. */
export function createFollowBuffer(matches: ((line: LogLine) => boolean) | null, onRoom: () => void): FollowBuffer {
  let waiting: Waiting[] = [];
  let size = 0;
  let dropped = 0;
  let ended: string | Error | null = null;
  let wake: (() => void) | null = null;

  const wakeUp = () => wake?.();
  const add = (batch: LogBatch, length: number) => {
    waiting.push({ batch, size: length });
    size += length;
    while (size > most && waiting.length > 1) {
      const oldest = waiting.shift() as Waiting;
      size -= oldest.size;
      dropped += oldest.batch.lines.length;
    }
    wakeUp();
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
    push(lines, length) {
      const wanted = matches ? lines.filter(matches) : lines;
      if (wanted.length > 0) add(toBatch({ lines: wanted }), matches ? sizeOf(wanted) : length);
    },
    notify: (notice) => add(toBatch({ notice }), 64),
    end(reason) {
      ended ??= reason;
      wakeUp();
    },
    get isFull() {
      return size > enough;
    },
    async *read(signal) {
      signal.addEventListener("abort", wakeUp);
      try {
        while (!signal.aborted) {
          const batch = take();
          if (batch) yield batch;
          else if (ended instanceof Error) throw ended;
          else if (ended !== null) {
            yield toBatch({ ended });
            return;
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
        waiting = [];
        if (typeof signal.reason === "string") yield toBatch({ ended: signal.reason });
      } finally {
        signal.removeEventListener("abort", wakeUp);
      }
    },
  };
}

/** What lines take in memory, roughly, in characters. */
export function sizeOf(lines: readonly LogLine[]): number {
  return lines.reduce((sum, { message }) => sum + message.length + 64, 0);
}
