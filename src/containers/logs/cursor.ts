import type { ReadBudget } from "../../lib/budget/budget.ts";
import { createLogFilter, filterLines, type LogLine, type LogOptions, type LogStream } from "./log.ts";

/**
 * How far a log was read. A time alone is not enough: several lines may share one, and Podman has
 * whole seconds only. So the lines of the newest time are remembered, and a stream that continues
 * from there repeats them.
 */
export interface LogCursor {
  /** Time of the newest line, the `since` of a stream that continues; "" before the first. */
  readonly latest: string;
  /** Everything before this time counts as read, in both streams. */
  begin(timestamp: string): void;
  add(lines: readonly LogLine[]): void;
  /** For one stream that continues from here. */
  createFilter(): RepeatFilter;
  /**
   * Whether a stream that begins with this line has all lines since `latest`: the line is the first
   * one of that time.
   */
  adjoins(line: LogLine): boolean;
  createHistory(): LogHistory;
}

/** Finds the new lines of a stream that repeats the lines of the newest time. */
export interface RepeatFilter {
  /** Called once for each line of the stream, in order. */
  readonly isNew: (line: LogLine) => boolean;
  /**
   * Called before all lines: the stream lacks this many of its oldest. Returns how many of these
   * are new.
   */
  readonly skip: (count: number) => number;
}

/** The log up to the cursor at one moment. */
export interface LogHistory {
  /** The time of that cursor; "" before the first line. */
  readonly until: string;
  /** From the newest lines, read later: those up to the cursor. */
  pick(page: readonly LogLine[], options: LogOptions, budget: Pick<ReadBudget, "turn" | "signal">): Promise<LogLine[]>;
}

export function createLogCursor(): LogCursor {
  const newest: Record<LogStream, string> = { stdout: "", stderr: "" };
  /** The lines of the newest time of their stream. */
  let edge: LogLine[] = [];
  const getLatest = () => (newest.stdout > newest.stderr ? newest.stdout : newest.stderr);
  const listRepeated = () => edge.filter(({ timestamp }) => timestamp === getLatest());
  return {
    get latest() {
      return getLatest();
    },
    begin(timestamp) {
      newest.stdout = newest.stderr = timestamp;
    },
    add(lines) {
      const before = { ...newest };
      for (const line of lines) newest[line.stream] = line.timestamp;
      const isNewest = (line: LogLine) => line.timestamp === newest[line.stream];
      const remaining =
        before.stdout === newest.stdout && before.stderr === newest.stderr ? edge : edge.filter(isNewest);
      edge = remaining.concat(lines.filter(isNewest));
    },
    createFilter() {
      const [start, repeated] = [{ ...newest }, listRepeated()];
      const again: Record<LogStream, number> = { stdout: 0, stderr: 0 };
      for (const { stream } of edge) again[stream]++;
      return {
        isNew: ({ stream, timestamp }) => timestamp !== start[stream] || again[stream]-- <= 0,
        skip: (count) => {
          const missing = repeated.slice(0, count);
          for (const { stream } of missing) again[stream]--;
          return count - missing.length;
        },
      };
    },
    adjoins(line) {
      const [first] = listRepeated();
      return first !== undefined && first.timestamp === line.timestamp && first.message === line.message;
    },
    createHistory() {
      const [end, last] = [{ ...newest }, edge];
      return {
        until: getLatest(),
        async pick(page, options, budget) {
          const older = page.filter(({ stream, timestamp }) => timestamp < end[stream]);
          const lines = older.concat(await filterLines(last, createLogFilter(options), budget));
          return lines
            .toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : Number(a.timestamp > b.timestamp)))
            .slice(-options.tail);
        },
      };
    },
  };
}
