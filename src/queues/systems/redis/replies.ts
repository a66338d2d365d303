import type { Reply } from "./connection.ts";

/** A count; 0 for a key that belongs to another program. */
export function toCount(reply: Reply): number {
  return typeof reply === "number" && reply >= 0 ? reply : 0;
}

export function sumCounts(replies: readonly Reply[]): number {
  return replies.reduce<number>((sum, reply) => sum + toCount(reply), 0);
}

/** A counter stored as text; null without one. */
export function toNumber(reply: Reply): number | null {
  if (typeof reply !== "string" || !/^-?\d{1,19}$/.test(reply)) return null;
  return Number(reply);
}

export function toTexts(reply: Reply): string[] {
  return Array.isArray(reply) ? reply.filter((item) => typeof item === "string") : [];
}

/** The requested fields of a hash, in order. */
export function toFields(reply: Reply): (string | null)[] {
  return Array.isArray(reply) ? reply.map((item) => (typeof item === "string" ? item : null)) : [];
}

/** Members of a sorted set with their scores, in the order of the reply. */
export function toScored(reply: Reply): { readonly id: string; readonly score: number }[] {
  const items = toTexts(reply);
  const scored = [];
  for (let index = 0; index + 1 < items.length; index += 2)
    scored.push({ id: items[index] ?? "", score: Number(items[index + 1]) });
  return scored.filter(({ score }) => Number.isFinite(score));
}

/**
 * The median and the 95th percentile, interpolated as by PostgreSQL's percentile_cont; nulls
 * without values.
 */
export function quantilesOf(values: readonly number[]): readonly [number | null, number | null] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (fraction: number) => {
    const place = fraction * (sorted.length - 1);
    const low = sorted[Math.floor(place)];
    const high = sorted[Math.ceil(place)];
    return low === undefined || high === undefined ? null : low + (high - low) * (place - Math.floor(place));
  };
  return [at(0.5), at(0.95)];
}
