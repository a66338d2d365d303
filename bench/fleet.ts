import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, spawnOwn } from "../script/services/process.ts";
import { createReaders, measure, type Scene, startScene } from "./scene.ts";
import { shippedCommand } from "./shipped.ts";
import { createReport, quartiles } from "./statistics.ts";

const [regionCount, engines, perEngine] = (process.env["BENCH_FLEET"] ?? "10x100x50").split("x").map(Number) as [
  number,
  number,
  number,
];
/**
 * Set before the result is seen. `few`: of a query with few rows; its time beside that of asking
 * the regions directly and at once, as they share the cores here. `all`: of the names of all
 * containers.
 */
const limits = { fewRatio: 1.5, fewCpuMs: 20, allMs: 2000, allCpuMs: 1000, slowMs: 9000, megabytes: 350 };
const [warmUps, rounds] = [30, 30];

const few =
  '{ regions { name ok } containers(engine: "web-1") { region name health } problems { region problems { title } } }';
/** The same as far as one region can answer it. */
const fewOfOne = '{ containers(engine: "web-1") { name health } problems { problems { title } } server { version } }';
const all = "{ containers { region name } }";
const allOfOne = "{ containers { name } }";

const { say, isWithin } = createReport("fleet");

interface Answer {
  readonly data: {
    readonly containers: readonly { readonly region: string }[];
    readonly regions?: readonly { readonly ok: boolean }[];
  };
  readonly errors?: readonly { readonly extensions: { readonly region?: string } }[];
}

async function ask(port: number, token: string, query: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: "POST",
    headers,
    body: JSON.stringify({ query }),
  });
  const body = (await response.json()) as Answer;
  if (!response.ok || !body.data?.containers)
    throw new Error(`${query}: ${response.status} ${JSON.stringify(body).slice(0, 300)}`);
  return body;
}

/** Milliseconds of time and of CPU that one query takes. */
async function time({ port, cpuMs }: Pick<Scene, "port" | "cpuMs">, token: string, query: string) {
  const before = { cpuMs: 0 };
  const ms = await timeOf(
    () => ask(port, token, query),
    () => (before.cpuMs = cpuMs()),
  );
  return { ms, cpuMs: (cpuMs() - before.cpuMs) / rounds };
}

/** The median time of some calls, ms. `onWarm`: before the first that counts. */
async function timeOf(call: () => Promise<unknown>, onWarm: () => void = () => {}): Promise<number> {
  const times: number[] = [];
  for (let warm = 0; warm < warmUps; warm += 1) await call();
  onWarm();
  for (let round = 0; round < rounds; round += 1) {
    const begin = performance.now();
    await call();
    times.push(performance.now() - begin);
  }
  return quartiles(times).median;
}

/** The built fleet over these gateways. */
async function startFleet(
  ports: readonly number[],
): Promise<Pick<Scene, "port" | "cpuMs" | "megabytes"> & AsyncDisposable> {
  const { args, env } = shippedCommand();
  const port = await freePort();
  const fleet = spawnOwn(process.execPath, [...args.slice(0, -1), "fleet"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      PATH: process.env["PATH"] ?? "",
      WALLET_CORE_OPS_PORT: String(port),
      WALLET_CORE_OPS_REGIONS: ports.map((one, index) => `r${index}=http://127.0.0.1:${one}`).join(","),
      ...env,
    },
  });
  while (!(await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null))) await sleep(20);
  return {
    port,
    ...measure(fleet),
    async [Symbol.asyncDispose]() {
      fleet.kill();
      await once(fleet, "exit");
    },
  };
}

/** Waits until a region has inspected all its containers. */
async function fill(port: number, token: string): Promise<void> {
  for (let waited = 0; waited < 1200; waited += 1) {
    const answer = await ask(port, token, allOfOne).catch(() => null);
    if (answer?.data.containers.length === engines * perEngine) return;
    await sleep(100);
  }
  throw new Error("a region does not show all containers");
}

/**
 * A fleet of 10 regions x 100 simulated engines x 50 containers: each region is the built gateway.
 * Other sizes: BENCH_FLEET=2x10x50.
 */
export async function benchFleet(): Promise<boolean> {
  using tokens = createReaders();
  await using stack = new AsyncDisposableStack();
  const token = tokens.of("reader-0");
  const regions: Scene[] = [];
  for (let index = 0; index < regionCount; index += 1) {
    const region = stack.use(await startScene(engines, perEngine, { shared: tokens }));
    await fill(region.port, token);
    regions.push(region);
  }
  // Of a region that takes connections and says nothing.
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  stack.defer(() => silent.close().closeAllConnections());
  const [first] = regions as [Scene, ...Scene[]];
  const ports = regions.map(({ port }) => port);
  const total = regionCount * engines * perEngine;
  {
    await using fleet = await startFleet(ports);
    say("memory at rest", fleet.megabytes(), "MB");
    const fewOne = await time(first, token, fewOfOne);
    const fewDirect = await timeOf(() => Promise.all(ports.map((port) => ask(port, token, fewOfOne))));
    const fewAll = await time(fleet, token, few);
    say("few rows: one region, asked directly", fewOne.ms, "ms");
    say(`few rows: ${regionCount} regions, asked directly and at once`, fewDirect, "ms");
    say(`few rows: ${regionCount} regions, through the fleet`, fewAll.ms, "ms");
    say("few rows: through the fleet, of the time of asking directly", fewAll.ms / fewDirect, "x", limits.fewRatio);
    say("few rows: CPU of the fleet", fewAll.cpuMs, "ms", limits.fewCpuMs);
    const [allOne, allAll] = [await time(first, token, allOfOne), await time(fleet, token, all)];
    const { data, errors = [] } = await ask(fleet.port, token, all);
    if (data.containers.length !== total || errors.length > 0)
      throw new Error(`${data.containers.length} of ${total} containers`);
    say(`${engines * perEngine} names: one region, asked directly`, allOne.ms, "ms");
    say(`${total} names: ${regionCount} regions, through the fleet`, allAll.ms, "ms", limits.allMs);
    say(`${total} names: CPU of the fleet`, allAll.cpuMs, "ms", limits.allCpuMs);
    say("memory afterwards", fleet.megabytes(), "MB", limits.megabytes);
  }
  for (const [what, bad, limit] of [
    ["away", await freePort(), limits.allMs],
    ["silent", (silent.address() as AddressInfo).port, limits.slowMs],
  ] as const) {
    await using fleet = await startFleet([...ports.slice(1), bad]);
    const begin = performance.now();
    const { data, errors = [] } = await ask(fleet.port, token, all);
    say(`all names, one region ${what}`, performance.now() - begin, "ms", limit);
    const named = errors.map(({ extensions }) => extensions.region).join();
    if (data.containers.length !== total - engines * perEngine || named !== `r${regionCount - 1}`) {
      throw new Error(`one region ${what}: ${data.containers.length} rows, errors of ${named}`);
    }
  }
  return isWithin();
}
