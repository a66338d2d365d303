import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { freePort } from "../../script/services/process.ts";
import type { ContainerStats } from "../../src/containers/container.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { createCgroupReader, toCpuV2 } from "../../src/containers/docker/stats/cgroup.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import {
  createContainer,
  pauseContainer,
  removeContainers,
  soon,
  startContainer,
} from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { token } from "../support/gateway.ts";
import { asker } from "../support/stats-sample.ts";

const socketPath = inject("dockerSocket");
let busy = "";
let idle = "";
let stopped = "";

/**
 * A tenth of a CPU, which it gets on a busy machine too, evenly; 24 MiB of 64, of which 8 are file
 * cache; 8 MiB written to its disk; a network of its own.
 */
const work =
  "dd if=/dev/zero of=/written bs=1M count=8 conv=fsync; x=$(head -c 8000000 /dev/zero | tr '\\0' 'x'); while :; do :; done";

beforeAll(async () => {
  const cmd = ["sh", "-c", work];
  busy = await startContainer(socketPath, {
    name: "statscheck-busy",
    cmd,
    memory: 64 << 20,
    cpu: 0.1,
    network: "bridge",
  });
  idle = await startContainer(socketPath, { name: "statscheck-idle", cmd: ["sleep", "600"] });
  stopped = await createContainer(socketPath, { name: "statscheck-stopped" });
  // The loop begins.
  await vi.waitUntil(async () => (await dockerStats(busy))[1] > 10, { timeout: 60_000 });
});

afterAll(() => removeContainers(socketPath, [busy, idle, stopped]));

function createSource(cgroupRoot: string | null) {
  const source = createContainerSource({
    engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
    rules: rulesOf("statscheck"),
    logger: silentLogger,
    cgroupRoot,
  });
  /** With its counters. */
  const measure = async (id: string) => {
    const [found] = await source.stats([{ engine: "web-1", fullId: id }], createSharedBudget(soon()));
    const { counters, ...stats } = (found ?? {}) as ContainerStats;
    return found ? { ...stats, ...(await counters(asker)) } : (null as never);
  };
  return { ...source, measure, [Symbol.asyncDispose]: () => source.close() };
}

type Measured = Awaited<ReturnType<ReturnType<typeof createSource>["measure"]>>;

/** What `docker stats --no-stream` prints: [cpu %, mem %]. */
async function dockerStats(id: string): Promise<[number, number]> {
  const args = ["-H", `unix://${socketPath}`, "stats", "--no-stream", "--format", "{{.CPUPerc}} {{.MemPerc}}", id];
  const { stdout } = await promisify(execFile)("docker", args);
  return stdout.trim().split(" ").map(Number.parseFloat) as [number, number];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Both ways to the same numbers. */
const ways = [
  { source: "cgroup", root: "/sys/fs/cgroup" },
  { source: "engine", root: null },
] as const;

describe.each(ways)("stats from the $source", ({ source: way, root }) => {
  test("agree with docker stats within 1 point; idle and stopped are known", async () => {
    await using source = createSource(root);
    const ours: number[] = [];
    const theirs: number[] = [];
    let last: Measured | null = null;
    for (let round = 0; round < 5; round += 1) {
      const [[cpu, mem]] = await Promise.all([dockerStats(busy), source.measure(busy)]);
      last = await source.measure(busy);
      ours.push(last.cpuPct ?? Number.NaN);
      theirs.push(cpu);
      expect(Math.abs((last.memPct ?? 0) - mem)).toBeLessThan(1);
      expect(Math.abs(Date.now() - Date.parse(last.sampledAt))).toBeLessThan(2000);
    }
    // Less than its limit where the machine is busy, far more than an idle one.
    expect(median(theirs)).toBeGreaterThan(2);
    // On a busy machine its own figures differ from each other: the load is as steady as they say.
    expect(median(ours)).toBeGreaterThan(Math.min(...theirs) - 1);
    expect(median(ours)).toBeLessThan(Math.max(...theirs) + 1);
    expect(last).toMatchObject({ source: way, memLimitBytes: 64 << 20 });
    expect(last?.memPct).toBeGreaterThan(10);
    expect(last?.cpuThrottledPeriods).toBeGreaterThan(100);
    expect(last?.cpuThrottledSeconds).toBeGreaterThan(1);
    expect(source.statsHistory({ engine: "web-1", fullId: busy }).length).toBeGreaterThan(1);
    const idleStats = await source.measure(idle);
    expect(idleStats.cpuPct).toBeLessThan(1);
    expect(idleStats).toMatchObject({ source: way, cpuPeriods: 0, networkReceiveBytes: null, pids: 1 });
    expect(await source.measure(stopped)).toBeNull();
    expect(await source.measure("0".repeat(64))).toBeNull();
  });

  test("of a restart under the sampler do not mix two lives", async () => {
    await using source = createSource(root);
    const cmd = ["sh", "-c", "while :; do :; done"];
    const id = await startContainer(socketPath, { name: `statscheck-restart-${way}`, cmd, cpu: 0.2 });
    try {
      await source.measure(id);
      const restarts = (async () => {
        for (let round = 0; round < 4; round += 1) {
          await sleep(900 + 170 * round);
          await callDocker(socketPath, "POST", `/containers/${id}/restart?t=0`);
        }
      })();
      const seen: (Measured | null)[] = [];
      const end = performance.now() + 7000;
      while (performance.now() < end) {
        seen.push(await source.measure(id));
        await sleep(20);
      }
      await restarts;
      // Null only where the restart fell between the two samples of an answer.
      const figures = seen.flatMap((stats) => (stats && stats.cpuPct !== null ? [stats.cpuPct] : []));
      expect(new Set(seen.map((stats) => stats?.sampledAt)).size).toBeGreaterThan(3);
      expect(figures.length).toBeGreaterThan(seen.length / 3);
      expect(Math.max(...figures)).toBeLessThan(27);
      // Low where a window ends between the death of its process and the end of its life, never
      // below nothing.
      expect(Math.min(...figures)).toBeGreaterThanOrEqual(0);
      const life = () => createCgroupReader().read(id)?.life;
      const before = life();
      expect(before).toBe(life());
      await callDocker(socketPath, "POST", `/containers/${id}/restart?t=0`);
      expect([undefined, before]).not.toContain(life());
    } finally {
      await removeContainers(socketPath, [id]);
    }
  });
});

test("both sources agree on a frozen container with the engine", async () => {
  await pauseContainer(socketPath, busy);
  try {
    await using cgroup = createSource("/sys/fs/cgroup");
    await using engine = createSource(null);
    const [a, b] = await Promise.all([cgroup.measure(busy), engine.measure(busy)]);
    expect([a.source, b.source]).toEqual(["cgroup", "engine"]);
    const { memUsedBytes, memPct, source, sampledAt, ...exact } = a;
    expect(b).toMatchObject(exact);
    // The kernel counts memory in batches for each CPU.
    expect(Math.abs((memUsedBytes ?? 0) - (b.memUsedBytes ?? 0))).toBeLessThan(1 << 20);
    expect(Math.abs((memPct ?? 0) - (b.memPct ?? 0))).toBeLessThan(2);
    expect(a.cpuPct).toBe(0);
    expect(a.networkReceiveBytes).toBeGreaterThanOrEqual(0);
    expect(a.blockWriteBytes).toBeGreaterThanOrEqual(0);
    expect(source).toBe("cgroup");
    expect(sampledAt).toMatch(/Z$/);
  } finally {
    await callDocker(socketPath, "POST", `/containers/${busy}/unpause`);
  }
});

test("cgroups mounted at another place give the engine's numbers", async () => {
  const root = mkdtempSync(join(inject("runFolder"), "cgroups-"));
  // As in the shipped container: the host's cgroups are mounted, its processes are not visible.
  const inside = (command: string) => [
    "--pid --fork --kill-child --mount-proc sh -c".split(" "),
    `mount --rbind /sys/fs/cgroup ${root} && exec ${process.execPath} src/cli.ts ${command}`,
  ];
  const port = await freePort();
  const set = {
    PORT: String(port),
    TOKEN: token,
    SERVICE: "statscheck",
    DOCKER_HOSTS: `web-1=unix://${socketPath}`,
    CGROUP_ROOT: root,
  };
  const env = Object.fromEntries(Object.entries(set).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value]));
  const options = { env: { PATH: process.env["PATH"] ?? "", ...env } };
  const { stdout } = await promisify(execFile)("unshare", inside("check").flat(), options).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toContain(`statistics: from ${root}, networks from the engine`);
  await pauseContainer(socketPath, busy);
  const gateway = spawn("unshare", inside("serve").flat(), options);
  try {
    await using engine = createSource(null);
    const fields = Object.keys(await engine.measure(busy)).join(" ");
    const ask = async () => {
      const body = JSON.stringify({
        query: `{ container(name: "statscheck-busy", includeAccessories: true) { stats { ${fields} } } }`,
      });
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const answer = await fetch(`http://127.0.0.1:${port}/graphql`, { method: "POST", headers, body }).catch(
        () => null,
      );
      return (
        ((await answer?.json()) as { data?: { container?: { stats?: Measured } } })?.data?.container?.stats ?? null
      );
    };
    await expect.poll(ask, { timeout: 30_000 }).not.toBeNull();
    const [a, b] = await Promise.all([ask(), engine.measure(busy)]);
    const { cpuPct, cpuThrottledSeconds, memLimitBytes, pids, blockWriteBytes, memUsedBytes, networkReceiveBytes } = b;
    expect(a).toMatchObject({ cpuPct, cpuThrottledSeconds, memLimitBytes, pids, blockWriteBytes });
    expect([a?.source, b.source].map((source) => source?.toLowerCase())).toEqual(["cgroup", "engine"]);
    expect(Math.abs((memUsedBytes ?? 0) - (a?.memUsedBytes ?? 0))).toBeLessThan(1 << 20);
    // Asked of the engine before, and at most 15 s old.
    expect(a?.networkReceiveBytes).toBeGreaterThan(0);
    expect(a?.networkReceiveBytes).toBeLessThanOrEqual(networkReceiveBytes ?? 0);
  } finally {
    // unshare itself ignores SIGTERM, and would outlive the tests.
    gateway.kill("SIGKILL");
    await callDocker(socketPath, "POST", `/containers/${busy}/unpause`);
  }
});

test("the kernel's own cgroup v2 files are read as v2", () => {
  // Hosts with cgroup v1 have the v2 hierarchy beside it, with the CPU time of every group.
  const roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
  const paths = roots.flatMap((root) =>
    [`docker/${idle}`, `system.slice/docker-${idle}.scope`].map((path) => join(root, path)),
  );
  const folder = paths.find((path) => existsSync(join(path, "cpu.stat"))) ?? "";
  const { cpuTotal } = toCpuV2(readFileSync(join(folder, "cpu.stat"), "utf8"));
  expect(cpuTotal).toBeGreaterThan(100_000);
  expect(cpuTotal).toBeLessThan(5e9);
});
