import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { forkOwn, freePort, spawnOwn } from "../script/services/process.ts";
import { shippedCommand } from "./shipped.ts";
import { token } from "./servers/sample.ts";

const engines = 100;
const perEngine = 50;
/** Duration of the measurement, seconds: two lists of each engine. */
const seconds = Number(process.env["BENCH_IDLE_SECONDS"] ?? 60);
const limits = { share: 5, megabytes: 300 };

/** The built gateway, watching the engines at these sockets. */
function startGateway(sockets: readonly string[], port: number, folder: string): ChildProcess {
  const env = {
    PATH: process.env["PATH"] ?? "",
    WALLET_CORE_OPS_PORT: String(port),
    WALLET_CORE_OPS_TOKEN: token,
    WALLET_CORE_OPS_DOCKER_HOSTS: sockets.map((path, index) => `web-${index}=unix://${path}`).join(","),
    WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
    WALLET_CORE_OPS_AUDIT_FILE: join(folder, "audit.jsonl"),
  };
  const shipped = shippedCommand();
  return spawnOwn(process.execPath, shipped.args, {
    env: { ...env, ...shipped.env },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

async function countContainers(port: number): Promise<number> {
  const url = `http://127.0.0.1:${port}/api/v1/admin/ops/containers`;
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(url, { headers }).catch(() => null);
  return response?.ok ? ((await response.json()) as unknown[]).length : 0;
}

/** CPU seconds so far (in ticks of 10 ms) and resident megabytes, as Linux counts them. */
function readCost(pid: number): { readonly cpu: number; readonly megabytes: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, megabytes: Number(resident) / 1024 };
}

/** 100 simulated engines with 50 containers each, idle: under 300 MB and 5 % of a core. */
export async function benchInventory(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-inventory-"));
  const simulated = forkOwn(join(import.meta.dirname, "servers/engines.ts"), [String(engines), String(perEngine)]);
  const [{ sockets }] = (await once(simulated, "message")) as [{ sockets: string[] }];
  const port = await freePort();
  const gateway = startGateway(sockets, port, folder);
  try {
    for (let left = 100; (await countContainers(port)) !== engines * perEngine; left--) {
      if (left === 0) throw new Error("the gateway does not show all containers");
      await sleep(200);
    }
    // Time for the inspections that the first answer did not wait for.
    await sleep(5000);
    const before = readCost(gateway.pid as number);
    await sleep(seconds * 1000);
    const { cpu, megabytes } = readCost(gateway.pid as number);
    const share = ((cpu - before.cpu) / seconds) * 100;
    const isGood = share < limits.share && megabytes < limits.megabytes;
    console.log(
      `inventory, ${engines} x ${perEngine} containers at rest: ${share.toFixed(2)} % of a core over ${seconds} s ` +
        `(limit ${limits.share}), ${megabytes.toFixed(0)} MB (limit ${limits.megabytes})${isGood ? "" : "  MISSED"}`,
    );
    return isGood;
  } finally {
    gateway.kill();
    simulated.disconnect();
    await once(gateway, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
}
