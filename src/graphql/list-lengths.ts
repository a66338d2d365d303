import type { Sources } from "./context.ts";

/** How many rows lists had when they were last read, whoever asked: what a query will cost is estimated by it. */
interface Lengths {
  hosts: number | null;
  /** By source. */
  readonly queues: Map<string, number>;
}

/** Of a list that nobody has read yet. */
const unknownLength = 10;

const lengths = new WeakMap<Sources, Lengths>();

function of(sources: Sources): Lengths {
  const known = lengths.get(sources) ?? { hosts: null, queues: new Map<string, number>() };
  lengths.set(sources, known);
  return known;
}

export function noteHosts(sources: Sources, count: number): void {
  of(sources).hosts = count;
}

export function noteQueues(sources: Sources, source: string, count: number): void {
  of(sources).queues.set(source, count);
}

/** Of some queue sources. */
export function countQueues(sources: Sources, names: readonly string[]): number {
  const { queues } = of(sources);
  const counts = names.flatMap((name) => queues.get(name) ?? []);
  return counts.length === 0 ? unknownLength : counts.reduce((sum, count) => sum + count, 0);
}

/** How many rows a list of a type of the schema has at most, as far as that is known. */
export function toLength(type: string, args: Readonly<Record<string, unknown>>, sources: Sources): number {
  const { hosts, queues } = of(sources);
  if (type === "Host") return hosts ?? unknownLength;
  if (type === "Queue") return countQueues(sources, [...queues.keys()]);
  if (type !== "Container") return unknownLength;
  const known = sources.containers.peek()?.containers;
  if (!known) return unknownLength;
  return args["includeAccessories"] === false ? known.filter(({ kind }) => kind === "core").length : known.length;
}
