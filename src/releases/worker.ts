import { type GroupRelease, toReleaseKey } from "./service-group.ts";

/** What is asked of a container whose worker is looked for; `host` is its own name, `id` the short one. */
interface WorkerContainer extends GroupRelease {
  readonly id: string;
  readonly host: string;
}

/** The host in the id that River gives its client by default. Source: defaultClientIDWithHost in River's client.go. */
export function toRiverHost(host: string): string {
  return host.replaceAll(".", "_").slice(0, 60);
}

/** The host in the name of an Erlang node, unless it was given a long one. Source: `gethostname` of OTP's inet, which cuts at the first dot. */
export function toErlangHost(host: string): string {
  return host.split(".", 1)[0] ?? host;
}

/**
 * The host names by which the workers in a container call themselves: the one that it was given or else, as Docker does, the start of its id; and each as
 * River writes it.
 */
export function toWorkerNames({ host, id }: Pick<WorkerContainer, "host" | "id">): readonly string[] {
  return [...new Set([host, id, toRiverHost(host)])];
}

/**
 * The release that a worker's container runs, by the worker's host name. Null for a name that no container has, or those of several releases. A name that no container has
 * in full may be the start of one, as Erlang cuts it.
 */
export type ReleaseOf = (host: string | null) => GroupRelease | null;

/** Over the containers that may be told of, stopped ones too: their failures are still theirs. */
export function createReleaseOf(containers: readonly WorkerContainer[]): ReleaseOf {
  const [full, cut] = [new Map<string, GroupRelease | null>(), new Map<string, GroupRelease | null>()];
  const add = (releases: typeof full, name: string, release: GroupRelease | null) => {
    const other = releases.get(name);
    const isSame = other === undefined || (other && release && toReleaseKey(other) === toReleaseKey(release));
    releases.set(name, isSame ? release : null);
  };
  for (const container of containers) {
    const release = container.version === "" ? null : container;
    for (const name of toWorkerNames(container)) add(full, name, release);
    add(cut, toErlangHost(container.host), release);
  }
  return (host) => (host === null ? null : ((full.has(host) ? full : cut).get(host) ?? null));
}
