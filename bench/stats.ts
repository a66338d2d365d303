import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDockerd } from "../script/services/dockerd.ts";
import { runProgram } from "../script/services/process.ts";
import { createSharedBudget } from "../src/lib/budget/budget.ts";
import { createContainerSource } from "../src/containers/docker/source.ts";
import type { ContainerSource } from "../src/containers/source.ts";
import { silentLogger } from "../src/lib/logger.ts";
import { removeContainers, startContainer } from "../test/support/docker-containers.ts";
import { rulesOf } from "../test/support/docker-facts.ts";
import { describe, quartiles } from "./statistics.ts";
import { measureIdle } from "./stats-idle.ts";
import { measureRest } from "./stats-rest.ts";

const rounds = Number(process.env["BENCH_STATS_ROUNDS"] ?? 5);
const limits = { cold: 1 / 4, warm: 1 / 1000, ageMs: 2000, idlePct: 0.5, heldPct: 1 };

async function time(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

/** All calls of the source for one `/containers?include_stats=true`. */
async function ask(source: ContainerSource): Promise<(Date | null)[]> {
  const signal = AbortSignal.timeout(10_000);
  const { containers } = await source.list(signal);
  const stats = await source.stats(containers, createSharedBudget(signal));
  return stats.map((one) => {
    if (one instanceof Error) throw one;
    if (!one || one.cpuPct === null) throw new Error("a container without statistics");
    return new Date(one.sampledAt);
  });
}

/**
 * Cold (the first call of a new source), warm for two seconds, and the oldest sample that a caller
 * got.
 */
async function measureSource(socketPath: string, cgroupRoot: string | null) {
  const source = createContainerSource({
    engines: [{ name: "bench", env: null, address: { kind: "unix", socketPath } }],
    rules: rulesOf("bench"),
    logger: silentLogger,
    cgroupRoot,
  });
  try {
    const cold = await time(() => ask(source));
    const warm: number[] = [];
    let ageMs = 0;
    for (const end = performance.now() + 4000; performance.now() < end; await sleep(10)) {
      let sampled: (Date | null)[] = [];
      warm.push(await time(async () => (sampled = await ask(source))));
      ageMs = Math.max(ageMs, ...sampled.map((at) => Date.now() - Number(at)));
    }
    return { cold, warm: quartiles(warm).median, ageMs };
  } finally {
    await source.close();
  }
}

/**
 * One answer with the statistics of 50 real containers, from cgroup files and from the engine,
 * compared with `docker stats --no-stream`.
 */
export async function benchStats(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
  const dockerd = await startDockerd(join(folder, "docker"));
  const { socketPath } = dockerd;
  try {
    const labels = { service: "bench", role: "web" };
    const start = (n: number) => startContainer(socketPath, { name: `bench-web-${n}`, labels, cmd: ["sleep", "3600"] });
    const ids: string[] = [];
    for (let n = 0; n < 50; n += 5) ids.push(...(await Promise.all([0, 1, 2, 3, 4].map((more) => start(n + more)))));
    const ways = [
      { name: "cgroup", root: "/sys/fs/cgroup", cold: [] as number[], warm: [] as number[], ages: [] as number[] },
      { name: "engine", root: null, cold: [] as number[], warm: [] as number[], ages: [] as number[] },
    ];
    const cli: number[] = [];
    // Round -1 loads modules and fills caches.
    for (let round = -1; round < rounds; round += 1) {
      const ms = await time(() => runProgram("docker", ["-H", `unix://${socketPath}`, "stats", "--no-stream"]));
      if (round >= 0) cli.push(ms);
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
        const { cold, warm, ageMs } = await measureSource(socketPath, way.root);
        if (round < 0) continue;
        way.cold.push(cold / ms);
        way.warm.push(warm / ms);
        way.ages.push(ageMs);
      }
    }
    process.stdout.write(`docker stats --no-stream, 50 containers: ${describe(cli)} ms\n`);
    for (const { name, cold, warm, ages } of ways) {
      process.stdout.write(`stats (${name}) cold / docker stats:        ${describe(cold)} (limit ${limits.cold})\n`);
      process.stdout.write(
        `stats (${name}) docker stats / warm p50:    ${describe(warm.map((ratio) => 1 / ratio))} (at least 1000)\n`,
      );
      process.stdout.write(
        `stats (${name}) oldest sample seen:         ${Math.round(Math.max(...ages))} ms (limit ${limits.ageMs})\n`,
      );
    }
    const { warmMs, heldPct } = await measureRest(socketPath);
    const rest = quartiles(cli).median / warmMs;
    process.stdout.write(
      `stats (REST) docker stats / warm p50:      ${rest.toFixed(0)} (at least ${1 / limits.warm})\n`,
    );
    process.stdout.write(
      `stats (REST) asked each second:            ${heldPct.toFixed(2)} % of a core (limit ${limits.heldPct})\n`,
    );
    await removeContainers(socketPath, ids.slice(20));
    const idle = await measureIdle(socketPath);
    process.stdout.write(
      `idle, 20 containers, lease over: ${idle.cpuPct.toFixed(2)} % of a core (limit ${limits.idlePct}), `,
    );
    process.stdout.write(`${idle.statsCalls} stats calls (limit 0)\n`);
    const fast = ways.every(({ cold, warm, ages }) => {
      const inTime = quartiles(cold).median <= limits.cold && quartiles(warm).median <= limits.warm;
      return inTime && Math.max(...ages) <= limits.ageMs;
    });
    const isRestFast = rest >= 1 / limits.warm && heldPct <= limits.heldPct;
    return fast && isRestFast && idle.cpuPct < limits.idlePct && idle.statsCalls === 0;
  } finally {
    await dockerd.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
