import type { Budget } from "./budget.ts";

/** A long `map`: others are served in between. Rejects as `Budget.turn` does, so that it ends with its client and its time. */
export async function inTurns<From, To>(
  items: readonly From[],
  budget: Pick<Budget, "turn">,
  map: (item: From, index: number) => To,
): Promise<To[]> {
  const mapped: To[] = [];
  for (const [index, item] of items.entries()) {
    const wait = budget.turn();
    if (wait) await wait;
    mapped.push(map(item, index));
  }
  return mapped;
}
