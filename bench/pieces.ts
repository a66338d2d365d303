import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, spawnOwn } from "../script/services/process.ts";
import { scopes } from "../src/auth/principal.ts";
import { listHeaviest } from "../test/support/heaviest-questions.ts";
import { type Piece, quietProbeMs } from "../test/support/pieces.ts";
import { type Question, toGraphqlQuestion } from "../test/support/questions.ts";
import { startLargeUpstreams } from "./large-upstreams.ts";
import { createReaders, type Scene, startScene } from "./scene.ts";
import { shippedCommand } from "./shipped.ts";
import { toFresh } from "./soak/questions.ts";
import { createReport } from "./statistics.ts";
import { type Send, type World, worlds } from "./worlds.ts";

/**
 * Set before the result is seen: CPU in one piece, where the probe takes as long as on a quiet
 * machine.
 */
const mostMs = 50;
const containers = Number(process.env["BENCH_PIECES_CONTAINERS"] ?? 5000);
const attempts = 4;
/** Only lines whose name contains this text. */
const only = process.env["BENCH_PIECES"] ?? "";

type Cost = Piece & { readonly allMs: number };
type Asked = Cost & { readonly answer: string; readonly waitedMs: number };
type Report = ReturnType<typeof createReport>;
type Heaviest = ReturnType<typeof listHeaviest>[number];

/**
 * The least of several attempts: a collection of garbage, or other programs in the cache, may have
 * had their part.
 */
interface Row {
  readonly largest: number;
  readonly first: number;
  readonly allMs: number;
  readonly answer: string;
}

function toRow(costs: readonly Asked[]): Row {
  const [first] = costs as [Asked];
  const least = (of: (one: Asked) => number) => Math.min(...costs.map(of));
  return {
    largest: least(({ cpuMs }) => cpuMs),
    first: first.cpuMs,
    allMs: least(({ allMs }) => allMs),
    answer: first.answer,
  };
}

function isRefused(answer = ""): boolean {
  return answer.startsWith("400");
}

/** Asks the gateway's measuring part. */
async function ask<Answer>(socketPath: string, question: string): Promise<Answer> {
  const socket = connect(socketPath, () => void socket.write(question));
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return JSON.parse(text) as Answer;
}

/** Waits until the gateway has begun. */
async function begin(socketPath: string): Promise<void> {
  for (let left = 200; left > 0; left -= 1) {
    const isThere = await ask(socketPath, "begin").then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await sleep(50);
  }
  throw new Error("the gateway has not begun");
}

/** What the fixed piece of work takes in the gateway, ms. */
async function probe(socketPath: string): Promise<number> {
  return Math.min(...(await Promise.all(Array.from({ length: 10 }, () => ask<number>(socketPath, "probe")))));
}

function toLimit(probeMs: number): number {
  return Math.round(mostMs * Math.max(1, probeMs / quietProbeMs));
}

async function send(
  { port, token }: Pick<Scene, "port" | "token">,
  { method, path, headers, body }: Pick<Question, "method" | "path" | "headers" | "body">,
): Promise<string> {
  const own = { ...headers, authorization: `Bearer ${token(0)}` };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: own, body });
  const text = await response.text();
  const code = /"code":\s?"(\w+)"/.exec(text)?.[1];
  return code === undefined ? String(response.status) : `${response.status} ${code}`;
}

/** Waits until the whole list is there and every container was inspected. */
async function fill(scene: Scene): Promise<void> {
  const question = toGraphqlQuestion({
    operation: "query",
    field: "",
    text: "{ containers(includeAccessories: true) { isInspected: startedAt } engines { name } }",
    isShallow: false,
    isPlain: true,
  });
  for (let left = 600; left > 0; left -= 1) {
    const response = await fetch(`http://127.0.0.1:${scene.port}/graphql`, {
      method: "POST",
      headers: { ...question.headers, authorization: `Bearer ${scene.token(0)}` },
      body: question.body,
    });
    const { data } = (await response.json()) as { data?: { containers?: { isInspected: string | null }[] } };
    const rows = data?.containers ?? [];
    if (rows.length >= containers / 2 && rows.every(({ isInspected }) => isInspected !== null)) return;
    await sleep(200);
  }
  throw new Error("the gateway does not show all containers");
}

/**
 * The largest piece of CPU for which the event loop is held, by every question that the product
 * has, where one engine has 5,000 containers, on one host name that 1,000 queues have jobs on,
 * beside 2,500 errors and 4,500 hosts: a line for each. Then those of other worlds, each with a
 * gateway of its own.
 */
export async function benchPieces(): Promise<boolean> {
  const report = createReport("pieces");
  const questions = listHeaviest().filter((one) => one.name.includes(only));
  // A text that names lines of a world alone needs no other upstreams.
  if (questions.length > 0) await benchQuestions(report, questions);
  for (const world of worlds.filter((one) => one.lines.some((line) => isChosen(one, line))))
    await benchWorld(report, world);
  return report.isWithin();
}

const toLineName = (world: World, line: string) => `${world.name}: ${line}`;
const isChosen = (world: World, line: string) => toLineName(world, line).includes(only);

/** Its lines, each once or more: the first ones fill it, so all are run. */
async function benchWorld({ say }: Report, world: World): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-world-"));
  const socketPath = join(folder, "pieces.sock");
  const tokens = createReaders(scopes);
  try {
    await using stack = new AsyncDisposableStack();
    const { env, lines } = await world.start(folder, stack);
    const port = await freePort();
    const shipped = shippedCommand();
    const args = world.command ? [...shipped.args.slice(0, -1), world.command] : shipped.args;
    const gateway = spawnOwn(process.execPath, args, {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        PATH: process.env["PATH"] ?? "",
        WALLET_CORE_OPS_PORT: String(port),
        WALLET_CORE_OPS_TOKENS_FILE: tokens.file,
        WALLET_CORE_OPS_AUDIT_FILE: join(folder, "audit.jsonl"),
        ...shipped.env,
        ...env,
        NODE_OPTIONS: `--import=${join(import.meta.dirname, "servers/pieces.ts")}`,
        BENCH_PIECES_SOCKET: socketPath,
      },
    });
    stack.defer(async () => {
      if (gateway.kill()) await once(gateway, "exit");
    });
    await begin(socketPath);
    await sleep(1000);
    const probeMs = await probe(socketPath);
    const limit = toLimit(probeMs);
    const sendTo: Send = (method, path, body, accept = "application/json") =>
      send(
        { port, token: () => tokens.of("reader-0") },
        {
          method,
          path,
          headers: { "content-type": "application/json", accept },
          body: body ? JSON.stringify(body) : null,
        },
      );
    for (const { name, run } of lines) {
      const costs: Asked[] = [];
      const isEnough = () => costs.some(({ cpuMs, waitedMs }) => cpuMs < limit / 2 || waitedMs > 2000);
      while (costs.length < attempts && !isEnough()) {
        await ask(socketPath, "begin");
        const before = performance.now();
        const answer = (await run(sendTo)) ?? "no question";
        costs.push({ ...(await ask<Cost>(socketPath, "end")), answer, waitedMs: performance.now() - before });
      }
      const row = toRow(costs);
      if (isChosen(world, name))
        say(`${toLineName(world, name)} (${row.answer}, CPU ${row.allMs.toFixed(0)} ms)`, row.largest, "ms", limit);
    }
  } finally {
    tokens[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The questions of the product, to a gateway of a large world. */
async function benchQuestions({ say }: Report, questions: readonly Heaviest[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-pieces-"));
  const socketPath = join(folder, "pieces.sock");
  const shared = createReaders(scopes);
  try {
    await using upstreams = await startLargeUpstreams(folder);
    const env = {
      ...upstreams.env,
      NODE_OPTIONS: `--import=${join(import.meta.dirname, "servers/pieces.ts")}`,
      BENCH_PIECES_SOCKET: socketPath,
      WALLET_CORE_OPS_MCP: "on",
    };
    await using scene = await startScene(1, containers, { shared, env, hasReleases: true });
    await begin(socketPath);
    const measure = async (work: () => Promise<string | void>): Promise<Asked> => {
      await ask(socketPath, "begin");
      const before = performance.now();
      const answer = (await work()) ?? "";
      return { ...(await ask<Cost>(socketPath, "end")), answer, waitedMs: performance.now() - before };
    };
    const filled = await measure(() => fill(scene));
    const probeMs = await probe(socketPath);
    const limit = toLimit(probeMs);
    say(`a fixed piece of work (${quietProbeMs} ms on a quiet machine)`, probeMs, "ms");
    say("the first list, and all inspections", filled.cpuMs, "ms", limit);
    await sleep(3000);
    const rest = await measure(() => sleep(32_000));
    say("at rest for 32 s, with a list", rest.cpuMs, "ms", limit);
    const things = { containers: ["web-000003", "web-0003e8"], engines: ["web-0"], ...upstreams };
    let number = 0;
    const toCosts = async (question: Question): Promise<readonly Asked[]> => {
      const costs: Asked[] = [];
      const isEnough = () => costs.some(({ answer, cpuMs }) => isRefused(answer) || cpuMs < limit / 2);
      while (costs.length < attempts && !isEnough())
        costs.push(
          await measure(() =>
            send(
              scene,
              toFresh(question, things, (number += 1), (all) => all[0]),
            ),
          ),
        );
      return costs;
    };
    for (const [name, all] of Map.groupBy(questions, (one) => one.name)) {
      const rows: Row[] = [];
      for (const { question } of all) rows.push(toRow(await toCosts(question)));
      const answered = rows.filter(({ answer }) => !isRefused(answer));
      const [worst] = (answered.length > 0 ? answered : rows).toSorted((a, b) => b.largest - a.largest) as [Row];
      const more = `${worst.answer}, CPU ${worst.allMs.toFixed(0)} ms, at first ${worst.first.toFixed(0)} in one piece`;
      say(`${name} (${more})`, worst.largest, "ms", limit);
    }
  } finally {
    shared[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) process.exitCode = (await benchPieces()) ? 0 : 1;
