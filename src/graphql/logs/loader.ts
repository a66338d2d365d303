import pLimit from "p-limit";
import type { ContainerRef } from "../../containers/container.ts";
import type { LogOptions, LogPage } from "../../containers/logs/log.ts";
import { compileLinePattern, type LinePattern, patternBytes } from "../../lib/pattern.ts";
import type { Caller, Sources } from "../sources.ts";

export interface LogLoaders {
  /** The newest lines of one container. Also rejects as the budget does, before reading. */
  read(container: ContainerRef, options: LogOptions): Promise<LogPage>;
  /** A regular expression, compiled once for a request; null when refused. */
  pattern(text: string, ignoreCase: boolean): Promise<LinePattern | null>;
}

/** Logs read at once for one request: each may hold a page of 4.5 MB. */
export const logsAtOnce = 4;

export function createLogLoaders({ containers }: Sources, { budget }: Caller): LogLoaders {
  const limit = pLimit(logsAtOnce);
  const patterns = new Map<string, Promise<LinePattern | null>>();
  const compile = async (text: string, ignoreCase: boolean) => {
    budget.hold(patternBytes);
    return compileLinePattern(text, ignoreCase);
  };
  return {
    read: (container, options) =>
      limit(() => {
        // Earlier reads may have used up the budget.
        budget.text(0);
        return containers.logs(container, options, budget);
      }),
    pattern(text, ignoreCase) {
      const key = `${ignoreCase ? "i" : ""}:${text}`;
      const known = patterns.get(key) ?? compile(text, ignoreCase);
      patterns.set(key, known);
      return known;
    },
  };
}
