import type { StatsSample } from "../../domain/stats.ts";

/** What the files of a cgroup tell of a container's use. */
export type CgroupUsage = Pick<StatsSample, "throttling" | "memUsage" | "memDetail" | "pids" | "blockIo"> & {
  readonly cpuTotal: number;
  /** Infinity without a limit. */
  readonly memLimit: number;
};

/** A file that holds one number, or "max" for no limit. Throws when it is none. */
export function toNumber(text: string): number {
  const word = text.trim();
  if (word === "max") return Number.POSITIVE_INFINITY;
  if (!/^\d+$/.test(word)) throw new TypeError("Not a number");
  return Number(word);
}

/** The lines of memory.stat that count: the file has 40 others, which cost more to parse than all else to read. */
export function toMemDetail(text: string): Record<string, number> {
  return toRecord([...text.matchAll(/^(?:total_)?inactive_file \d+$/gm)].join("\n"));
}

/** Lines of "key number". */
export function toRecord(text: string): Record<string, number> {
  const pairs = [...text.matchAll(/^(\S+) (\d+)$/gm)].map(([, key = "", value]) => [key, Number(value)] as const);
  return Object.fromEntries(pairs);
}

/** The figure of a key; throws when the file has none. */
export function figure(record: Readonly<Record<string, number>>, key: string): number {
  const value = record[key];
  if (value === undefined) throw new TypeError(`No ${key}`);
  return value;
}

/** The kernel counts CPU time in hundredths of a second for its users, whatever its own clock (USER_HZ). */
const nanosecondsPerTick = 10_000_000;

/**
 * CPU time of the host from /proc/stat as Docker counts it (moby daemon/stats_unix.go): user, nice, system, idle, iowait, irq and
 * softirq, without what other guests stole.
 */
export function toHostCpu(text: string): { readonly cpuSystem: number; readonly onlineCpus: number } {
  const fields = /^cpu +(.*)$/m.exec(text)?.[1]?.split(" ").slice(0, 7).map(Number) ?? [];
  const ticks = fields.reduce((total, field) => total + field, 0);
  return { cpuSystem: ticks * nanosecondsPerTick, onlineCpus: text.match(/^cpu\d+ /gm)?.length ?? 0 };
}
