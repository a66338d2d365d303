import type { LogLine } from "./container.ts";
import { parseLogTime } from "./log-time.ts";

/** How far the containers of a role were read, so that one that left and comes back goes on where it ended. Keys are those of `toContainerKey`. */
export interface RolePositions {
  add(key: string, lines: readonly LogLine[]): void;
  has(key: string): boolean;
  /** `since` of the stream that goes on, which gives the lines of the last time again; null for one that was not read. */
  since(key: string): string | null;
  createGate(key: string): RoleGate;
}

/** Passes what is new of a stream that goes on. */
export interface RoleGate {
  /** For the lines of that stream, each asked about once, in order: whether it is a new one. */
  isNew(line: LogLine): boolean;
  /** Before all lines: so many of the oldest are not in the stream. Answers how many of these are new ones. */
  skip(count: number): number;
}

export function createRolePositions(): RolePositions {
  /** Time of the last line, and how many lines of that time there were. */
  const positions = new Map<string, { readonly timestamp: string; readonly count: number }>();
  return {
    add(key, lines) {
      const timestamp = lines.at(-1)?.timestamp;
      if (timestamp === undefined) return;
      const before = positions.get(key);
      const count = lines.filter((line) => line.timestamp === timestamp).length;
      positions.set(key, { timestamp, count: count + (before?.timestamp === timestamp ? before.count : 0) });
    },
    has: (key) => positions.has(key),
    since: (key) => parseLogTime(positions.get(key)?.timestamp ?? "", 0),
    createGate(key) {
      const { timestamp, count } = positions.get(key) ?? { timestamp: "", count: 0 };
      let again = count;
      return {
        isNew: (line) => line.timestamp !== timestamp || again-- <= 0,
        skip(skipped) {
          const known = Math.min(again, skipped);
          again -= known;
          return skipped - known;
        },
      };
    },
  };
}
