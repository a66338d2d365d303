import { type GroupRelease, toReleaseKey } from "./service-group.ts";

/** The fields of a container to find its worker; `host` is the container's own host name, `id` its short id. */
interface WorkerContainer extends GroupRelease {
  readonly id: string;
  readonly host: string;
}

/** The host in River's default client id. Source: defaultClientIDWithHost in River's client.go. */
export function toRiverHost(host: string): string {
  return host.replaceAll(".", "_").slice(0, 60);
}

/** The host in the name of an Erlang node with a short name. Source: `gethostname` of OTP's inet, which cuts at the first dot. */
export function toErlangHost(host: string): string {
  return host.split(".", 1)[0] ?? host;
}

/** The host names that workers in a container may use: its configured one, or Docker's default, the start of its id; and each in River's form. */
export function toWorkerNames({ host, id }: Pick<WorkerContainer, "host" | "id">): readonly string[] {
  return [...new Set([host, id, toRiverHost(host)])];
}

/**
 * The release of a worker's container, by the worker's host name. Null for a name of no container, or of several releases. If no full name matches, the name may be
 * one that Erlang cut.
 */
export type ReleaseOf = (host: string | null) => GroupRelease | null;

/** Over the containers that the caller may see, stopped ones too: failures of their workers count. */
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
