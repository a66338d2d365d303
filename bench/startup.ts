import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, spawnOwn } from "../script/services/process.ts";
import { token } from "./servers/sample.ts";
import { shippedCommand } from "./shipped.ts";
import { describe, quartiles } from "./statistics.ts";

const runs = Number(process.env["BENCH_STARTS"] ?? 9);
interface Way {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Measured {
  readonly name: string;
  readonly startMs: readonly number[];
  readonly rssMb: readonly number[];
}

const limits = { startMs: 250, rssMb: 105 };

/**
 * Starts a gateway and measures the time to its first authorised answer, then its memory at rest.
 */
async function measureStart({ args, env: mode }: Way, folder: string): Promise<{ startMs: number; rssMb: number }> {
  const port = await freePort();
  const env = {
    ...mode,
    PATH: process.env["PATH"] ?? "",
    WALLET_CORE_OPS_PORT: String(port),
    WALLET_CORE_OPS_TOKEN: token,
    WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
    WALLET_CORE_OPS_AUDIT_FILE: join(folder, "audit.jsonl"),
  };
  const begin = performance.now();
  const child = spawnOwn(process.execPath, [...args], { env, stdio: ["ignore", "ignore", "inherit"] });
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

/**
 * Start-up to the first authorised answer, and memory at rest: of the bundle, and for comparison of
 * the sources.
 */
export async function benchStartup(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
  writeFileSync(
    join(folder, "deploy_info.json"),
    '{"current_tag":"a","previous_tag":"b","commit_sha":"c","deployed_by":"d","deployed_at":"2026-01-10T13:15:00Z"}',
  );
  const shipped = await measure({ name: "bundle (image, npm start)", ...shippedCommand() }, folder);
  const sources = await measure({ name: "sources (npm run dev)", args: ["src/cli.ts", "serve"], env: {} }, folder);
  rmSync(folder, { recursive: true });
  const [start, rss] = [`limit ${limits.startMs}`, `limit ${limits.rssMb}`];
  report(shipped, start, rss);
  report(sources, "no limit", "no limit");
  return quartiles(shipped.startMs).median < limits.startMs && quartiles(shipped.rssMb).median < limits.rssMb;
}

async function measure(way: Way, folder: string): Promise<Measured> {
  const all = [];
  for (let run = -1; run < runs; run += 1) all.push(await measureStart(way, folder));
  // The first run fills the compile cache.
  const measured = all.slice(1);
  return { name: way.name, startMs: measured.map(({ startMs }) => startMs), rssMb: measured.map(({ rssMb }) => rssMb) };
}

function report({ name, startMs, rssMb }: Measured, startLimit: string, rssLimit: string): void {
  process.stdout.write(`${name}: first answer after ${describe(startMs)} ms (${startLimit}), `);
  process.stdout.write(`at rest ${describe(rssMb)} MB (${rssLimit})\n`);
}
