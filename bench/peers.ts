import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureLoad, type Server, startServer } from "./server.ts";
import { query, token } from "./servers/sample.ts";
import { quartiles } from "./statistics.ts";

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 9);
const base = "/api/v1/admin/ops";

/** One way to the same rows. */
interface Way {
  readonly name: string;
  readonly file: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** "empty": it answers without rows. */
  readonly how: "get" | "post" | "not modified" | "gzip" | "empty";
  /** Row counts that it is measured with; all by default. */
  readonly sizes?: readonly number[];
  /** Below the base path. @default "/containers" */
  readonly path?: string;
}

const [buffer, duties, postDuties] = [
  "node:http, ready buffer",
  "node:http, our duties",
  "node:http, our duties, POST",
];
const [ours, same, posted, executed] = [
  "ours, REST",
  "ours, REST, 304",
  "ours, POST /graphql",
  "ours, POST /graphql, executed",
];
const [mercurius, mercuriusDuties] = ["mercurius, jit", "mercurius, jit, our duties"];
const ways: readonly Way[] = [
  { name: buffer, file: "peer.ts", args: ["buffer"], how: "get" },
  { name: "node:http, an empty 304", file: "peer.ts", args: ["empty"], how: "empty" },
  { name: duties, file: "peer.ts", args: ["duties"], how: "get" },
  { name: postDuties, file: "peer.ts", args: ["duties"], how: "post" },
  { name: ours, file: "gateway.ts", how: "get" },
  { name: same, file: "gateway.ts", how: "not modified" },
  { name: "ours, REST, gzip", file: "gateway.ts", how: "gzip" },
  { name: "ours, REST, new rows", file: "gateway.ts", env: { FRESH: "rows" }, how: "get" },
  { name: posted, file: "gateway.ts", how: "post" },
  { name: executed, file: "gateway.ts", env: { FRESH: "answers" }, how: "post" },
  { name: "ours, POST /graphql, new rows", file: "gateway.ts", env: { FRESH: "rows" }, how: "post" },
  { name: "fastify by hand", file: "fastify.ts", how: "get" },
  { name: "hono by hand", file: "peer.ts", args: ["hono"], how: "get" },
  { name: mercurius, file: "peer.ts", args: ["mercurius"], how: "post" },
  { name: mercuriusDuties, file: "peer.ts", args: ["mercurius", "duties"], how: "post" },
  { name: "Yoga as it comes", file: "peer.ts", args: ["yoga"], how: "post", sizes: [20, 200] },
  { name: "Apollo as it comes", file: "peer.ts", args: ["apollo"], how: "post", sizes: [20, 200] },
];

/** [rows, way, against, most]: set before the result is seen. */
type Ratio = readonly [rows: number, way: string, against: string, most: number];

/**
 * Against servers that do what any server must for our answers; and the goals that can be met
 * without.
 */
const limits: readonly Ratio[] = [
  [20, ours, duties, 1.6],
  [200, ours, duties, 1.4],
  [1000, ours, duties, 1.3],
  [1000, ours, buffer, 1.5],
  [20, same, ours, 1],
  [200, same, ours, 0.8],
  [1000, same, buffer, 0.9],
  [20, posted, postDuties, 1.8],
  [200, posted, postDuties, 1.6],
  [1000, posted, postDuties, 1.4],
  [20, executed, mercuriusDuties, 1.15],
  [200, executed, mercuriusDuties, 1],
  [200, executed, mercurius, 1],
];

/**
 * Goals that a server without our duties reaches, or none: printed, so that it is seen how far away
 * they are. docs/performance.md says why.
 */
const goals: readonly Ratio[] = [
  [20, ours, buffer, 1.4],
  [200, ours, buffer, 1.4],
  [20, same, buffer, 0.9],
  [20, posted, ours, 1.2],
  [200, posted, ours, 1.2],
  [20, executed, mercurius, 1],
];

/**
 * Answers that change rarely: what their number costs, and the limit of their cost against a ready
 * buffer of the same body.
 */
const unchanged = [
  { path: "/queues", name: "QUEUES", counts: [10, 1000, 10_000], limits: [undefined, 1.5, undefined] },
  { path: "/hosts", name: "HOSTS", counts: [1, 100, 1000], limits: [] },
] as const;

/** A server, and how it is asked. */
interface Started extends Server {
  readonly way: Way;
  /** Options of wrk. */
  readonly options: readonly string[];
}

const folder = mkdtempSync(join(tmpdir(), "ops-bench-peers-"));
const script = join(folder, "post.lua");
const body = JSON.stringify({ query });
writeFileSync(
  script,
  `wrk.method = "POST"\nwrk.body = [==[${body}]==]\nwrk.headers["Content-Type"] = "application/json"\nwrk.headers["Accept"] = "application/json"\n`,
);

async function start(way: Way, rows: number): Promise<Started> {
  const { name, file, args = [] } = way;
  const server = await startServer({
    name,
    file,
    args,
    env: { NODE_ENV: "production", ROWS: String(rows), ...way.env },
  });
  if (way.how === "post") return { ...server, way, options: ["-s", script] };
  // The first answer is remembered.
  const answered = await fetch(toUrl(way, server.port), { headers: { authorization: `Bearer ${token}` } });
  const more = {
    get: [],
    empty: [],
    gzip: ["-H", "Accept-Encoding: gzip"],
    "not modified": ["-H", `If-None-Match: ${answered.headers.get("etag")}`],
  };
  return { ...server, way, options: more[way.how] };
}

function toPath({ how, path = "/containers" }: Way): string {
  return how === "post" ? "/graphql" : base + path;
}

function toUrl(way: Way, port: number): string {
  return `http://127.0.0.1:${port}${toPath(way)}`;
}

/** The rows that it answers with. */
async function read({ way, port }: Started): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}`, accept: "application/json", "content-type": "application/json" };
  const isPost = way.how === "post";
  const init = isPost ? { method: "POST", headers, body } : { headers };
  const answer = await fetch(toUrl(way, port), init);
  const found = (await answer.json()) as { data?: { containers: unknown } };
  // Enum values are in capitals in GraphQL.
  return JSON.parse(JSON.stringify(found.data?.containers ?? found).replaceAll('"HEALTHY"', '"healthy"'));
}

/** Above 30 MB of unread answers the gateway disconnects the slowest reader. */
const toConnections = ({ path }: Way) => (path ? 4 : 8);

/** The costs of each server in interleaved rounds. */
async function compare(servers: readonly Started[]): Promise<ReadonlyMap<string, readonly number[]>> {
  const costs = new Map(servers.map(({ way }) => [way.name, [] as number[]]));
  for (let round = -1; round < rounds; round += 1) {
    for (const server of servers.toSorted(() => Math.random() - 0.5)) {
      const { way, options } = server;
      const cost = await measureLoad(server, toPath(way), toConnections(way), options);
      if (round >= 0) costs.get(server.way.name)?.push(cost);
    }
  }
  return costs;
}

async function run(rows: number): Promise<ReadonlyMap<string, readonly number[]>> {
  const servers: Started[] = [];
  try {
    for (const way of ways) if (way.sizes?.includes(rows) ?? true) servers.push(await start(way, rows));
    const answers = new Set(
      (await Promise.all(servers.filter(({ way }) => way.how !== "empty").map(read))).map((answer) =>
        JSON.stringify(answer),
      ),
    );
    if (answers.size !== 1) throw new Error("the servers answer different rows");
    return await compare(servers);
  } finally {
    for (const { child } of servers) child.kill();
  }
}

const toRatio = (costs: ReadonlyMap<string, readonly number[]>, way: string, against: string) =>
  quartiles((costs.get(way) ?? []).map((us, round) => us / (costs.get(against)?.[round] ?? Number.NaN))).median;

async function runUnchanged(): Promise<boolean> {
  let isWithin = true;
  for (const { path, name, counts, limits: most } of unchanged) {
    for (const [index, count] of counts.entries()) {
      const servers = [
        await start({ name: "ours", file: "gateway.ts", how: "get", path, env: { [name]: String(count) } }, 20),
      ];
      try {
        const [{ port } = { port: 0 }] = servers;
        const answer = await fetch(`http://127.0.0.1:${port}${base}${path}`, {
          headers: { authorization: `Bearer ${token}` },
        });
        const file = join(folder, "body.json");
        writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
        servers.push(
          await start({ name: buffer, file: "peer.ts", args: ["buffer"], how: "get", path, env: { BODY: file } }, 20),
        );
        const costs = await compare(servers);
        const [ratio, limit] = [toRatio(costs, "ours", buffer), most[index]];
        isWithin &&= limit === undefined || ratio <= limit;
        const us = quartiles(costs.get("ours") ?? []).median.toFixed(1);
        process.stdout.write(
          `${path}, ${count}, unchanged: ${us} us, ${ratio.toFixed(2)} of a ready buffer${limit ? ` (limit ${limit})` : ""}\n`,
        );
      } finally {
        for (const { child } of servers) child.kill();
      }
    }
  }
  return isWithin;
}

/**
 * Others' servers and ours with the same rows, in interleaved rounds: CPU for each request, against
 * a ready buffer.
 */
export async function benchPeers(): Promise<boolean> {
  let isWithin = true;
  try {
    for (const rows of [20, 200, 1000]) {
      const costs = await run(rows);
      const ratio = (way: string, against: string) => toRatio(costs, way, against);
      for (const [name, us] of costs) {
        process.stdout.write(
          `${rows} rows, ${name}: ${quartiles(us).median.toFixed(1)} us, ${ratio(name, buffer).toFixed(2)} of a ready buffer\n`,
        );
      }
      const print = ([, way, against, most]: Ratio, word: string): boolean => {
        const found = ratio(way, against);
        process.stdout.write(`${rows} rows, ${way} / ${against}: ${found.toFixed(2)} (${word} ${most})\n`);
        return found <= most;
      };
      const isOf = ([at]: Ratio) => at === rows;
      for (const limit of limits.filter(isOf)) isWithin = print(limit, "limit") && isWithin;
      for (const goal of goals.filter(isOf)) print(goal, "goal");
    }
    isWithin = (await runUnchanged()) && isWithin;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return isWithin;
}
