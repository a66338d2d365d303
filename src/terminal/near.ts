import { toOneLine } from "./output/style.ts";

const mostNear = 6;

/**
 * The known names that someone may have meant, as one line each, the likeliest first: those that have the text in them or are in it, then those that differ by few characters, as a
 * whole or in a word, then those that share a part.
 */
export function toNear(text: string, known: readonly string[]): string[] {
  const wanted = text.toLowerCase();
  const parts = wanted.split(/[^a-z0-9]+/).filter((part) => part.length >= 3);
  const mostAway = Math.max(1, Math.floor(wanted.length / 3));
  const grade = (own: string): number => {
    if (own.includes(wanted) || wanted.includes(own)) return 0;
    const away = Math.min(...[own, ...own.split(/[-_.]/)].map((word) => toDistance(wanted, word)));
    if (away <= mostAway) return away;
    return parts.length > 1 && parts.some((part) => own.includes(part)) ? wanted.length : Number.POSITIVE_INFINITY;
  };
  return known
    .filter((name) => name !== "")
    .map((name) => ({ name, away: grade(name.toLowerCase()) }))
    .filter(({ away }) => away !== Number.POSITIVE_INFINITY)
    .toSorted((one, other) => one.away - other.away || one.name.length - other.name.length || one.name.localeCompare(other.name))
    .slice(0, mostNear)
    .map(({ name }) => toOneLine(name));
}

/** How many characters to change, add or leave out (Levenshtein). */
function toDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at++) {
    const next = [at];
    for (let to = 1; to <= other.length; to++) {
      const changed = (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
