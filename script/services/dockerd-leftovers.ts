import { randomInt } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { runProgram } from "./process.ts";

/** Creates a bridge with an unused private subnet; null without `ip` or the right to. */
export async function createBridge(): Promise<string | null> {
  const name = `ops${randomInt(0x10000000).toString(36)}`;
  try {
    const taken = await runProgram("ip", ["-4", "-o", "addr"]);
    const free = Array.from({ length: 50 }, () => `10.${randomInt(200, 255)}.${randomInt(255)}.`).find(
      (subnet) => !taken.includes(` ${subnet}`),
    );
    if (!free) return null;
    await runProgram("ip", ["link", "add", name, "type", "bridge"]);
    await runProgram("ip", ["addr", "add", `${free}1/24`, "dev", name]);
    await runProgram("ip", ["link", "set", name, "up"]);
    return name;
  } catch {
    await removeBridge(name);
    return null;
  }
}

export async function removeBridge(name: string): Promise<void> {
  try {
    await runProgram("ip", ["link", "del", name], { isCleanUp: true, timeoutMs: 5000 });
  } catch {
    // It was never created.
  }
}

/**
 * Ends what a killed dockerd left: its containerd, its shims and proxies (recognised by our folder
 * in their command line) and the processes of its containers (children of the shims).
 */
export async function killLeftovers(runDir: string): Promise<void> {
  const found = new Set<number>();
  const processes = readProcesses();
  for (const { pid, command } of processes) if (pid !== process.pid && command.includes(`${runDir}/x/`)) found.add(pid);
  for (let grown = -1; grown < found.size;) {
    grown = found.size;
    for (const { pid, parent } of processes) if (found.has(parent)) found.add(pid);
  }
  for (const pid of found) kill(pid);
  for (let round = 0; round < 40 && [...found].some(isAlive); round++) await sleep(50);
}

function readProcesses(): { pid: number; parent: number; command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]), command }];
      } catch {
        return [];
      }
    });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function isAlive(pid: number): boolean {
  try {
    // A zombie of another parent counts as ended.
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

/** dockerd leaves the mount of its default network namespace, and all others when it was killed. */
export async function unmountBelow(folders: readonly string[]): Promise<void> {
  const points = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => folders.some((folder) => point.startsWith(`${folder}/`)));
  for (const point of points.toReversed()) await runProgram("umount", ["-l", point], { isCleanUp: true });
}
