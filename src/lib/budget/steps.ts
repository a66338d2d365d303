/** Long work that others may interrupt at each `yield`. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does the work; other requests are served in between. Rejects as `Budget.turn` does, so it ends with its client and its time. */
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
