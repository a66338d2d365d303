import { existsSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import type { StatsCounters, StatsSample } from "../../stats/stats.ts";
import { createOpenFiles } from "./open-files.ts";

export interface CgroupReader {
  readonly root: string;
  /**
   * A sample from the cgroup of a container on this machine; null when it is not here, or cannot be
   * read completely.
   */
  read(fullId: string): CgroupSample | null;
  /** Why a container has no sample, for people. */
  explain(fullId: string): string;
}

export interface CgroupSample extends Omit<StatsSample, "counters"> {
  /**
   * What the same run of the container has counted by now; null when it has ended, or cannot be
   * read.
   */
  readonly readCounters: () => CgroupCounters | null;
}

/**
 * `network` is undefined where the container's processes are not visible: inside a container, or
 * without the right to see their network.
 */
export type CgroupCounters = Omit<StatsCounters, "network"> & {
  readonly network: StatsCounters["network"] | undefined;
};

interface CgroupReaderOptions {
  /** @default "/sys/fs/cgroup" */
  readonly root?: string | undefined;
  /** @default "/proc" */
  readonly proc?: string;
}

/**
 * Where Docker and Podman put a container below the root of a hierarchy: their drivers cgroupfs and
 * systemd (crun: one level deeper).
 */
const layouts = [
  (id: string) => `docker/${id}`,
  (id: string) => `system.slice/docker-${id}.scope`,
  (id: string) => `machine.slice/libpod-${id}.scope/container`,
  (id: string) => `machine.slice/libpod-${id}.scope`,
  (id: string) => `libpod_parent/libpod-${id}`,
];

/**
 * Reads the files of cgroup v1 or v2 directly, as the engine itself would. Needs no configuration:
 * a folder named by the full id can only be that container, however its engine is reached. Inside a
 * container `root` is where the host's /sys/fs/cgroup is mounted; /proc/stat is the host's there
 * too. What cannot be read completely is left to the engine: on macOS, or below another cgroup
 * parent.
 */
export function createCgroupReader({
  root = "/sys/fs/cgroup",
  proc = "/proc",
}: CgroupReaderOptions = {}): CgroupReader {
  const isV2 = existsSync(join(root, "cgroup.controllers"));
  const [readUsage, readOwnCounters] = isV2 ? [readUsageV2, readCountersV2] : [readUsageV1, readCountersV1];
  const readHostCpu = createHostCpu(proc);
  const files = createOpenFiles();
  const places = new LRUCache<string, Place>({ max: 5000 });
  // The hierarchy in which the container's folder and its processes are looked up.
  const first = isV2 ? root : join(root, "cpuacct");

  /** Throws where a file cannot be read. */
  const readCounters = (path: string, fullId: string, life: string): CgroupCounters | null => {
    const pid = toFirstProcess(readFileSync(join(first, path, "cgroup.procs"), "utf8"));
    const known = places.get(fullId);
    const kind = known?.life === life && known.pid === pid ? known.network : toNetworkKind(proc, pid, fullId);
    if (kind === null) return null;
    const network = kind === "own" ? toNetwork(readFileSync(join(proc, pid, "net/dev"), "utf8")) : networkOf[kind];
    const counters = { ...readOwnCounters(root, path), network };
    // Each start makes a new folder: if it is still the same one, all figures are from one life.
    if (identify(join(first, path)) !== life) return null;
    places.set(fullId, { path, life, pid, network: kind });
    return counters;
  };
  const readAt = (path: string, fullId: string): CgroupSample | null => {
    const life = identify(join(first, path));
    const host = readHostCpu();
    const readAtTime = new Date().toISOString();
    const usage = readUsage(root, path, (file) => files.read(file, life));
    // Once in each life: a container with files that cannot be read, or another's process, is left
    // to the engine.
    if (places.get(fullId)?.life !== life && readCounters(path, fullId, life) === null) return null;
    if (identify(join(first, path)) !== life) return null;
    return {
      source: "cgroup",
      life: `cgroup ${life}`,
      readAt: readAtTime,
      ...host,
      ...usage,
      memLimit: Math.min(usage.memLimit, totalmem()),
      readCounters() {
        try {
          return readCounters(path, fullId, life);
        } catch {
          return null;
        }
      },
    };
  };
  return {
    root,
    read(fullId) {
      const known = places.get(fullId)?.path;
      for (const layout of known === undefined ? layouts : [() => known, ...layouts]) {
        try {
          const sample = readAt(layout(fullId), fullId);
          if (sample) return sample;
        } catch {
          // Not there, gone meanwhile, or not readable: the engine has the figures.
        }
      }
      return null;
    },
    explain(fullId) {
      if (!isV2 && !existsSync(first)) return `${root} holds no cgroups, or they cannot be read`;
      const isHere = layouts.some((layout) => existsSync(join(first, layout(fullId))));
      return isHere ? `its cgroups in ${root} cannot be read` : `${root} holds none of its containers`;
    },
  };
}

/** Kernfs never reuses an inode number. */
function identify(folder: string): string {
  return String(statSync(folder, { bigint: true }).ino);
}

/**
 * What is known of a container, its network as long as it has the same life and the same first
 * process.
 */
interface Place {
  readonly path: string;
  readonly life: string;
  readonly pid: string;
  readonly network: NetworkKind;
}

/**
 * What the first process of a container shows of its network: one of its own, that of the host, or
 * nothing, as the kernel shows the processes of other pid namespaces as 0.
 */
type NetworkKind = "own" | "host" | "hidden";

const networkOf = { host: null, hidden: undefined } as const;

/** The first number in cgroup.procs; empty where no process is visible. */
function toFirstProcess(processes: string): string {
  return /^[1-9]\d*$/m.exec(processes)?.[0] ?? "";
}

/** Null for a process of another container. */
function toNetworkKind(proc: string, pid: string, fullId: string): NetworkKind | null {
  if (pid === "") return "hidden";
  if (!readFileSync(join(proc, pid, "cgroup"), "utf8").includes(fullId)) return null;
  const namespace = (process: string) => readlinkSync(join(proc, process, "ns/net"));
  try {
    // A gateway that sees the host's processes and cgroups runs on the host, with the host's
    // network.
    return namespace(pid) === namespace("self") ? "host" : "own";
  } catch (error) {
    // Only root sees the namespaces of other users' processes.
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    return "hidden";
  }
}

/** /proc/PID/net/dev: two heading lines, then "eth0: received 7 more sent 7 more". */
function toNetwork(text: string): StatsCounters["network"] {
  const rows = [...text.matchAll(/^\s*([^\s:]+):\s*(.*)$/gm)].filter(([, name]) => name !== "lo");
  if (rows.length === 0) return null;
  const sum = (column: number) => rows.reduce((total, [, , row = ""]) => total + Number(row.split(/\s+/)[column]), 0);
  return { received: sum(0), sent: sum(8) };
}

/** A container's usage by the files of its cgroup. */
type CgroupUsage = Pick<StatsSample, "memUsage" | "memDetail"> & {
  readonly cpuTotal: number;
  /** Infinity without a limit. */
  readonly memLimit: number;
};

/** What it counted, by the same folder. */
type OwnCounters = Omit<StatsCounters, "network">;

/** A file with one number, or "max" for no limit. Throws for other content. */
export function toNumber(text: string): number {
  const word = text.trim();
  if (word === "max") return Number.POSITIVE_INFINITY;
  if (!/^\d+$/.test(word)) throw new TypeError("Not a number");
  return Number(word);
}

/**
 * The lines of memory.stat that count: the other 40 would cost more to parse than everything else
 * to read.
 */
export function toMemDetail(text: string): Record<string, number> {
  return toPairs(text, /^((?:total_)?inactive_file) (\d+)$/gm);
}

/** Lines of "key number". */
export function toRecord(text: string): Record<string, number> {
  return toPairs(text, /^(\S+) (\d+)$/gm);
}

function toPairs(text: string, line: RegExp): Record<string, number> {
  return Object.fromEntries([...text.matchAll(line)].map(([, key = "", value]) => [key, Number(value)] as const));
}

/** The figure of a key; throws when it is missing. */
export function figure(record: Readonly<Record<string, number>>, key: string): number {
  const value = record[key];
  if (value === undefined) throw new TypeError(`No ${key}`);
  return value;
}

/** The kernel reports CPU time in hundredths of a second, whatever its own clock (USER_HZ). */
const nanosecondsPerTick = 10_000_000;

/**
 * CPU time of the host from /proc/stat as Docker counts it (moby daemon/stats_unix.go): user, nice,
 * system, idle, iowait, irq and softirq, without the time stolen by other guests.
 */
export function toHostCpu(text: string): { readonly cpuSystem: number; readonly onlineCpus: number } {
  const fields = /^cpu +(.*)$/m.exec(text)?.[1]?.split(" ").slice(0, 7).map(Number) ?? [];
  const ticks = fields.reduce((total, field) => total + field, 0);
  return { cpuSystem: ticks * nanosecondsPerTick, onlineCpus: text.match(/^cpu\d+ /gm)?.length ?? 0 };
}

/**
 * How long a reading of the host's CPU time serves further containers, ms: a small part of the
 * steps of 10 ms in which the kernel counts it.
 */
const hostCpuMs = 2;

function createHostCpu(proc: string): () => ReturnType<typeof toHostCpu> {
  let last: { readonly at: number; readonly found: ReturnType<typeof toHostCpu> } | null = null;
  return () => {
    const at = performance.now();
    if (!last || at - last.at >= hostCpuMs) last = { at, found: toHostCpu(readFileSync(join(proc, "stat"), "utf8")) };
    return last.found;
  };
}

/**
 * Files of cgroup v1: a hierarchy for each controller, `path` the same in all. Throws when one
 * cannot be read.
 */
function readUsageV1(root: string, path: string, readText: (file: string) => string): CgroupUsage {
  const read = (controller: string, file: string) => readText(`${root}/${controller}/${path}/${file}`);
  return {
    cpuTotal: toNumber(read("cpuacct", "cpuacct.usage")),
    memUsage: toNumber(read("memory", "memory.usage_in_bytes")),
    memLimit: toNumber(read("memory", "memory.limit_in_bytes")),
    memDetail: toMemDetail(read("memory", "memory.stat")),
  };
}

function readCountersV1(root: string, path: string): OwnCounters {
  const cpu = toRecord(readFileSync(`${root}/cpu/${path}/cpu.stat`, "utf8"));
  return {
    throttling: {
      periods: figure(cpu, "nr_periods"),
      throttledPeriods: figure(cpu, "nr_throttled"),
      throttledNanoseconds: figure(cpu, "throttled_time"),
    },
    pids: toNumber(readFileSync(`${root}/pids/${path}/pids.current`, "utf8")),
    blockIo: toBlockIoV1(`${root}/blkio/${path}`),
  };
}

/**
 * The scheduler's own count if there is one, else what passed the throttling layer (containerd's
 * order). Lines of "8:0 Read 4096".
 */
function toBlockIoV1(folder: string): OwnCounters["blockIo"] {
  const files = ["blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"];
  const text = files.map((file) => readIfThere(`${folder}/${file}`)).find((found) => /^\d+:\d+ /m.test(found)) ?? "";
  const of = (operation: string) =>
    [...text.matchAll(/^\d+:\d+ (\w+) (\d+)$/gm)].reduce(
      (sum, [, op, bytes]) => (op === operation ? sum + Number(bytes) : sum),
      0,
    );
  return { read: of("Read"), written: of("Write") };
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** Files of cgroup v2: one folder for all controllers. Throws when one cannot be read. */
function readUsageV2(root: string, path: string, readText: (file: string) => string): CgroupUsage {
  const read = (file: string) => readText(`${root}/${path}/${file}`);
  return {
    cpuTotal: toCpuV2(read("cpu.stat")).cpuTotal,
    memUsage: toNumber(read("memory.current")),
    memLimit: toNumber(read("memory.max")),
    memDetail: toMemDetail(read("memory.stat")),
  };
}

function readCountersV2(root: string, path: string): OwnCounters {
  const read = (file: string) => readFileSync(`${root}/${path}/${file}`, "utf8");
  return {
    throttling: toCpuV2(read("cpu.stat")).throttling,
    pids: toNumber(read("pids.current")),
    blockIo: toBlockIoV2(read("io.stat")),
  };
}

/** `cpu.stat`, in microseconds; without the cpu controller it has no throttling. */
export function toCpuV2(text: string): Pick<CgroupUsage, "cpuTotal"> & Pick<OwnCounters, "throttling"> {
  const cpu = toRecord(text);
  const throttling = {
    periods: cpu["nr_periods"] ?? 0,
    throttledPeriods: cpu["nr_throttled"] ?? 0,
    throttledNanoseconds: (cpu["throttled_usec"] ?? 0) * 1000,
  };
  return { cpuTotal: figure(cpu, "usage_usec") * 1000, throttling: "nr_periods" in cpu ? throttling : null };
}

/** Lines of "8:0 rbytes=90112 wbytes=0 rios=4 ...". */
function toBlockIoV2(text: string): OwnCounters["blockIo"] {
  const of = (key: string) =>
    [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, "g"))].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  return { read: of("rbytes"), written: of("wbytes") };
}
