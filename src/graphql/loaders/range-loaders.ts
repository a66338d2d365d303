import DataLoader from "dataloader";
import type { HistoryRange } from "../../domain/queue-history.ts";

/** A DataLoader for each range that one request asks about: what is asked of the same range is one batch. */
export function createRangeLoaders<Key, Value, CacheKey = Key>(
  ask: (range: HistoryRange, keys: readonly Key[]) => Promise<readonly (Value | Error)[]>,
  toId: (key: Key) => CacheKey,
): (range: HistoryRange) => DataLoader<Key, Value, CacheKey> {
  const loaders = new Map<string, DataLoader<Key, Value, CacheKey>>();
  return (range) => {
    const id = `${range.from} ${range.step} ${range.steps}`;
    const made = loaders.get(id) ?? new DataLoader((keys) => ask(range, keys), { cacheKeyFn: toId });
    loaders.set(id, made);
    return made;
  };
}
