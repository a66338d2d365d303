import { type ChildProcess, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { startDockerd } from "../script/services/dockerd.ts";
import { freePort, spawnOwn } from "../script/services/process.ts";
import { removeContainers, startContainer } from "../test/support/docker-containers.ts";
import { token } from "./servers/sample.ts";
import { shippedCommand } from "./shipped.ts";
import { describe, quartiles } from "./statistics.ts";

const rounds = Number(process.env["BENCH_LOGS_ROUNDS"] ?? 5);
const lines = 300_000;
const text = `2026-01-13T09:46:00.000Z INFO  worked off job 4711 of queue mailers in 12.5 ms, 3 attempts, ok`;
/** Least throughput relative to the docker CLI; most memory of a stalled reader, MB. */
const limits = { ratio: 1, slowMb: 40 };

/** A reader of a followed log, and how it is ended. */
interface Reading {
  readonly body: Readable;
  readonly end: () => void;
}

/** Waits for /go, writes its lines once as fast as possible, then END. */
async function startWriter(socketPath: string, name: string): Promise<{ id: string; go: () => void }> {
  const script = `while [ ! -e /go ]; do sleep 0.05; done; yes '${text}' | head -n ${lines}; echo END; sleep 600`;
  const id = await startContainer(socketPath, {
    name,
    labels: { service: "bench", role: "web" },
    cmd: ["sh", "-c", script],
  });
  return { id, go: () => execFileSync("docker", ["-H", `unix://${socketPath}`, "exec", name, "touch", "/go"]) };
}

/** Lines per second from the first to the last that a reader gets; throws if one is missing. */
async function measure({ body, end }: Reading, go: () => void): Promise<number> {
  let rest = "";
  let count = 0;
  let begin = 0;
  const done = Promise.withResolvers<number>();
  body.on("data", (chunk: Buffer) => {
    const part = rest + chunk.toString("latin1");
    let at = 0;
    for (let next = part.indexOf("job 4711"); next !== -1; next = part.indexOf("job 4711", at)) {
      begin ||= performance.now();
      count += 1;
      at = next + 8;
    }
    if (part.includes("END", at)) done.resolve(performance.now() - begin);
    rest = part.slice(Math.max(at, part.length - 16));
  });
  body.once("close", () => done.reject(new Error("the stream ended too early")));
  await sleep(700);
  go();
  const ms = await done.promise;
  end();
  if (count !== lines) throw new Error(`${count} of ${lines} lines came`);
  return (lines / ms) * 1000;
}

function followByCli(socketPath: string, name: string): Reading {
  return followByCommand(`docker -H unix://${socketPath} logs -f --tail 0 ${name} | cat`);
}

function followByTerminal(port: number, name: string): Reading {
  const command = `"${process.execPath}" "${shippedCommand().args.at(-2)}" logs -f --tail 0 ${name} | cat`;
  return followByCommand(command, { OPS_URL: `http://127.0.0.1:${port}`, OPS_TOKEN: token });
}

function followByCommand(command: string, env: NodeJS.ProcessEnv = {}): Reading {
  const child = spawnOwn("sh", ["-c", command], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  return { body: child.stdout as Readable, end: () => process.kill(-(child.pid as number)) };
}

async function follow(port: number, path: string, body?: object, as = token): Promise<Reading> {
  const headers = { authorization: `Bearer ${as}`, accept: "text/event-stream", "content-type": "application/json" };
  const asked: ClientRequest = request({ host: "127.0.0.1", port, path, headers, method: body ? "POST" : "GET" });
  asked.end(body && JSON.stringify(body));
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once("response", resolve).once("error", reject);
  });
  if (response.statusCode !== 200) throw new Error(`the gateway answers ${response.statusCode}`);
  return { body: response, end: () => asked.destroy() };
}

export const followBySse = (port: number, name: string, as?: string) =>
  follow(port, `/api/v1/admin/ops/containers/${name}/logs?follow=true&tail=0`, undefined, as);

export function followByGraphql(port: number, name: string, as?: string): Promise<Reading> {
  const query = `subscription { containerLogs(name: "${name}", tail: 0) { lines { timestamp stream message } dropped ended } }`;
  return follow(port, "/graphql", { query }, as);
}

/** The built gateway, watching an engine. `more`: of its configuration. */
export async function startGateway(
  socketPath: string,
  more: Readonly<Record<string, string>> = { WALLET_CORE_OPS_TOKEN: token },
): Promise<{ port: number; child: ChildProcess }> {
  const port = await freePort();
  const env = {
    PATH: process.env["PATH"] ?? "",
    WALLET_CORE_OPS_PORT: String(port),
    WALLET_CORE_OPS_SERVICE: "bench",
    WALLET_CORE_OPS_DOCKER_HOSTS: `bench=unix://${socketPath}`,
    ...more,
  };
  const shipped = shippedCommand();
  const child = spawnOwn(process.execPath, shipped.args, {
    env: { ...env, ...shipped.env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (let attempt = 0; ; attempt += 1) {
    if (
      await fetch(`http://127.0.0.1:${port}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return { port, child };
    if (attempt > 200) throw new Error("the gateway did not start");
    await sleep(50);
  }
}

function rssMb({ pid }: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** Peak memory of the gateway while the lines are written and `reading` continues. */
async function peakMb(gateway: ChildProcess, reading: Promise<unknown>): Promise<number> {
  let peak = rssMb(gateway);
  const timer = setInterval(() => (peak = Math.max(peak, rssMb(gateway))), 50);
  await reading;
  clearInterval(timer);
  return peak;
}

/**
 * One busy container (300,000 lines, once) followed by `docker logs -f | cat`, over REST and over
 * GraphQL, one after the other in each round; then the memory that a stalled reader costs the
 * gateway, compared with an ordinary one.
 */
export async function benchLogs(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
  const dockerd = await startDockerd(join(folder, "docker"));
  const { socketPath } = dockerd;
  const { port, child } = await startGateway(socketPath);
  const ways = [
    {
      name: "docker logs -f | cat",
      open: async (name: string) => followByCli(socketPath, name),
      rates: [] as number[],
    },
    {
      name: "wallet-core-ops logs -f | cat",
      open: async (name: string) => followByTerminal(port, name),
      rates: [] as number[],
    },
    { name: "REST, server-sent events", open: (name: string) => followBySse(port, name), rates: [] as number[] },
    { name: "GraphQL subscription", open: (name: string) => followByGraphql(port, name), rates: [] as number[] },
  ];
  let next = 0;
  const withWriter = async <T>(use: (name: string, go: () => void) => Promise<T>): Promise<T> => {
    const name = `bench-web-${(next += 1)}`;
    const { id, go } = await startWriter(socketPath, name);
    await sleep(300);
    try {
      return await use(name, go);
    } finally {
      await removeContainers(socketPath, [id]);
    }
  };
  try {
    for (let round = -1; round < rounds; round += 1) {
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
        const rate = await withWriter(async (name, go) => measure(await way.open(name), go));
        if (round >= 0) way.rates.push(rate);
      }
    }
    const [cli, ...ours] = ways as [(typeof ways)[number], ...typeof ways];
    for (const { name, rates } of ways)
      process.stdout.write(`${name}: ${describe(rates.map((rate) => rate / 1000))} k lines/s\n`);
    const ratios = ours.map(({ rates }) => rates.map((rate, round) => rate / (cli.rates[round] ?? Number.NaN)));
    ratios.forEach((ratio, index) => {
      process.stdout.write(
        `following, ${ours[index]?.name} / docker logs -f: ${describe(ratio)} (at least ${limits.ratio})\n`,
      );
    });
    const read = await withWriter(async (name, go) => peakMb(child, measure(await followBySse(port, name), go)));
    const unread = await withWriter(async (name, go) => {
      const { body, end } = await followBySse(port, name);
      body.pause();
      go();
      const peak = await peakMb(child, sleep(8000));
      end();
      return peak;
    });
    process.stdout.write(
      `memory: ${read.toFixed(0)} MB with a reader, ${unread.toFixed(0)} MB with one that does not read `,
    );
    process.stdout.write(`(at most ${limits.slowMb} MB more)\n`);
    return ratios.every((ratio) => quartiles(ratio).median >= limits.ratio) && unread - read <= limits.slowMb;
  } finally {
    child.kill("SIGKILL");
    await dockerd.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
