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

/** Options of `npm start` and the image. */
const options = ["--max-semi-space-size=8"];

async function start(name: string, file: string, env: Record<string, string> = {}): Promise<Server> {
  const child = fork(join(import.meta.dirname, "servers", file), {
    execArgv: file === "gateway.ts" ? options : [],
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

/**
 * REST `/containers` of 20 rows, compared with a hand-written route over the same data in memory. Rounds are interleaved in rotating order,
 * with a ratio for each. The gateway is measured with an unchanged inventory and with new row objects each time; fastify is measured bare, and
 * with a token check, a log line and the security headers.
 */
export async function benchRest(): Promise<boolean> {
  const servers = {
    gateway: await start("gateway", "gateway.ts"),
    fresh: await start("gateway, new rows", "gateway.ts", { FRESH: "rows" }),
    bare: await start("fastify, bare", "fastify.ts"),
    full: await start("fastify, same duties", "fastify.ts", { FULL: "1" }),
  };
  const all = Object.values(servers);
  try {
    const headers = { authorization: `Bearer ${token}` };
    const bodies = all.map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).text());
    if (new Set(await Promise.all(bodies)).size !== 1) throw new Error("the servers answer different bodies");
    const costs = new Map(all.map((server) => [server, [] as number[]]));
    for (let round = -2; round < rounds; round += 1) {
      for (const server of round % 2 === 0 ? all : all.toReversed()) {
        const cost = await measure(server);
        if (round >= 0) costs.get(server)?.push(cost);
      }
    }
    for (const [{ name }, us] of costs) process.stdout.write(`  ${name}: ${describe(us)} us CPU per request\n`);
    const ratios = (mine: Server, theirs: Server) =>
      (costs.get(mine) ?? []).map((us, round) => us / (costs.get(theirs)?.[round] ?? Number.NaN));
    const limited = ratios(servers.gateway, servers.bare);
    process.stdout.write(`REST / fastify, bare:                  ${describe(limited)} (limit 1.3)\n`);
    process.stdout.write(`REST / fastify, same duties:           ${describe(ratios(servers.gateway, servers.full))}\n`);
    process.stdout.write(`REST, new rows / fastify, same duties: ${describe(ratios(servers.fresh, servers.full))}\n`);
    process.stdout.write(`REST, new rows / fastify, bare:        ${describe(ratios(servers.fresh, servers.bare))}\n`);
    return quartiles(limited).median <= 1.3;
  } finally {
    for (const { child } of all) child.kill();
  }
}
