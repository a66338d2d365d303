import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CgroupUsage, figure, toMemDetail, toNumber, toRecord } from "./cgroup-text.ts";

/** The files of cgroup v2: one folder for all controllers. Throws when one cannot be read. */
export function readCgroupV2(root: string, path: string): CgroupUsage {
  const read = (file: string) => readFileSync(join(root, path, file), "utf8");
  return {
    ...toCpuV2(read("cpu.stat")),
    memUsage: toNumber(read("memory.current")),
    memLimit: toNumber(read("memory.max")),
    memDetail: toMemDetail(read("memory.stat")),
    pids: toNumber(read("pids.current")),
    blockIo: toBlockIo(read("io.stat")),
  };
}

/** `cpu.stat`, in microseconds; without the cpu controller it has no throttling. */
export function toCpuV2(text: string): Pick<CgroupUsage, "cpuTotal" | "throttling"> {
  const cpu = toRecord(text);
  const throttling = {
    periods: cpu["nr_periods"] ?? 0,
    throttledPeriods: cpu["nr_throttled"] ?? 0,
    throttledNanoseconds: (cpu["throttled_usec"] ?? 0) * 1000,
  };
  return { cpuTotal: figure(cpu, "usage_usec") * 1000, throttling: "nr_periods" in cpu ? throttling : null };
}

/** Lines of "8:0 rbytes=90112 wbytes=0 rios=4 ...". */
function toBlockIo(text: string): CgroupUsage["blockIo"] {
  const of = (key: string) =>
    [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, "g"))].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  return { read: of("rbytes"), written: of("wbytes") };
}
