import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../script/services/process.ts";
import { token } from "./servers/sample.ts";
import { describe, quartiles } from "./statistics.ts";

const runs = Number(process.env["BENCH_STARTS"] ?? 9);
const limits = { startMs: 600, rssMb: 130 };

/** Spawns the command as `npm start` does and measures until its first authorised answer, then its memory at rest. */
async function measureStart(command: readonly string[], folder: string): Promise<{ startMs: number; rssMb: number }> {
  const port = await freePort();
  const env = {
    PATH: process.env["PATH"] ?? "",
    WALLET_CORE_OPS_PORT: String(port),
    WALLET_CORE_OPS_TOKEN: token,
    WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
    WALLET_CORE_OPS_AUDIT_FILE: join(folder, "audit.jsonl"),
  };
  const begin = performance.now();
  const child = spawn(process.execPath, [...command, "serve"], { env, stdio: ["ignore", "ignore", "inherit"] });
  try {
    while (!(await isAnswered(port))) {
      if (child.exitCode !== null || performance.now() - begin > 10_000) throw new Error("the gateway did not start");
      await sleep(3);
    }
    const startMs = performance.now() - begin;
    await sleep(1500);
    const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
    return { startMs, rssMb: Number(rss) / 1024 };
  } finally {
    child.kill("SIGKILL");
  }
}

function isAnswered(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}` };
    request({ host: "127.0.0.1", port, path: "/api/v1/admin/ops/deploy-info", headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .once("error", () => resolve(false))
      .end();
  });
}

/** Start-up to the first authorised answer, and memory at rest: from the sources (`npm start`) and from the bundle (the image). */
export async function benchStartup(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
  writeFileSync(
    join(folder, "deploy_info.json"),
    '{"current_tag":"a","previous_tag":"b","commit_sha":"c","deployed_by":"d","deployed_at":"2026-01-10T13:15:00Z"}',
  );
  const ways = [
    { name: "sources (npm start)", command: ["src/cli.ts"] },
    { name: "bundle (image)", command: ["dist/cli.cjs"] },
  ].filter(({ command }) => existsSync(command[0] ?? ""));
  try {
    const results = ways.map((way) => ({ ...way, startMs: [] as number[], rssMb: [] as number[] }));
    for (let run = -1; run < runs; run += 1) {
      for (const result of results) {
        const { startMs, rssMb } = await measureStart(result.command, folder);
        if (run < 0) continue;
        result.startMs.push(startMs);
        result.rssMb.push(rssMb);
      }
    }
    for (const { name, startMs, rssMb } of results) {
      process.stdout.write(`${name}: first answer after ${describe(startMs)} ms (limit ${limits.startMs}), `);
      process.stdout.write(`at rest ${describe(rssMb)} MB (limit ${limits.rssMb})\n`);
    }
    return results.every(({ startMs, rssMb }) => {
      return quartiles(startMs).median < limits.startMs && quartiles(rssMb).median < limits.rssMb;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
