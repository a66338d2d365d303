import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CgroupUsage, figure, toMemDetail, toNumber, toRecord } from "./cgroup-text.ts";

/** The files of cgroup v1: a hierarchy for each controller, `path` the same in all. Throws when one cannot be read. */
export function readCgroupV1(root: string, path: string): CgroupUsage {
  const read = (controller: string, file: string) => readFileSync(join(root, controller, path, file), "utf8");
  const cpuTotal = toNumber(read("cpuacct", "cpuacct.usage"));
  const cpu = toRecord(read("cpu", "cpu.stat"));
  return {
    cpuTotal,
    throttling: {
      periods: figure(cpu, "nr_periods"),
      throttledPeriods: figure(cpu, "nr_throttled"),
      throttledNanoseconds: figure(cpu, "throttled_time"),
    },
    memUsage: toNumber(read("memory", "memory.usage_in_bytes")),
    memLimit: toNumber(read("memory", "memory.limit_in_bytes")),
    memDetail: toMemDetail(read("memory", "memory.stat")),
    pids: toNumber(read("pids", "pids.current")),
    blockIo: toBlockIo(join(root, "blkio", path)),
  };
}

/** The scheduler's own count where it has one, else what passed the throttling layer (containerd's order). Lines of "8:0 Read 4096". */
function toBlockIo(folder: string): CgroupUsage["blockIo"] {
  const files = ["blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"];
  const texts = files.map((file) => join(folder, file)).map((file) => (existsSync(file) ? readFileSync(file, "utf8") : ""));
  const text = texts.find((candidate) => /^\d+:\d+ /m.test(candidate)) ?? "";
  const of = (operation: string) =>
    [...text.matchAll(/^\d+:\d+ (\w+) (\d+)$/gm)].reduce(
      (sum, [, op, bytes]) => (op === operation ? sum + Number(bytes) : sum),
      0,
    );
  return { read: of("Read"), written: of("Write") };
}
