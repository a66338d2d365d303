import { existsSync, readFileSync, statSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import type { StatsSample } from "../../domain/stats.ts";
import { readCgroupV1 } from "./cgroup-v1.ts";
import { readCgroupV2 } from "./cgroup-v2.ts";
import { readNetwork } from "./cgroup-network.ts";
import { toHostCpu } from "./cgroup-text.ts";

export interface CgroupReader {
  /** A sample from the cgroup of a container of this machine; null when it is not here, or not all of it can be read. */
  read(fullId: string): StatsSample | null;
}

interface CgroupReaderOptions {
  /** @default "/sys/fs/cgroup" */
  readonly root?: string | undefined;
  /** @default "/proc" */
  readonly proc?: string;
}

/** Where Docker and Podman put a container below the root of a hierarchy: their drivers cgroupfs and systemd (crun: one level deeper). */
const layouts = [
  (id: string) => `docker/${id}`,
  (id: string) => `system.slice/docker-${id}.scope`,
  (id: string) => `machine.slice/libpod-${id}.scope/container`,
  (id: string) => `machine.slice/libpod-${id}.scope`,
  (id: string) => `libpod_parent/libpod-${id}`,
];

/**
 * Reads what the engine itself would read, without it: the files of cgroup v1 or v2. Nothing is configured: a folder named by the full
 * id can only be that container, however its engine is reached. What cannot be read in full is left to the engine, as on
 * macOS, inside a container, below another cgroup parent, or without the right to see the container's network.
 */
export function createCgroupReader({ root = "/sys/fs/cgroup", proc = "/proc" }: CgroupReaderOptions = {}): CgroupReader {
  const isV2 = existsSync(join(root, "cgroup.controllers"));
  const readUsage = isV2 ? readCgroupV2 : readCgroupV1;
  // The hierarchy that the folder of a container is looked for in, and its processes.
  const first = isV2 ? root : join(root, "cpuacct");

  const readAt = (path: string, fullId: string): StatsSample | null => {
    const life = identify(join(first, path));
    const host = toHostCpu(readFileSync(join(proc, "stat"), "utf8"));
    const readAtTime = new Date().toISOString();
    const usage = readUsage(root, path);
    const network = readNetwork(proc, readFileSync(join(first, path, "cgroup.procs"), "utf8"), fullId);
    // The folder is made anew at each start: when it is still the same one, all of this was of one life.
    if (network === null || identify(join(first, path)) !== life) return null;
    const memLimit = Math.min(usage.memLimit, totalmem());
    return { source: "cgroup", life: `cgroup ${life}`, readAt: readAtTime, ...host, ...usage, memLimit, ...network };
  };
  return {
    read(fullId) {
      for (const layout of layouts) {
        try {
          const sample = readAt(layout(fullId), fullId);
          if (sample) return sample;
        } catch {
          // Not there, gone meanwhile, or not for us: the engine knows.
        }
      }
      return null;
    },
  };
}

/** Kernfs never gives an inode number twice. */
function identify(folder: string): string {
  return String(statSync(folder, { bigint: true }).ino);
}
