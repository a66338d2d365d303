import type { ContainerRef, LogLine } from "../../domain/container.ts";
import { type FollowOptions, type LogBatch, toBatch } from "../../domain/log-follow.ts";
import type { Engine } from "./engine.ts";
import { createFollowBuffer } from "./follow-buffer.ts";
import { createFeed, type Feed } from "./follow-feed.ts";
import type { Inspector } from "./inspect.ts";
import { createLineFilter, isSelective } from "./log-filter.ts";
import { readLogs } from "./logs.ts";

export interface Follower {
  /** History, then what is written. Rejects when the log cannot be opened. Whoever does not iterate it to its end must `return` it. */
  follow(engine: Engine, ref: ContainerRef, options: FollowOptions, signal: AbortSignal): Promise<AsyncGenerator<LogBatch>>;
}

/** All readers of one container share one stream of its engine. */
export function createFollower(inspector: Inspector, timeoutMs: number): Follower {
  const feeds = new Map<string, Feed>();
  const enter = (engine: Engine, ref: ContainerRef): Feed => {
    const key = `${engine.name}/${ref.fullId}`;
    const known = feeds.get(key);
    if (known) return known;
    const feed: Feed = createFeed(engine, inspector, ref, () => {
      if (feeds.get(key) === feed) feeds.delete(key);
    });
    feeds.set(key, feed);
    return feed;
  };
  return {
    async follow(engine, ref, options, signal) {
      const feed = enter(engine, ref);
      const buffer = createFollowBuffer(isSelective(options) ? createLineFilter(options) : null, feed.resume);
      const leave = () => feed.leave(buffer);
      signal.addEventListener("abort", leave, { once: true });
      try {
        const toHistory = await feed.join(buffer);
        const page = options.tail > 0 && (await readLogs(engine, inspector, ref, options, { timeoutMs, caller: signal }));
        return read(page ? toHistory(page.lines, options) : []);
      } catch (error) {
        leave();
        throw error;
      }

      async function* read(history: readonly LogLine[]) {
        try {
          if (history.length > 0) yield toBatch({ lines: history });
          yield* buffer.read(signal);
        } finally {
          signal.removeEventListener("abort", leave);
          leave();
        }
      }
    },
  };
}
