import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, expect, inject, test } from "vitest";
import type { ContainerStats } from "../../src/domain/container.ts";
import { silentLogger } from "../../src/logger.ts";
import { createContainerSource } from "../../src/upstreams/docker/source.ts";
import { createContainer, removeContainers, soon, startContainer } from "../support/docker-containers.ts";

const socketPath = inject("dockerSocket");
const source = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
  service: "statscheck",
  logger: silentLogger,
});
const ids: string[] = [];

afterAll(async () => {
  await source.close();
  await removeContainers(socketPath, ids);
});

/** What `docker stats --no-stream` prints: [cpu %, mem %]. */
async function dockerStats(id: string): Promise<[number, number]> {
  const args = ["-H", `unix://${socketPath}`, "stats", "--no-stream", "--format", "{{.CPUPerc}} {{.MemPerc}}", id];
  const { stdout } = await promisify(execFile)("docker", args);
  return stdout.trim().split(" ").map(Number.parseFloat) as [number, number];
}

test("agrees with docker stats on a busy container, and knows idle and stopped ones", async () => {
  // Holds 24 MiB of 64, of which 8 are file cache or tmpfs, and works about a fifth of the time.
  const cmd =
    "x=$(head -c 8000000 /dev/zero | tr '\\0' 'x'); while :; do n=0; while [ $n -lt 20000 ]; do n=$((n+1)); done; sleep 0.1; done";
  const busy = await startContainer(socketPath, { name: "statscheck-busy", cmd: ["sh", "-c", cmd], memory: 64 << 20 });
  const idle = await startContainer(socketPath, { name: "statscheck-idle", cmd: ["sleep", "600"] });
  const stopped = await createContainer(socketPath, { name: "statscheck-stopped" });
  ids.push(busy, idle, stopped);
  // The loop settles.
  await dockerStats(busy);

  const refs = [busy, idle, stopped, "0".repeat(64)].map((fullId) => ({ engine: "web-1", fullId }));
  const [[cliCpu, cliMem], stats] = await Promise.all([dockerStats(busy), source.stats(refs, soon())]);
  const [ours, idleStats] = stats as [ContainerStats, ContainerStats];

  expect(ours.cpuPct).toBeGreaterThan(5);
  expect(Math.abs((ours.cpuPct ?? 0) - cliCpu)).toBeLessThan(Math.max(10, cliCpu * 0.35));
  expect(ours.memPct).toBeGreaterThan(5);
  expect(Math.abs((ours.memPct ?? 0) - cliMem)).toBeLessThan(3);
  expect(ours.memLimitBytes).toBe(64 << 20);
  expect(ours.pids).toBeGreaterThan(0);
  expect(idleStats.cpuPct).toBeLessThan(1);
  expect(stats.slice(2)).toEqual([null, null]);
});

test("measures many containers in about one window, and joins concurrent callers", async () => {
  const refs = ids.slice(0, 2).map((fullId) => ({ engine: "web-1", fullId }));
  const start = performance.now();
  const [a, b] = await Promise.all([source.stats(refs, soon()), source.stats(refs, soon())]);
  expect(performance.now() - start).toBeLessThan(2000);
  expect(a).toEqual(b);
});
