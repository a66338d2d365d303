/** Names a container among those of all engines: a name is unique on one. Far shorter than its id. */
export function toKey({ engine, name }: { readonly engine: string; readonly name: string }): string {
  return `${engine}/${name}`;
}
