import { OpsError } from "../../errors.ts";

/** The argument `first` of a list: how many of the newest. */
export const first = { defaultValue: 50, required: true, description: "How many of the newest, 1 to 100." } as const;

/** Throws invalid_request. */
export function checkFirst(count: number, most = 100): number {
  if (count < 1 || count > most) throw new OpsError("invalid_request", `first must be from 1 to ${most}`);
  return count;
}

/** How many rows an argument costs. One for a number that its field refuses: less than one would pay for its neighbours. */
export function toCost(count: number, most: number): number {
  return count < 1 || count > most ? 1 : count;
}

/** Of a list whose rows its parent's cost has counted. */
export const counted = { field: 1, multiplier: 1 } as const;

/** Of a list with the argument `first`. */
export const costOfFirst = ({ first: count }: { readonly first: number }) => ({ field: 1, multiplier: toCost(count, 100) });
