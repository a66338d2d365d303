import { setTimeout as sleep } from "node:timers/promises";
import { freePort, spawnOwn } from "../script/services/process.ts";
import { startRequestLog } from "../test/support/docker-request-log.ts";
import { readCpuMs } from "./cpu.ts";
import { token } from "./servers/sample.ts";

const seconds = 20;

/**
 * A gateway process that is asked once for the statistics of its containers, then idle: its CPU,
 * per cent of a core, and the stats calls to its engine, over 20 s after the lease of 60 s. Access
 * to cgroups does not matter, because nothing is read.
 */
export async function measureIdle(socketPath: string): Promise<{ cpuPct: number; statsCalls: number }> {
  await using log = await startRequestLog(socketPath);
  const port = await freePort();
  const env = {
    PATH: process.env["PATH"] ?? "",
    WALLET_CORE_OPS_PORT: String(port),
    WALLET_CORE_OPS_TOKEN: token,
    WALLET_CORE_OPS_SERVICE: "bench",
    WALLET_CORE_OPS_DOCKER_HOSTS: `bench=unix://${log.socketPath}`,
  };
  const child = spawnOwn(process.execPath, ["src/cli.ts", "serve"], { env, stdio: ["ignore", "ignore", "inherit"] });
  try {
    const rows = await askUntilAnswered(`http://127.0.0.1:${port}/api/v1/admin/ops/containers?include_stats=true`);
    if (rows !== 20) throw new Error(`the gateway shows ${rows} containers`);
    await sleep(63_000);
    const before = { cpuMs: readCpuMs(child.pid), calls: log.count("/stats") };
    await sleep(seconds * 1000);
    return {
      cpuPct: (readCpuMs(child.pid) - before.cpuMs) / 10 / seconds,
      statsCalls: log.count("/stats") - before.calls,
    };
  } finally {
    child.kill("SIGKILL");
  }
}

async function askUntilAnswered(url: string): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } }).catch(() => null);
    if (answer?.ok) return ((await answer.json()) as unknown[]).length;
    await sleep(50);
  }
  throw new Error("the gateway did not answer");
}
