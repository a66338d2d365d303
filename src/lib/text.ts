/** `1 job`, `2 jobs`. Both forms may go on with a verb: `1 job waits`, `2 jobs wait`. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Names with the verb of their number: `web-1 runs`, `web-1, web-2 run`. */
export function formatList(names: readonly string[], one: string, many: string): string {
  return `${names.join(", ")} ${names.length === 1 ? one : many}`;
}
