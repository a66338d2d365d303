import type { Budget } from "../../budget/budget.ts";

/** Whether a value is wanted by a list; an absent list wants all, an empty one none. */
export function isAmong<T>(value: T, wanted: readonly T[] | null | undefined): boolean {
  return !wanted || wanted.includes(value);
}

/** Rows of many series as one list that ascends in time; at one time in the order of the series. Made when it is its turn. */
export async function toAscending<Row extends { readonly time: string }>(
  budget: Budget,
  makeSeries: () => readonly (readonly Row[])[],
): Promise<Row[]> {
  await budget.turn();
  const rows = makeSeries().flat();
  await budget.turn();
  return rows.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}
