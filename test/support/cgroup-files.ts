import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/**
 * A folder with `sys` and `proc` in it, as a kernel would show them; a file that is null is left
 * out.
 */
export interface CgroupFiles extends Disposable {
  readonly root: string;
  readonly proc: string;
  write(files: Readonly<Record<string, string | null>>): void;
}

/**
 * The host's side: CPU time of two CPUs, our own network, and one process (4711) of the container
 * with a network of its own.
 */
export function createCgroupFiles(cgroupLine: string): CgroupFiles {
  const folder = mkdtempSync(join(tmpdir(), "ops-cgroup-"));
  const write: CgroupFiles["write"] = (files) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      if (text !== null) writeFileSync(join(folder, path), text);
    }
  };
  write({
    "proc/stat":
      "cpu  100 20 30 800 40 5 5 77 0 0\ncpu0 50 10 15 400 20 3 2 40 0 0\ncpu1 50 10 15 400 20 2 3 37 0 0\nintr 5\n",
    "proc/4711/cgroup": cgroupLine,
    "proc/4711/net/dev": netDev,
    "proc/4711/ns/.keep": "",
    "proc/self/ns/.keep": "",
  });
  symlinkSync("net:[2]", join(folder, "proc/4711/ns/net"));
  symlinkSync("net:[1]", join(folder, "proc/self/ns/net"));
  return {
    root: join(folder, "sys"),
    proc: join(folder, "proc"),
    write,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const netDev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    9999      9    0    0    0     0          0         0     9999       9    0    0    0     0       0          0
  eth0:    1000     10    0    0    0     0          0         0      200       2    0    0    0     0       0          0
  eth1:      30      1    0    0    0     0          0         0        4       1    0    0    0     0       0          0
`;

/** A container's folder of cgroup v2, as Linux 6 writes it. */
export function v2Files(path: string, change: Readonly<Record<string, string | null>> = {}) {
  const files = {
    "cgroup.procs": "4711\n4712\n",
    "cpu.stat":
      "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnr_periods 40\nnr_throttled 30\nthrottled_usec 2500000\nnr_bursts 0\n",
    "memory.current": "50000000\n",
    "memory.max": "100000000\n",
    "memory.stat":
      "anon 30000000\nfile 20000000\ninactive_anon 1\nactive_anon 2\ninactive_file 10000000\nactive_file 3\n",
    "pids.current": "2\n",
    "io.stat":
      "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n253:0 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n",
    ...change,
  };
  const found = Object.entries(files).map(([name, text]) => [`sys/${path}/${name}`, text] as const);
  return { "sys/cgroup.controllers": "cpuset cpu io memory pids\n", ...Object.fromEntries(found) };
}

/** The same container by cgroup v1. */
export function v1Files(path: string, change: Readonly<Record<string, string | null>> = {}) {
  const files = {
    "cpuacct/PATH/cgroup.procs": "4711\n4712\n",
    "cpuacct/PATH/cpuacct.usage": "1500000000\n",
    "cpu/PATH/cpu.stat": "nr_periods 40\nnr_throttled 30\nthrottled_time 2500000000\n",
    "memory/PATH/memory.usage_in_bytes": "50000000\n",
    "memory/PATH/memory.limit_in_bytes": "100000000\n",
    "memory/PATH/memory.stat":
      "cache 5\ninactive_file 7\nhierarchical_memory_limit 9\ntotal_cache 5\ntotal_inactive_file 10000000\n",
    "pids/PATH/pids.current": "2\n",
    "blkio/PATH/blkio.bfq.io_service_bytes_recursive": "Total 0\n",
    "blkio/PATH/blkio.throttle.io_service_bytes_recursive":
      "8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 12288\n8:0 Total 12288\n253:0 Read 1\n253:0 Write 2\nTotal 12291\n",
    ...change,
  };
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`sys/${name.replace("PATH", path)}`, text]));
}
