import { mapSteps, type Steps } from "../lib/budget/steps.ts";
import { type GroupRelease, isSameGroup, type ServiceGroup, toGroup, toReleaseKey } from "./service-group.ts";

/**
 * The fields of a container that identify its workers; `host` is the container's own host name,
 * `id` its short id.
 */
interface WorkerContainer extends GroupRelease {
  readonly id: string;
  readonly host: string;
}

/** The host in River's default client id. Source: defaultClientIDWithHost in River's client.go. */
export function toRiverHost(host: string): string {
  return host.replaceAll(".", "_").slice(0, 60);
}

/**
 * The host in the name of an Erlang node with a short name. Source: `gethostname` of OTP's inet,
 * which cuts at the first dot.
 */
export function toErlangHost(host: string): string {
  return host.split(".", 1)[0] ?? host;
}

/**
 * The host names that workers in a container may use: its configured one, or Docker's default (the
 * start of its id); and each in River's form.
 */
export function toWorkerNames({ host, id }: Pick<WorkerContainer, "host" | "id">): readonly string[] {
  return [...new Set([host, id, toRiverHost(host)])];
}

/**
 * The release of a worker's container, by the worker's host name. Null for a name of no container,
 * or of several releases. If no full name matches, tries the names as Erlang cuts them.
 */
export type ReleaseOf = (host: string | null) => GroupRelease | null;

/**
 * Covers the containers that the caller may see, including stopped ones: failures of their workers
 * count.
 */
export function createReleaseOf(containers: readonly WorkerContainer[]): Steps<ReleaseOf> {
  return indexHosts<GroupRelease>(
    containers,
    (container) => (container.version === "" ? null : container),
    isSameRelease,
  );
}

function isSameRelease(a: GroupRelease, b: GroupRelease): boolean {
  return toReleaseKey(a) === toReleaseKey(b);
}

/**
 * The service, destination and environment of a worker's container. As `ReleaseOf`, null also if
 * containers of several share the host name.
 */
export type GroupOf = (host: string | null) => ServiceGroup | null;

export function createGroupOf(containers: readonly WorkerContainer[]): Steps<GroupOf> {
  return indexHosts<ServiceGroup>(containers, toGroup, isSameGroup);
}

/**
 * The container of a worker, by the worker's host name. As `ReleaseOf`, null also if several
 * containers share the host name.
 */
export function createContainerOf<Container extends WorkerContainer>(
  containers: readonly Container[],
): Steps<(host: string | null) => Container | null> {
  return indexHosts(
    containers,
    (container) => container,
    () => false,
  );
}

/**
 * The host names of the containers in each class. A name that containers of several classes share
 * is in none.
 */
export function* listHosts<Class extends string>(
  containers: readonly WorkerContainer[],
  toClass: (group: ServiceGroup) => Class | null,
): Steps<ReadonlyMap<Class, readonly string[]>> {
  const { full, cut } = yield* collectHosts<Class>(containers, toClass, (a, b) => a === b);
  const byClass = new Map<Class, string[]>();
  const add = (name: string, value: Class | null) => {
    if (value === null) return;
    const names = byClass.get(value) ?? [];
    names.push(name);
    byClass.set(value, names);
  };
  yield* mapSteps([...full], ([name, value]) => add(name, value));
  yield* mapSteps([...cut], ([name, value]) => {
    if (!full.has(name)) add(name, value);
  });
  return byClass;
}

/** The value that all containers with a host name share; null where they differ. */
function* indexHosts<T, C extends WorkerContainer = WorkerContainer>(
  containers: readonly C[],
  toValue: (container: C) => T | null,
  isSame: (a: T, b: T) => boolean,
): Steps<(host: string | null) => T | null> {
  const { full, cut } = yield* collectHosts(containers, toValue, isSame);
  return (host) => (host === null ? null : ((full.has(host) ? full : cut).get(host) ?? null));
}

/** By full names, and by names as Erlang cuts them, which count only if no full name matches. */
function* collectHosts<T, C extends WorkerContainer = WorkerContainer>(
  containers: readonly C[],
  toValue: (container: C) => T | null,
  isSame: (a: T, b: T) => boolean,
): Steps<{ readonly full: ReadonlyMap<string, T | null>; readonly cut: ReadonlyMap<string, T | null> }> {
  const [full, cut] = [new Map<string, T | null>(), new Map<string, T | null>()];
  const add = (values: typeof full, name: string, value: T | null) => {
    const other = values.get(name);
    values.set(name, other === undefined || (other && value && isSame(other, value)) ? value : null);
  };
  for (const container of containers) {
    yield;
    const value = toValue(container);
    for (const name of toWorkerNames(container)) add(full, name, value);
    add(cut, toErlangHost(container.host), value);
  }
  return { full, cut };
}
