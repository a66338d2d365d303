import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { hasSamples } from "../../script/services/prometheus.ts";
import { until } from "./until.ts";

/** A process that is stopped (SIGSTOP) until disposed: it accepts connections and never answers. */
export function freeze(pid: number): Disposable {
  process.kill(pid, "SIGSTOP");
  // Threads stop one by one; until the last has stopped, it may still answer.
  while (readdirSync(`/proc/${pid}/task`).some((thread) => !isStopped(`/proc/${pid}/task/${thread}/stat`))) {}
  return { [Symbol.dispose]: () => void process.kill(pid, "SIGCONT") };
}

function isStopped(stat: string): boolean {
  return / T /.test(readFileSync(stat, "utf8").replace(/.*\)/s, ""));
}

/** Waits until an expression has a result; rejects after 15 s. */
export async function untilSamples(url: string, query: string): Promise<void> {
  await until(() => hasSamples(url, query).catch(() => false), 15_000);
}

/** This machine's memory in use, 0..1, by the kernel's own numbers. */
export function memoryInUse(meminfo: string): number {
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(meminfo)?.[1]);
  return 1 - field("MemAvailable") / field("MemTotal");
}

/** The root file system by `df`: total bytes, and bytes that a user may still write. */
export function rootFileSystem(): { size: number; available: number } {
  const [, line = ""] = execFileSync("df", ["-B1", "--output=size,avail", "/"], { encoding: "utf8" }).split("\n");
  const [size = 0, available = 0] = line.trim().split(/\s+/).map(Number);
  return { size, available };
}
