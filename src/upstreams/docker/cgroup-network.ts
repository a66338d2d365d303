import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { StatsSample } from "../../domain/stats.ts";

/**
 * Bytes of a container's networks as its first process sees them; `{ network: null }` for one with none of its own. Null when that cannot
 * be told: no process here, or one of another container (the numbers are of another pid namespace).
 */
export function readNetwork(proc: string, processes: string, fullId: string): Pick<StatsSample, "network"> | null {
  const pid = /^[1-9]\d*$/m.exec(processes)?.[0];
  if (!pid || !readFileSync(join(proc, pid, "cgroup"), "utf8").includes(fullId)) return null;
  const namespace = (process: string) => readlinkSync(join(proc, process, "ns/net"));
  // A gateway that sees the host's processes and cgroups runs on the host, with the host's network.
  if (namespace(pid) === namespace("self")) return { network: null };
  return { network: toNetwork(readFileSync(join(proc, pid, "net/dev"), "utf8")) };
}

/** /proc/PID/net/dev: two lines of heading, then "eth0: received 7 more sent 7 more". */
function toNetwork(text: string): StatsSample["network"] {
  const rows = [...text.matchAll(/^\s*([^\s:]+):\s*(.*)$/gm)].filter(([, name]) => name !== "lo");
  if (rows.length === 0) return null;
  const sum = (column: number) => rows.reduce((total, [, , row = ""]) => total + Number(row.split(/\s+/)[column]), 0);
  return { received: sum(0), sent: sum(8) };
}
