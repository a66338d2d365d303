import DataLoader from "dataloader";
import type { Budget } from "../../budget/budget.ts";
import type { HistoryRange } from "../../domain/queue-history.ts";

/** What a caller can do about too many points. */
export const pointsAdvice =
  "choose a longer step or fewer points (maxPoints; in Grafana: Min interval), a shorter range, or fewer series at once";

/** A DataLoader for each range that one request asks about: what is asked of the same range is one batch. Its points are counted before anything is asked. */
export function createRangeLoaders<Key, Value, CacheKey = Key>(
  budget: Budget,
  ask: (range: HistoryRange, keys: readonly Key[]) => Promise<readonly (Value | Error)[]>,
  toId: (key: Key) => CacheKey,
): (range: HistoryRange) => DataLoader<Key, Value, CacheKey> {
  const loaders = new Map<string, DataLoader<Key, Value, CacheKey>>();
  return (range) => {
    const id = `${range.from} ${range.step} ${range.steps}`;
    const made =
      loaders.get(id) ??
      new DataLoader(
        async (keys) => {
          await budget.read(keys.length * range.steps, pointsAdvice);
          return ask(range, keys);
        },
        { cacheKeyFn: toId },
      );
    loaders.set(id, made);
    return made;
  };
}
