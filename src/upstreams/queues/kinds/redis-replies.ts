import type { Reply } from "./redis-connection.ts";

/** A count; 0 of a key that is somebody else's. */
export function toCount(reply: Reply): number {
  return typeof reply === "number" && reply >= 0 ? reply : 0;
}

/** A counter that is written as text; null without one. */
export function toNumber(reply: Reply): number | null {
  if (typeof reply !== "string" || !/^-?\d{1,19}$/.test(reply)) return null;
  return Number(reply);
}

export function toTexts(reply: Reply): string[] {
  return Array.isArray(reply) ? reply.filter((item) => typeof item === "string") : [];
}

/** The fields of a hash that were asked for, in their order. */
export function toFields(reply: Reply): (string | null)[] {
  return Array.isArray(reply) ? reply.map((item) => (typeof item === "string" ? item : null)) : [];
}

/** Members of a sorted set with their scores, in the order of the answer. */
export function toScored(reply: Reply): { readonly id: string; readonly score: number }[] {
  const items = toTexts(reply);
  const scored = [];
  for (let index = 0; index + 1 < items.length; index += 2)
    scored.push({ id: items[index] ?? "", score: Number(items[index + 1]) });
  return scored.filter(({ score }) => Number.isFinite(score));
}
