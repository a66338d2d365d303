import { type Container, toContainerKey } from "../../containers/container.ts";
import {
  chooseHistory,
  type ContainerHistory,
  findEnded,
  isRecent,
  isWhole,
  toRemembered,
  toRememberedSince,
} from "../../containers/stats/history.ts";
import { inTurns } from "../../lib/budget/budget.ts";
import { toProblem } from "../../lib/errors.ts";
import type { KnownLoader } from "../../lib/known.ts";
import type { HistoryRange } from "../../lib/range.ts";
import { createRangeLoaders } from "../range.ts";
import type { Caller, Sources } from "../sources.ts";

/** The history of a container, and why Prometheus could not fill its gaps. */
export interface FoundHistory {
  readonly history: ContainerHistory;
  readonly problem: { readonly code: string; readonly message: string } | null;
}

export interface ContainerHistoryLoaders {
  /** For one range, and containers that the caller may see. Rejects only if the budget does. */
  history(range: HistoryRange): KnownLoader<Container, FoundHistory>;
}

/**
 * From memory where that suffices, else one Prometheus query for all other containers of a range.
 */
export function createContainerHistoryLoaders(
  sources: Sources,
  { signal, budget }: Caller,
  nowMs: number,
): ContainerHistoryLoaders {
  const scrape = async (range: HistoryRange, containers: readonly Container[]) => {
    if (containers.length === 0) return { scraped: [], problem: null };
    try {
      return { scraped: await sources.containerHistory.containerHistory(range, containers, signal), problem: null };
    } catch (error) {
      signal.throwIfAborted();
      return { scraped: [], problem: toProblem(error) };
    }
  };
  return {
    history: createRangeLoaders<Container, FoundHistory>(
      budget,
      async (range, containers) => {
        // `statsHistory` starts sampling a container, which is useless for one that ended before
        // the memory begins. The result must not depend on what else is requested: a container
        // ended when a newer one of its role, requested or not, took over.
        await budget.turn();
        const listed = sources.containers.listCached()?.containers;
        const ended = findEnded(containers, toRememberedSince(nowMs), listed);
        const recall = (container: Container) =>
          toRemembered(range, ended.has(container) ? [] : sources.containers.statsHistory(container));
        const isKnown = isRecent(range, nowMs);
        const remembered = await inTurns(containers, budget, (container) => (isKnown ? recall(container) : null));
        await budget.turn();
        const missing = containers.filter((_, index) => !(remembered[index] && isWhole(remembered[index])));
        const { scraped, problem } = await scrape(range, missing);
        await budget.turn();
        const found = new Map(missing.map((container, index) => [container, scraped[index] ?? null]));
        return inTurns(containers, budget, (container, index): FoundHistory => {
          const memory = remembered[index];
          const known = found.get(container) ?? null;
          if (memory) return { history: chooseHistory(memory, known), problem: found.has(container) ? problem : null };
          return { history: known ?? recall(container), problem };
        });
      },
      toContainerKey,
    ),
  };
}
