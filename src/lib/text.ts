/** Names with a verb that agrees in number: `web-1 runs`, `web-1, web-2 run`. */
export function formatList(names: readonly string[], one: string, many: string): string {
  return `${names.join(", ")} ${names.length === 1 ? one : many}`;
}

/** The first names, at most so many: `a, b and 3 more`. */
export function formatFirst(names: readonly string[], most: number): string {
  const more = names.length - most;
  return `${names.slice(0, most).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/**
 * A text of others that cannot move the cursor, change colours or turn the reading direction:
 * without control and format characters, but with its lines.
 */
export function withoutControls(text: string): string {
  return text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "");
}

const mostNear = 6;

/**
 * The existing names that someone may have meant, the likeliest first, at most six: those that
 * contain the text or are part of it, then those that differ by few characters, as a whole or in a
 * word, then those that share a part.
 */
export function toNear(text: string, known: readonly string[]): string[] {
  const wanted = text.toLowerCase();
  const parts = wanted.split(/[^a-z0-9]+/).filter((part) => part.length >= 3);
  const mostAway = toMostAway(wanted);
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
    .toSorted(
      (one, other) =>
        one.away - other.away || one.name.length - other.name.length || one.name.localeCompare(other.name),
    )
    .slice(0, mostNear)
    .map(({ name }) => name);
}

/**
 * The existing names that a misspelt one stands for: those that differ by the fewest characters as
 * a whole; if none is near, those that contain it or are part of it, at most six. Ignores case.
 */
export function toNearest(text: string, known: readonly string[]): string[] {
  const wanted = text.toLowerCase();
  if (wanted === "") return [];
  const away = new Map(known.map((name) => [name, toDistance(wanted, name.toLowerCase())]));
  const least = Math.min(...away.values());
  if (least <= toMostAway(wanted)) return known.filter((name) => away.get(name) === least);
  const contains = (name: string) => name.includes(wanted) || wanted.includes(name);
  return known.filter((name) => contains(name.toLowerCase())).slice(0, mostNear);
}

/** By how many characters a name may differ from a text: a third of its length. */
function toMostAway({ length }: string): number {
  return Math.max(1, Math.floor(length / 3));
}

/**
 * Number of characters to change, add, leave out or swap with the next one (optimal string
 * alignment).
 */
function toDistance(one: string, other: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at++) {
    const next = [at];
    for (let to = 1; to <= other.length; to++) {
      const changed = (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1);
      const isSwapped = at > 1 && to > 1 && one[at - 1] === other[to - 2] && one[at - 2] === other[to - 1];
      const swapped = isSwapped ? (before[to - 2] ?? 0) + 1 : changed;
      next.push(Math.min(changed, swapped, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row[other.length] ?? 0;
}

/** A name as REST, Grafana and metrics write it: `oldestAgeSeconds` is `oldest_age_seconds`. */
export function toSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
