import type { Container } from "../../src/containers/container.ts";
import { toNext } from "../../src/containers/logs/history/collect.ts";
import type { HistoryQuery, HistorySelector, LogHistory } from "../../src/containers/logs/history/log-history.ts";
import type { LogLine } from "../../src/containers/logs/log.ts";

/**
 * A log history in memory, whose pieces have about `pieceSize` lines; `failAfter` pieces it fails.
 * It lists containers without a log whatever the range is.
 */
export function createMemoryLogHistory({ pieceSize = 3 } = {}) {
  const state = {
    logs: new Map<string, readonly LogLine[]>(),
    containers: [] as Container[],
    queries: [] as HistoryQuery[],
    selectors: [] as HistorySelector[],
    failAfter: Infinity,
    error: new Error("away"),
  };
  const history: LogHistory = {
    async read(query) {
      if (state.queries.push(query) > state.failAfter) throw state.error;
      const { fullId, since, before, from } = query;
      const inRange = (state.logs.get(fullId) ?? []).filter(
        ({ timestamp }) => timestamp >= since && timestamp < before,
      );
      const all = [...new Map(inRange.map((line) => [toKey(line), line])).values()].toSorted((a, b) =>
        toKey(a) < toKey(b) ? -1 : 1,
      );
      const bytes = 100;
      if (all.length <= pieceSize) return { lines: all, rest: null, bytes };
      if (from === "newest") {
        const edge = all.at(-pieceSize)?.timestamp ?? "";
        return {
          lines: all.filter(({ timestamp }) => timestamp >= edge),
          rest: since < edge ? { since, before: edge } : null,
          bytes,
        };
      }
      const edge = toNext(all[pieceSize - 1]?.timestamp ?? "");
      return {
        lines: all.filter(({ timestamp }) => timestamp < edge),
        rest: edge < before ? { since: edge, before } : null,
        bytes,
      };
    },
    async listContainers(selector) {
      state.selectors.push(selector);
      if (state.failAfter === 0) throw state.error;
      const { role, names, since, before } = selector;
      const isInRange = ({ timestamp }: LogLine) => timestamp >= since && timestamp < before;
      return state.containers.filter(
        (one) =>
          (role === null || one.role === role) &&
          (names.length === 0 || names.includes(one.name)) &&
          (state.logs.get(one.fullId)?.some(isInRange) ?? true),
      );
    },
    close: async () => {},
  };
  return { history, state };
}

function toKey({ timestamp, stream, message }: LogLine): string {
  return `${timestamp} ${stream} ${message}`;
}
