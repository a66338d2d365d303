/** Long work that pauses for others at each `yield`. */
export type Steps<T> = Generator<undefined, T, undefined>;

/**
 * Does the work; other requests are served in between. Rejects as `Budget.turn` does, so it ends
 * with its client and its time.
 */
export async function takeSteps<T>(steps: Steps<T>, budget: { turn(): Promise<void> | null }): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    const wait = budget.turn();
    if (wait) await wait;
  }
}

/** `map` over a long list. */
export function* mapSteps<From, To>(items: readonly From[], map: (item: From, index: number) => To): Steps<To[]> {
  const mapped: To[] = [];
  for (const [index, item] of items.entries()) {
    yield;
    mapped.push(map(item, index));
  }
  return mapped;
}

/** `filter` over a long list. */
export function* filterSteps<Item>(items: Iterable<Item>, accepts: (item: Item) => boolean): Steps<Item[]> {
  const accepted: Item[] = [];
  for (const item of items) {
    yield;
    if (accepts(item)) accepted.push(item);
  }
  return accepted;
}

/** `Map.groupBy` over a long list. */
export function* groupSteps<Key, Item>(items: Iterable<Item>, toKey: (item: Item) => Key): Steps<Map<Key, Item[]>> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    yield;
    const key = toKey(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
