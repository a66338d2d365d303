import { createNotifier } from "../../../lib/broadcast.ts";
import { toContainerKey } from "../../container.ts";
import { byPlace, type PositionedLine, type RoleBatch, type RoleLine, type RoleNotice } from "./lines.ts";

/** Merges the logs of several containers for one reader. */
export interface RoleInbox {
  /** Lines of one container. */
  push(lines: readonly RoleLine[]): void;
  notify(notice: RoleNotice): void;
  /** Reports missing lines. */
  lose(count: number): void;
  /** Resolves when more may be pushed: no container is read faster than the reader reads. */
  room(): Promise<void>;
  /** The `place` of the last line handed out. */
  readonly last: string;
  /** Ends the reading with an error. */
  fail(error: unknown): void;
  /** Nobody reads any more: everything that waits for room is released. */
  close(): void;
  /** The batches, until the signal aborts; then a last batch with the reason, if it is a text. */
  read(signal: AbortSignal): AsyncGenerator<RoleBatch, void, undefined>;
}

/** Holds at most twice `maxSize`, and one batch of each container. */
export function createRoleInbox(limits: ReorderLimits): RoleInbox {
  const window = createReorderWindow(limits);
  let notices: RoleNotice[] = [];
  let dropped = 0;
  const notifier = createNotifier();
  let waiting: (() => void)[] = [];
  /** Infinite once nobody reads. */
  let { maxSize } = limits;
  let failure: { readonly error: unknown } | null = null;

  const free = () => {
    const resolved = waiting;
    waiting = [];
    for (const resolve of resolved) resolve();
  };
  const take = (): RoleBatch | null => {
    const lines = window.take(performance.now());
    if (lines.length === 0 && notices.length === 0 && dropped === 0) return null;
    const batch = { lines, dropped, notices, ended: null };
    notices = [];
    dropped = 0;
    if (window.size <= limits.maxSize) free();
    return batch;
  };
  return {
    push(lines) {
      const wasEmpty = window.nextAt === null;
      window.push(lines, performance.now());
      if (wasEmpty || window.size > limits.maxSize) notifier.notify();
    },
    notify(notice) {
      notices.push(notice);
      notifier.notify();
    },
    lose(count) {
      dropped += count;
      notifier.notify();
    },
    async room() {
      while (window.size > maxSize) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    get last() {
      return window.last;
    },
    fail(error) {
      failure = { error };
      notifier.notify();
    },
    close() {
      maxSize = Infinity;
      free();
    },
    async *read(signal) {
      while (!signal.aborted) {
        const batch = take();
        const next = window.nextAt;
        if (batch) yield batch;
        else if (failure) throw failure.error;
        else await notifier.wait(signal, next === null ? undefined : Math.max(1, next - performance.now()));
      }
      if (typeof signal.reason === "string") yield { lines: [], dropped: 0, notices: [], ended: signal.reason };
    },
  };
}

interface ReorderLimits {
  /** How long a line waits for earlier lines of other containers, ms. */
  readonly holdMs: number;
  /** Most text held, characters: above it the oldest lines go at once, until half is left. */
  readonly maxSize: number;
}

/** Lines of several containers on their way to one reader. Times are ms of a monotonic clock. */
interface ReorderWindow {
  /** Lines of one container, in the order it wrote them. */
  push(lines: readonly RoleLine[], now: number): void;
  /** The lines that may go now, in order. */
  take(now: number): RoleLine[];
  /** When the next line may go; null when none is waiting. */
  readonly nextAt: number | null;
  readonly size: number;
  /** The `place` of the last line that went; "" before the first. */
  readonly last: string;
}

interface WaitingLine extends PositionedLine {
  readonly arrived: number;
}

/**
 * Sorts lines by time. Each waits `holdMs` from its arrival, so that lines with less delay than
 * that (slow engines, a new container that must be found and opened first) come in order. A window
 * that closes once all known containers have a later line would be quicker, but wrong at each
 * release. Later lines go at once, out of order. Nothing is lost or repeated.
 */
export function createReorderWindow({ holdMs, maxSize }: ReorderLimits): ReorderWindow {
  let held: WaitingLine[] = [];
  let size = 0;
  let last = "";
  /** The `place` of the newest line of each container with lines here. */
  const places = new Map<string, string>();

  /**
   * How many of the sorted lines go: up to the last that has waited long enough or is late; more
   * when too many are held.
   */
  const count = (now: number): number => {
    let ready = held.findLastIndex(({ place, arrived }) => place < last || arrived + holdMs <= now) + 1;
    if (size <= maxSize) return ready;
    let left = held.slice(ready).reduce((sum, { line }) => sum + sizeOf(line), 0);
    while (left > maxSize / 2) left -= sizeOf((held[ready++] as WaitingLine).line);
    return ready;
  };
  return {
    push(lines, now) {
      for (const line of lines) {
        const key = toContainerKey(line.container);
        const before = places.get(key) ?? "";
        const place = line.timestamp > before ? line.timestamp : before;
        places.set(key, place);
        held.push({ line, place, arrived: now });
        size += sizeOf(line);
      }
    },
    take(now) {
      held.sort(byPlace);
      const going = held.slice(0, count(now));
      held = held.slice(going.length);
      size -= going.reduce((sum, { line }) => sum + sizeOf(line), 0);
      const newest = going.at(-1)?.place ?? "";
      if (newest > last) last = newest;
      if (held.length === 0) places.clear();
      return going.map(({ line }) => line);
    },
    get nextAt() {
      return held.length === 0
        ? null
        : held.reduce((least, { arrived }) => Math.min(least, arrived), Infinity) + holdMs;
    },
    get size() {
      return size;
    },
    get last() {
      return last;
    },
  };
}

/** Approximate memory of a line, in characters. */
function sizeOf({ message }: RoleLine): number {
  return message.length + 128;
}
