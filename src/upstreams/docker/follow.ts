import { createSharedBudget } from "../../budget/budget.ts";
import { type ContainerRef, toContainerKey } from "../../domain/container.ts";
import { type FollowOptions, type LogBatch, toBatch } from "../../domain/log-follow.ts";
import type { Engine } from "./engine.ts";
import { createFollowBuffer } from "./follow-buffer.ts";
import { createFeed, type Feed } from "./follow-feed.ts";
import type { FollowHistory } from "./follow-position.ts";
import type { Inspector } from "./inspect.ts";
import { createLineFilter, isSelective } from "./log-filter.ts";
import { readLogs, readWhole } from "./logs.ts";

export interface Follower {
  /** History, then what is written. Rejects when the log cannot be opened. Whoever does not iterate it to its end must `return` it. */
  follow(engine: Engine, ref: ContainerRef, options: FollowOptions, signal: AbortSignal): Promise<AsyncGenerator<LogBatch>>;
}

/** All readers of one container share one stream of its engine. */
export function createFollower(inspector: Inspector, timeoutMs: number): Follower {
  const feeds = new Map<string, Feed>();
  const enter = (engine: Engine, ref: ContainerRef): Feed => {
    const key = toContainerKey(ref);
    const known = feeds.get(key);
    if (known) return known;
    const feed: Feed = createFeed(engine, inspector, ref, () => {
      if (feeds.get(key) === feed) feeds.delete(key);
    });
    feeds.set(key, feed);
    return feed;
  };
  const readHistory = async (
    engine: Engine,
    ref: ContainerRef,
    options: FollowOptions,
    history: FollowHistory,
    signal: AbortSignal,
  ): Promise<LogBatch> => {
    const times = { timeoutMs, budget: createSharedBudget(signal) };
    if (options.tail === 0 || history.until === undefined) return toBatch({});
    if (!options.whole)
      return toBatch({ lines: history.pick((await readLogs(engine, inspector, ref, options, times)).lines, options) });
    const { until } = history;
    const { lines, missing, counted } = await readWhole(engine, inspector, ref, { ...options, until }, times);
    const cut = counted ? "counted" : "at_least";
    return toBatch({ lines: history.pick(lines, options), dropped: missing, cut: missing > 0 ? cut : null });
  };
  return {
    async follow(engine, ref, options, signal) {
      const feed = enter(engine, ref);
      const buffer = createFollowBuffer(isSelective(options) ? createLineFilter(options) : null, feed.resume);
      const leave = () => feed.leave(buffer);
      signal.addEventListener("abort", leave, { once: true });
      try {
        return read(await readHistory(engine, ref, options, await feed.join(buffer), signal));
      } catch (error) {
        leave();
        throw error;
      }

      async function* read(history: LogBatch) {
        try {
          if (history.lines.length > 0 || history.cut !== null) yield history;
          yield* buffer.read(signal);
        } finally {
          signal.removeEventListener("abort", leave);
          leave();
        }
      }
    },
  };
}
