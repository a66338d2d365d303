/** `1 job`, `2 jobs`. Both forms may go on with a verb: `1 job waits`, `2 jobs wait`. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `45 s`, `12 min`, `3 h`, `2 d`: whole units, rounded down, the largest of which there are at least two (seconds below two minutes). */
export function formatDuration(seconds: number): string {
  const [unit, size] = durationUnits.find(([, length]) => seconds >= 2 * length) ?? ["s", 1];
  return `${Math.floor(Math.max(0, seconds) / size)} ${unit}`;
}

const durationUnits = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
] as const;

/** Names with the verb of their number: `web-1 runs`, `web-1, web-2 run`. */
export function formatList(names: readonly string[], one: string, many: string): string {
  return `${names.join(", ")} ${names.length === 1 ? one : many}`;
}
