import { measureLoad, type Server, startServer } from "./server.ts";
import { describe, quartiles } from "./statistics.ts";
import { token } from "./servers/sample.ts";

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 15);
const path = "/api/v1/admin/ops/containers";

/**
 * REST `/containers` of 20 rows, compared with a hand-written route over the same data in memory.
 * Rounds are interleaved in rotating order, with a ratio for each. The gateway is measured with an
 * unchanged inventory and with new row objects each time; fastify is measured bare, and with a
 * token check, a log line and the security headers.
 */
export async function benchRest(): Promise<boolean> {
  const servers = {
    gateway: await startServer({ name: "gateway", file: "gateway.ts" }),
    fresh: await startServer({ name: "gateway, new rows", file: "gateway.ts", env: { FRESH: "rows" } }),
    bare: await startServer({ name: "fastify, bare", file: "fastify.ts", execArgv: [] }),
    full: await startServer({ name: "fastify, same duties", file: "fastify.ts", env: { FULL: "1" }, execArgv: [] }),
  };
  const all = Object.values(servers);
  try {
    const headers = { authorization: `Bearer ${token}` };
    const bodies = all.map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).text());
    if (new Set(await Promise.all(bodies)).size !== 1) throw new Error("the servers answer different bodies");
    const costs = new Map(all.map((server) => [server, [] as number[]]));
    for (let round = -2; round < rounds; round += 1) {
      for (const server of round % 2 === 0 ? all : all.toReversed()) {
        const cost = await measureLoad(server, path);
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
