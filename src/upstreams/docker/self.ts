import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

/** Tells whether a container is the one that this process runs in. */
export type IsSelf = (fullId: string) => boolean;

/** Label of containers that must never be restarted from here, such as the gateway's own proxies. */
export const protectedLabel = "wallet-core-ops.protected";

/**
 * From the files that Docker mounts into a container (`/etc/hostname` ...), from the cgroup, and from the host name that Docker makes
 * up. Finds nothing outside of a container. One with a host name of its own, its cgroup hidden and those files mounted over cannot
 * be told: give that the label.
 */
export async function readSelf(read: (path: string) => Promise<string> = readProc, host = hostname()): Promise<IsSelf> {
  const [mounts, cgroup] = await Promise.all([read("/proc/self/mountinfo"), read("/proc/self/cgroup")]);
  const ids = new Set(findIds(mounts, cgroup));
  const prefix = /^[0-9a-f]{12}$/.test(host) ? host : null;
  return (fullId) => ids.has(fullId) || (prefix !== null && fullId.startsWith(prefix));
}

function findIds(mounts: string, cgroup: string): string[] {
  // On the host itself, mountinfo also shows the mounts of other containers: only these three files are ours.
  const own = mounts.split("\n").filter((line) => / \/etc\/(hostname|hosts|resolv\.conf) /.test(line));
  const ids = own.map((line) => /\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf|userdata)/.exec(line)?.[1]);
  const groups = cgroup.split("\n").map((line) => /(?:\/|docker-|libpod-)([0-9a-f]{64})(?:\.scope)?(?:\/|$)/.exec(line)?.[1]);
  return [...ids, ...groups].filter((id) => id !== undefined);
}

async function readProc(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
