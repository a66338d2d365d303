import { maySee, maySeeContainer, type Principal, toView } from "../auth/principal.ts";
import type { Container } from "../containers/container.ts";
import type { Environment } from "../lib/environment.ts";
import { versionOf } from "../lib/version.ts";
import { toRoleKey } from "../releases/service-group.ts";
import type { Sources } from "./sources.ts";

/** Row counts of the lists as last read by any caller, to estimate the cost of a query. */
interface Lengths {
  hosts: number | null;
  /** By source. */
  readonly queues: Map<string, { readonly count: number; readonly env: Environment | null }>;
  /** Incremented when one of them changes. */
  version: number;
}

/** Assumed for a list that was never read. */
const unknownLength = 10;

const lengths = new WeakMap<Sources, Lengths>();

function of(sources: Sources): Lengths {
  const known = lengths.get(sources) ?? { hosts: null, queues: new Map<string, never>(), version: 0 };
  lengths.set(sources, known);
  return known;
}

export function noteHosts(sources: Sources, count: number): void {
  const known = of(sources);
  if (known.hosts !== count) known.version++;
  known.hosts = count;
}

export function noteQueues(
  sources: Sources,
  source: { readonly name: string; readonly env: Environment | null },
  count: number,
): void {
  const known = of(sources);
  const env = source.env ?? sources.env;
  const last = known.queues.get(source.name);
  if (last?.count !== count || last.env !== env) known.version++;
  known.queues.set(source.name, { count, env });
}

/** While this stays the same, `toLength` returns the same for the same caller. */
export function readLengthsVersion(sources: Sources): string {
  return `${of(sources).version} ${versionOf(sources.containers.listCached()?.containers)}`;
}

/** For some queue sources. */
export function countQueues(sources: Sources, names: readonly string[]): number {
  const { queues } = of(sources);
  const found = names.flatMap((name) => queues.get(name) ?? []);
  return found.length === 0 ? unknownLength : found.reduce((sum, { count }) => sum + count, 0);
}

/** What the cost of a list depends on: the sources and the caller. */
interface Asking {
  readonly sources: Sources;
  readonly principal: Principal;
}

interface RoleCount {
  readonly roles: number;
  /** On average, at least 1. */
  readonly containersEach: number;
}

/** By list of containers and view: a document may select roles in many fields. */
const roleCounts = new WeakMap<readonly Container[], Map<string, RoleCount>>();

/** How many roles the caller has, and how many containers each has. */
export function countRoles({ sources, principal }: Asking): RoleCount {
  const listed = sources.containers.listCached()?.containers;
  if (!listed) return { roles: unknownLength, containersEach: unknownLength };
  const counts = roleCounts.get(listed) ?? new Map<string, RoleCount>();
  roleCounts.set(listed, counts);
  const view = toView(principal);
  const visible = counts.has(view) ? [] : listed.filter((container) => maySeeContainer(principal, container));
  const roles = new Set(visible.map(toRoleKey)).size;
  const found = counts.get(view) ?? { roles, containersEach: Math.max(1, Math.ceil(visible.length / (roles || 1))) };
  counts.set(view, found);
  return found;
}

/**
 * Estimates the most rows that a list of a schema type has. Counts only rows that the caller may
 * see, because the refusal of a query reports its cost.
 */
export function toLength(
  type: string,
  args: Readonly<Record<string, unknown>>,
  { sources, principal }: Asking,
): number {
  const { hosts, queues } = of(sources);
  if (type === "Host") return (maySee(principal, sources.env) ? hosts : null) ?? unknownLength;
  if (type === "Queue") {
    const visible = [...queues].filter(([, { env }]) => maySee(principal, env));
    return countQueues(
      sources,
      visible.map(([name]) => name),
    );
  }
  if (type === "Role") return countRoles({ sources, principal }).roles;
  if (type !== "Container") return unknownLength;
  const known = sources.containers
    .listCached()
    ?.containers.filter((container) => maySeeContainer(principal, container));
  if (!known) return unknownLength;
  return args["includeAccessories"] === false ? known.filter(({ kind }) => kind === "core").length : known.length;
}
