import type { ReadBudget } from "../../budget/budget.ts";
import type { LogFilter, LogLine, LogOptions } from "../../domain/container.ts";
import { isAtLeast } from "../../domain/log-level.ts";
import { toLineBytes } from "../../domain/log-size.ts";
import { toLogTimestamp } from "../../domain/log-time.ts";

/**
 * Whether a line belongs to an answer, by everything but `tail`. Times are compared as the text that Docker writes; Podman tells whole seconds, and
 * knows itself which of their lines are from `since` on.
 */
export function createLogFilter({ since, until, ...wanted }: Omit<LogOptions, "tail">): (line: LogLine) => boolean {
  const from = since === undefined ? null : toLogTimestamp(since);
  const second = from?.slice(0, 19) ?? "";
  const to = until === undefined ? null : toLogTimestamp(until);
  const matches = createLineFilter(wanted);
  const isFrom = ({ timestamp }: LogLine) =>
    from === null || timestamp >= from || (timestamp.startsWith(second) && timestamp.endsWith(".000000000Z"));
  return (line) => isFrom(line) && (to === null || line.timestamp <= to) && matches(line);
}

/** Whether a line is one of those wanted, whenever it was written. The cheap questions come first. */
export function createLineFilter({ stream, search, ignoreCase, pattern, level, levelStrict = false }: LogFilter) {
  const wanted = ignoreCase ? search?.toLowerCase() : search;
  return (line: LogLine): boolean =>
    (stream === undefined || line.stream === stream) &&
    (level === undefined || isAtLeast(line.level, level, levelStrict)) &&
    (wanted === undefined || (ignoreCase ? line.message.toLowerCase() : line.message).includes(wanted)) &&
    (pattern === undefined || pattern.test(line.message));
}

/** Whether a filter can leave lines out. */
export function isSelective({ stream, search, pattern, level }: LogFilter): boolean {
  return stream !== undefined || search !== undefined || pattern !== undefined || level !== undefined;
}

export interface NewestLines {
  add(line: LogLine): void;
  /** The newest lines, oldest first. */
  take(): LogLine[];
  /** Lets go of all: an error thrown from here holds what its stack can reach. */
  clear(): void;
  /** How many older ones were let go. */
  readonly dropped: number;
  /** What those take that it holds. */
  readonly bytes: number;
}

/** Holds the newest lines, at most `maxLines` of them and `maxBytes` (as `toLineBytes`); what they take is held in the budget. */
export function createNewestLines(maxLines: number, maxBytes: number, budget: Pick<ReadBudget, "hold" | "free">): NewestLines {
  /** From `start` on: those before were let go, and are no more than places of the array. */
  let lines: (Held | null)[] = [];
  let start = 0;
  let bytes = 0;
  let dropped = 0;
  const isOver = () => lines.length - start > maxLines || bytes > maxBytes;
  const drop = () => {
    const size = lines[start]?.size ?? 0;
    lines[start++] = null;
    budget.free(size);
    bytes -= size;
    dropped++;
  };
  return {
    add(line) {
      const size = toLineBytes(line);
      budget.hold(size);
      lines.push({ line, size });
      bytes += size;
      while (isOver()) drop();
      if (start > 2 * maxLines) {
        lines = lines.slice(start);
        start = 0;
      }
    },
    clear() {
      budget.free(bytes);
      lines = [];
      start = bytes = 0;
    },
    take: () => lines.slice(start).flatMap((held) => held?.line ?? []),
    get dropped() {
      return dropped;
    },
    get bytes() {
      return bytes;
    },
  };
}

interface Held {
  readonly line: LogLine;
  readonly size: number;
}
