import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

/** Why a container is not to be restarted from here: it is the one that this process runs in, or it may be. Null when it is not. */
export type SelfCheck = (fullId: string) => string | null;

/** Null for a file that cannot be read. */
type Read = (path: string) => Promise<string | null>;

/** Label of containers that must never be restarted from here, such as the gateway's own proxies. */
export const protectedLabel = "wallet-core-ops.protected";

/** Docker and Podman put one of these into each container. */
const marks = ["/.dockerenv", "/run/.containerenv"];

/**
 * From the files that Docker mounts into a container (`/etc/hostname` ...), from the cgroup, and from the host name that Docker makes
 * up. Outside of a container it is none. One with a host name of its own, its cgroup hidden and those files mounted over cannot
 * be told: then any may be it, and none is restarted.
 */
export async function readSelf(read: Read = readIfThere, host = hostname()): Promise<SelfCheck> {
  const [mounts, cgroup] = await Promise.all([read("/proc/self/mountinfo"), read("/proc/self/cgroup")]);
  const ids = new Set(findIds(mounts ?? "", cgroup ?? ""));
  const prefix = /^[0-9a-f]{12}$/.test(host) ? host : null;
  const isContained = (await Promise.all(marks.map(read))).some((mark) => mark !== null);
  if (isContained && ids.size === 0 && prefix === null) {
    return () => "the gateway runs in a container and cannot tell in which";
  }
  const isSelf = (fullId: string) => ids.has(fullId) || (prefix !== null && fullId.startsWith(prefix));
  return (fullId) => (isSelf(fullId) ? "the gateway itself runs in it" : null);
}

function findIds(mounts: string, cgroup: string): string[] {
  // On the host itself, mountinfo also shows the mounts of other containers: only these three files are ours.
  const own = mounts.split("\n").filter((line) => / \/etc\/(hostname|hosts|resolv\.conf) /.test(line));
  const ids = own.map((line) => /\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf|userdata)/.exec(line)?.[1]);
  const groups = cgroup.split("\n").map((line) => /(?:\/|docker-|libpod-)([0-9a-f]{64})(?:\.scope)?(?:\/|$)/.exec(line)?.[1]);
  return [...ids, ...groups].filter((id) => id !== undefined);
}

async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null);
}
