import { createReorderWindow, type ReorderLimits } from "./reorder-window.ts";
import type { RoleBatch, RoleNotice } from "./role-batch.ts";
import type { RoleLine } from "./role-line.ts";

/** Where the logs of several containers come together before one reader. */
export interface RoleInbox {
  /** Lines of one container. */
  push(lines: readonly RoleLine[]): void;
  tell(notice: RoleNotice): void;
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
    tell(notice) {
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
