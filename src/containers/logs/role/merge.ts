import { toContainerKey } from "../../container.ts";
import { byPlace, type PositionedLine, type RoleBatch, type RoleLine, type RoleNotice } from "./lines.ts";

/** Where the logs of several containers come together before one reader. */
export interface RoleInbox {
  /** Lines of one container. */
  push(lines: readonly RoleLine[]): void;
  notify(notice: RoleNotice): void;
  /** So many lines are missing. */
  lose(count: number): void;
  /** Resolves when more may be pushed: no container is read faster than the reader reads. */
  room(): Promise<void>;
  /** The place of the last line that was handed out. */
  readonly last: string;
  /** Ends the reading with an error. */
  fail(error: unknown): void;
  /** Nobody reads any more: whoever waits for room need not. */
  close(): void;
  /** The batches, until the signal aborts; then the last one tells the reason, if it is a text. */
  read(signal: AbortSignal): AsyncGenerator<RoleBatch, void, undefined>;
}

/** Holds at most twice `maxSize`, and one batch of each container. */
export function createRoleInbox(limits: ReorderLimits): RoleInbox {
  const window = createReorderWindow(limits);
  let notices: RoleNotice[] = [];
  let dropped = 0;
  let wake: (() => void) | null = null;
  let waiting: (() => void)[] = [];
  /** Room without an end, once nobody reads. */
  let { maxSize } = limits;
  let failure: { readonly error: unknown } | null = null;

  const wakeUp = () => wake?.();
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
  const somethingToTake = async () => {
    const next = window.nextAt;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (next !== null) timer = setTimeout(resolve, Math.max(1, next - performance.now()));
    });
    clearTimeout(timer);
    wake = null;
  };
  return {
    push(lines) {
      const wasEmpty = window.nextAt === null;
      window.push(lines, performance.now());
      if (wasEmpty || window.size > limits.maxSize) wakeUp();
    },
    notify(notice) {
      notices.push(notice);
      wakeUp();
    },
    lose(count) {
      dropped += count;
      wakeUp();
    },
    async room() {
      while (window.size > maxSize) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    get last() {
      return window.last;
    },
    fail(error) {
      failure = { error };
      wakeUp();
    },
    close() {
      maxSize = Infinity;
      free();
    },
    async *read(signal) {
      signal.addEventListener("abort", wakeUp);
      try {
        while (!signal.aborted) {
          const batch = take();
          if (batch) yield batch;
          else if (failure) throw failure.error;
          else await somethingToTake();
        }
        if (typeof signal.reason === "string") yield { lines: [], dropped: 0, notices: [], ended: signal.reason };
      } finally {
        signal.removeEventListener("abort", wakeUp);
      }
    },
  };
}

interface ReorderLimits {
  /** How long a line waits for earlier ones of others, ms. */
  readonly holdMs: number;
  /** Text held at most, characters: above it the earlier half goes at once. */
  readonly maxSize: number;
}

/** Lines of several containers on their way to one reader. Times of the clock are ms that never go back. */
interface ReorderWindow {
  /** Lines of one container, in the order it wrote them. */
  push(lines: readonly RoleLine[], now: number): void;
  /** What may go now, in order. */
  take(now: number): RoleLine[];
  /** When the next line may go; null when none is held. */
  readonly nextAt: number | null;
  readonly size: number;
  /** The place of the last line that went; "" before the first. */
  readonly last: string;
}

interface WaitingLine extends PositionedLine {
  readonly arrived: number;
}

/**
 * Puts lines in the order of their times. Each waits `holdMs` from its arrival, so that whatever is delayed less than that (the engines' ways, a new
 * container that must be found and opened first) comes in order; a window that closes as soon as all known containers have said something later
 * would be quicker, and wrong at each release. What comes later still goes at once, out of order. Nothing is lost, and nothing comes twice.
 */
export function createReorderWindow({ holdMs, maxSize }: ReorderLimits): ReorderWindow {
  let held: WaitingLine[] = [];
  let size = 0;
  let last = "";
  /** The place of the newest line of each container that has some here. */
  const places = new Map<string, string>();

  /** How many of the sorted ones go: up to the last that has waited enough, or is late; more where there are too many. */
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
      return held.length === 0 ? null : held.reduce((least, { arrived }) => Math.min(least, arrived), Infinity) + holdMs;
    },
    get size() {
      return size;
    },
    get last() {
      return last;
    },
  };
}

/** What a line takes in memory, roughly, in characters. */
function sizeOf({ message }: RoleLine): number {
  return message.length + 128;
}
