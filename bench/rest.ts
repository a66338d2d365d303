import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, quartiles } from "./statistics.ts";
import { token } from "./servers/sample.ts";

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 15);
const path = "/api/v1/admin/ops/containers";

interface Server {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(name: string, file: string, env: Record<string, string> = {}): Promise<Server> {
  const child = fork(join(import.meta.dirname, "servers", file), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: { ...process.env, ...env },
  });
  const exited = once(child, "exit").then(() => Promise.reject(new Error(`${name} ended`)));
  const [{ port }] = (await Promise.race([once(child, "message"), exited])) as [{ port: number }];
  return { name, child, port };
}

async function cpuOf({ child }: Server): Promise<number> {
  child.send("cpu");
  const [{ cpu }] = (await once(child, "message")) as [{ cpu: number }];
  return cpu;
}

/** CPU microseconds for each request, over one second of load from 8 connections. */
async function measure(server: Server): Promise<number> {
  const before = await cpuOf(server);
  const url = `http://127.0.0.1:${server.port}${path}`;
  const report = execFileSync("wrk", ["-t1", "-c8", "-d1s", "-H", `Authorization: Bearer ${token}`, url], { encoding: "utf8" });
  if (/Non-2xx|Socket errors/.test(report)) throw new Error(report);
  const requests = Number(/(\d+) requests in/.exec(report)?.[1]);
  return ((await cpuOf(server)) - before) / requests;
}

/** REST `/containers` of 20 rows, against the route written by hand. Interleaved; ratios of each round. */
export async function benchRest(): Promise<boolean> {
  const ours = await start("gateway", "gateway.ts");
  const bare = await start("fastify, bare", "fastify.ts");
  const full = await start("fastify, same duties", "fastify.ts", { FULL: "1" });
  try {
    const headers = { authorization: `Bearer ${token}` };
    const [mine, theirs] = await Promise.all(
      [ours, bare].map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).text()),
    );
    if (mine !== theirs) throw new Error(`the two servers answer different bodies:\n${mine}\n${theirs}`);
    const ratios: { bare: number[]; full: number[] } = { bare: [], full: [] };
    for (let round = -2; round < rounds; round += 1) {
      const order = round % 2 === 0 ? [ours, bare, full] : [full, bare, ours];
      const cost = new Map<Server, number>();
      for (const server of order) cost.set(server, await measure(server));
      if (round < 0) continue;
      const own = cost.get(ours) ?? Number.NaN;
      ratios.bare.push(own / (cost.get(bare) ?? Number.NaN));
      ratios.full.push(own / (cost.get(full) ?? Number.NaN));
      process.stdout.write(
        `  round ${round + 1}: ${[...cost].map(([{ name }, us]) => `${name} ${us.toFixed(1)} us`).join(", ")}\n`,
      );
    }
    process.stdout.write(`REST CPU per request / fastify, bare:        ${describe(ratios.bare)} (limit 1.3)\n`);
    process.stdout.write(`REST CPU per request / fastify, same duties: ${describe(ratios.full)}\n`);
    return quartiles(ratios.bare).median <= 1.3;
  } finally {
    for (const { child } of [ours, bare, full]) child.kill();
  }
}
