import pLimit from "p-limit";
import type { Container } from "../../containers/container.ts";
import { type HistorySelector, type LogHistory, mostRemoved } from "../../containers/logs/history/log-history.ts";
import { readWithHistory } from "../../containers/logs/history/read.ts";
import { readStoredWithHistory } from "../../containers/logs/history/stored.ts";
import type { LogOptions, LogPage, StoredBatch, StoredOptions } from "../../containers/logs/log.ts";
import { OpsError } from "../../lib/errors.ts";
import { compileLinePattern, type LinePattern } from "../../lib/pattern/pattern.ts";
import { patternBytes } from "../../lib/pattern/rule.ts";
import type { Caller, Sources } from "../sources.ts";

export interface LogLoaders {
  /**
   * The newest lines of one container, continued in the history. Also rejects if the budget does,
   * before reading.
   */
  read(container: Container, options: LogOptions): Promise<LogPage>;
  /** As ContainerSource.stored, after the lines of the history. */
  stored(container: Container, options: StoredOptions, signal: AbortSignal): AsyncGenerator<StoredBatch, void>;
  /**
   * The containers that only the history has; null without a history. Not yet filtered by what the
   * caller may see.
   */
  listRemoved(selector: HistorySelector): Promise<RemovedContainers> | null;
  /** A regular expression, compiled once for a request; null when refused. */
  pattern(text: string, ignoreCase: boolean): Promise<LinePattern | null>;
}

export interface RemovedContainers {
  readonly containers: readonly Container[];
  /** There may be more, older ones. */
  readonly hasMore: boolean;
}

/** How many logs one request reads at once: each may hold a page of 4.5 MB. */
export const logsAtOnce = 4;

/** How long one request asks the history for pages, ms. */
const historyMs = 4000;

export function createLogLoaders({ containers: engines, logHistory }: Sources, { budget }: Caller): LogLoaders {
  const history = logHistory && limitHistory(logHistory);
  const limit = pLimit(logsAtOnce);
  const patterns = new Map<string, Promise<LinePattern | null>>();
  const compile = async (text: string, ignoreCase: boolean) => {
    budget.hold(patternBytes);
    return compileLinePattern(text, { ignoreCase }, budget);
  };
  return {
    read: (container, options) =>
      limit(async () => {
        const wait = budget.turn();
        if (wait) await wait;
        // Earlier reads may have used up the budget.
        budget.text(0);
        if (!history) return engines.logs(container, options, budget);
        return readWithHistory({ engines, history }, container, options, budget);
      }),
    stored(container, options, signal) {
      if (!logHistory) return engines.stored(container, options, signal);
      return readStoredWithHistory({ engines, history: logHistory }, container, options, signal);
    },
    listRemoved: (selector) => history && listRemoved(history, engines, selector, budget.signal),
    pattern(text, ignoreCase) {
      const key = `${ignoreCase ? "i" : ""}:${text}`;
      const known = patterns.get(key) ?? compile(text, ignoreCase);
      patterns.set(key, known);
      return known;
    },
  };
}

/**
 * The history for one request. After its first failure, or when its time is up, it is not queried
 * again: the engines' lines must be returned in time.
 */
function limitHistory(history: LogHistory): LogHistory {
  let failure: unknown = null;
  let end = Infinity;
  const ask = async <T>(call: () => Promise<T>): Promise<T> => {
    if (performance.now() > end)
      failure ??= new OpsError("log_history_unavailable", "The log history takes too long for one page");
    if (failure !== null) throw failure;
    end = Math.min(end, performance.now() + historyMs);
    return call().catch((error: unknown) => {
      failure ??= error;
      throw error;
    });
  };
  return {
    read: (query, signal) => ask(() => history.read(query, signal)),
    listContainers: (selector, signal) => ask(() => history.listContainers(selector, signal)),
    close: () => history.close(),
  };
}

/**
 * For a container that an engine has, the engine's description counts: it knows more than the
 * labels do.
 */
async function listRemoved(
  history: LogHistory,
  engines: Sources["containers"],
  selector: HistorySelector,
  signal: AbortSignal,
): Promise<RemovedContainers> {
  const [listed, { containers }, retired] = await Promise.all([
    history.listContainers(selector, signal),
    engines.list(signal),
    engines.listRetired(signal),
  ]);
  const known = new Set([...containers, ...retired].map(({ fullId }) => fullId));
  return { containers: listed.filter(({ fullId }) => !known.has(fullId)), hasMore: listed.length >= mostRemoved };
}
