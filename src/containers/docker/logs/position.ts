import { parseLogTime } from "../../../lib/time.ts";
import type { LogLine, LogOptions, LogStream } from "../../logs/log.ts";
import { createLogFilter } from "./window.ts";

/**
 * How far one followed log was handed out. A time alone is not enough: several lines may share one, and Podman has whole seconds only. So the lines of
 * the newest time are remembered, and a continued stream repeats them.
 */
export interface FollowPosition {
  /** Time of the newest line as Docker writes it, "" before the first. */
  readonly latest: string;
  /** Everything before this time counts as handed out, in both streams. */
  begin(timestamp: string): void;
  add(lines: readonly LogLine[]): void;
  /** `since` for a continued stream: the newest time again; undefined before the first line. Unix seconds. */
  since(): string | undefined;
  /** Whether a line is new. Called once for each line of such a stream, in order. */
  createFilter(): (line: LogLine) => boolean;
  /** Whether a stream that begins with this line lacks none since `since`: the line is the first one of the newest time. */
  adjoins(line: LogLine): boolean;
  createHistory(): FollowHistory;
}

/** The log up to the position at one moment. */
export interface FollowHistory {
  /** The time of that position, as `until` wants it; undefined before the first line. */
  readonly until: string | undefined;
  /** From the newest lines, read later: those up to the position. */
  pick(page: readonly LogLine[], options: LogOptions): LogLine[];
}

export function createPosition(): FollowPosition {
  const newest: Record<LogStream, string> = { stdout: "", stderr: "" };
  /** The lines of the newest time of their stream. */
  let edge: LogLine[] = [];
  const latest = () => (newest.stdout > newest.stderr ? newest.stdout : newest.stderr);
  const since = () => parseLogTime(latest(), 0) ?? undefined;
  return {
    get latest() {
      return latest();
    },
    begin(timestamp) {
      newest.stdout = newest.stderr = timestamp;
    },
    add(lines) {
      const before = { ...newest };
      for (const line of lines) newest[line.stream] = line.timestamp;
      const isNewest = (line: LogLine) => line.timestamp === newest[line.stream];
      const remaining = before.stdout === newest.stdout && before.stderr === newest.stderr ? edge : edge.filter(isNewest);
      edge = remaining.concat(lines.filter(isNewest));
    },
    since,
    createFilter() {
      const [start, again] = [{ ...newest }, { stdout: 0, stderr: 0 }];
      for (const { stream } of edge) again[stream]++;
      return ({ stream, timestamp }) => timestamp !== start[stream] || again[stream]-- <= 0;
    },
    adjoins(line) {
      const first = edge.find(({ timestamp }) => timestamp === latest());
      return first !== undefined && first.timestamp === line.timestamp && first.message === line.message;
    },
    createHistory() {
      const [end, last] = [{ ...newest }, edge];
      return {
        until: since(),
        pick(page, options) {
          const older = page.filter(({ stream, timestamp }) => timestamp < end[stream]);
          const lines = older.concat(last.filter(createLogFilter(options)));
          return lines
            .toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : Number(a.timestamp > b.timestamp)))
            .slice(-options.tail);
        },
      };
    },
  };
}
