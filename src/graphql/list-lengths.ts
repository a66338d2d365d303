import type { Container } from "../domain/container.ts";
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

export function countHosts(sources: Sources): number {
  return of(sources).hosts ?? unknownLength;
}

/** Of some sources, or of all. */
export function countQueues(sources: Sources, names?: readonly string[]): number {
  const { queues } = of(sources);
  const wanted = names ?? [...queues.keys()];
  const counts = wanted.flatMap((name) => queues.get(name) ?? []);
  return counts.length === 0 ? unknownLength : counts.reduce((sum, count) => sum + count, 0);
}

export function countContainers({ containers }: Sources, isCounted: (container: Container) => boolean = () => true): number {
  return containers.peek()?.containers.filter(isCounted).length ?? unknownLength;
}
