import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { freePort } from "../../script/services/process.ts";
import { type CliProcess, startCli, startProgram } from "../support/cli-process.ts";
import { removeContainers, startContainer, stopContainer } from "../support/docker-containers.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const port = await freePort();
const ids: Record<string, string> = {};
let gateway: Awaited<ReturnType<typeof startGatewayProcess>>;

const startOwn = () =>
  startGatewayProcess(socketPath, "termlogs", join(inject("runFolder"), `terminal-logs-${port}.audit`), {
    PORT: String(port),
  });
const env = { OPS_URL: `http://127.0.0.1:${port}`, OPS_TOKEN: "process-token-0123456789" };

beforeAll(async () => {
  gateway = await startOwn();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await removeContainers(socketPath, Object.values(ids));
});

async function start(name: string, role: string, script: string, version = "v1"): Promise<void> {
  ids[name] = await startContainer(socketPath, {
    name: `termlogs-${role}-staging-${name}`,
    labels: { service: "termlogs", destination: "staging", role },
    env: [`KAMAL_VERSION=${version}`],
    cmd: ["sh", "-c", script],
  });
}

/** The gateway lists a new container within a second. */
async function known(role: string, count: number): Promise<void> {
  await until(async () => {
    const { data } = await gateway.query("{ containers { role } }");
    return (data?.containers ?? []).filter((row: { role: string }) => row.role === role).length === count;
  });
}

/**
 * What Docker has of a log: each line of both streams, with its time, in the order of their times.
 */
async function logOf(name: string): Promise<string[]> {
  const { stdout, stderr } = await run("docker", ["-H", `unix://${socketPath}`, "logs", "-t", ids[name] ?? ""]);
  return `${stdout}${stderr}`.split("\n").filter(Boolean).toSorted();
}

const run = (file: string, args: readonly string[]) => promisify(execFile)(file, args, { maxBuffer: 1 << 28 });

/** The command as a process. `stop` ends it as Ctrl-C does, and gives its exit code. */
function logs(...args: string[]) {
  const { child, out, err, ended } = startCli(["logs", ...args], env);
  const stop = async () => {
    child.kill("SIGINT");
    return ended;
  };
  return { out, err, ended, stop, lines: () => out().split("\n").slice(0, -1) };
}

/** Lines of `-t`, without the names of their containers. */
function toPlain(lines: readonly string[], name: string): string[] {
  return lines
    .filter((line) => line.split(" ")[1] === name)
    .map((line) => line.replace(/ \S+ +\| /, " "))
    .toSorted();
}

/** Stays after the last line: a container that has ended may be no longer listed. */
const stay = "echo end; trap 'exit 0' TERM; sleep 1000 & wait";

/** Waits until Docker has the last line. */
async function written(name: string): Promise<void> {
  await until(async () => (await logOf(name)).some((line) => line.endsWith(" end")));
}

/** Counts until SIGTERM, then writes "bye". */
const count = (name: string, pause = 0.01) =>
  `trap 'echo ${name} bye; exit 0' TERM; i=0; while :; do i=$((i+1)); echo ${name} out $i; echo ${name} err $i >&2; sleep ${pause}; done`;

test("a role's log is that of its two containers, each line once", async () => {
  const write = (name: string) => `for i in $(seq 4000); do echo ${name} $i; echo ${name} err $i >&2; done; ${stay}`;
  await Promise.all(["one", "two"].map((name) => start(name, "batch", write(name))));
  await known("batch", 2);
  await Promise.all(["one", "two"].map(written));
  const whole = logs("batch", "--since", "1h", "-t");
  expect(await whole.ended, whole.err()).toBe(0);
  for (const name of ["one", "two"]) {
    expect(toPlain(whole.lines(), `batch-staging-${name}`)).toEqual(await logOf(name));
  }
  expect(whole.lines()).toHaveLength(16_002);
  const newest = logs("batch", "--tail", "12000", "-t");
  expect(await newest.ended, newest.err()).toBe(0);
  // Lines of two streams of one container may change places where a page begins.
  expect(new Set(newest.lines()).size).toBe(12_000);
  const all = new Set(whole.lines());
  expect(newest.lines().filter((line) => !all.has(line))).toEqual([]);
  expect(newest.lines().toSorted().slice(-11_900)).toEqual(whole.lines().toSorted().slice(-11_900));
  const found = logs("termlogs-batch-staging-one", "--regex", "^one 399\\d$", "--stream", "stdout");
  expect(await found.ended).toBe(0);
  expect(found.lines()).toEqual(Array.from({ length: 10 }, (_, n) => `one ${3990 + n}`));
});

test("a followed role goes on over a restart and a lost gateway", async () => {
  await Promise.all(["a", "b"].map((name) => start(name, "steady", count(name))));
  await known("steady", 2);
  const role = logs("-f", "steady", "-t", "--tail", "all");
  const single = logs("-f", "termlogs-steady-staging-a", "-t", "--tail", "all");
  const hasMore = async (after: number) =>
    until(() => Math.min(role.lines().length, single.lines().length) > after + 200);
  // What is stored comes first: only a reader of what comes now is told of a restart.
  for (let round = 0; round < 4; round++) await hasMore(single.lines().length);
  await callDocker(socketPath, "POST", `/containers/${ids["a"]}/restart?t=2`);
  await hasMore(role.lines().length);

  gateway.kill("SIGKILL");
  await gateway.ended;
  await until(() => role.err().includes("connection lost") && single.err().includes("connection lost"));
  await callDocker(socketPath, "POST", `/containers/${ids["b"]}/restart?t=2`);
  gateway = await startOwn();
  await until(() => role.err().includes("back") && single.err().includes("back"));
  await hasMore(role.lines().length);

  await Promise.all(["a", "b"].map((name) => stopContainer(socketPath, ids[name] ?? "")));
  const [a, b] = [await logOf("a"), await logOf("b")];
  await until(() => role.lines().length >= a.length + b.length && single.lines().length >= a.length);
  expect(await role.stop()).toBe(0);
  expect(await single.stop()).toBe(0);
  expect(toPlain(role.lines(), "steady-staging-a")).toEqual(a);
  expect(toPlain(role.lines(), "steady-staging-b")).toEqual(b);
  expect(single.lines().toSorted()).toEqual(a);
  expect(a.filter((line) => line.endsWith(" a bye"))).toHaveLength(2);
  for (const { err } of [role, single]) {
    expect(err().match(/connection lost, retrying/g)).toHaveLength(1);
    expect(err().match(/^back$/gm)).toHaveLength(1);
  }
  expect(single.err()).toContain("termlogs-steady-staging-a: resumed: it runs again");
}, 120_000);

test("more lines than a page are not missed while the gateway is away", async () => {
  await start("flood", "flood", "trap 'seq 30000; echo end' USR1; echo begin; while :; do sleep 0.1; done");
  await known("flood", 1);
  const followed = logs("-f", "flood");
  await until(() => followed.lines().length === 1);
  gateway.kill("SIGKILL");
  await gateway.ended;
  await callDocker(socketPath, "POST", `/containers/${ids["flood"]}/kill?signal=USR1`);
  gateway = await startOwn();
  await until(() => followed.lines().at(-1)?.endsWith("| end") === true);
  expect(await followed.stop()).toBe(0);
  const texts = followed.lines().map((line) => line.replace(/^\S+ +\| /, ""));
  expect(texts).toEqual(["begin", ...Array.from({ length: 30_000 }, (_, n) => String(n + 1)), "end"]);
});

test("a closed pipe ends a followed log with 0", async () => {
  await start("pipe", "pipe", count("pipe"));
  await known("pipe", 1);
  const shell = spawn("bash", ["-c", `set -o pipefail; ${process.execPath} src/cli.ts logs -f pipe | head -3`], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  let out = "";
  shell.stdout.on("data", (chunk) => (out += chunk));
  const [code] = await once(shell, "close");
  expect(code).toBe(0);
  expect(out.split("\n")).toHaveLength(4);
  await stopContainer(socketPath, ids["pipe"] ?? "");
});

test("bytes that move a cursor do not reach the terminal", async () => {
  const hostile = String.raw`red \033[31mtext\033[0m\tend \033]0;title\007 \r over \342\200\256 turn \302\233 c1 \377\376 \000 nul`;
  await start("bytes", "hostile", `printf '${hostile}\\n'; sleep 100 & wait`);
  await known("hostile", 1);
  const text = logs("hostile");
  expect(await text.ended, text.err()).toBe(0);
  expect(text.out()).toMatch(/^\S+ \| red text\tend .*over .*turn 1 .*nul\n$/);
  // oxlint-disable-next-line no-control-regex
  expect(text.out()).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
  const json = logs("hostile", "-o", "jsonl");
  expect(await json.ended).toBe(0);
  expect(JSON.parse(json.out())).toMatchObject({ kind: "LINE", stream: "STDOUT" });
  // oxlint-disable-next-line no-control-regex
  expect(json.out()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

/** Time until a followed log has the 100,000 lines that a signal makes the container write, ms. */
async function timeOfBurst(name: string, follower: CliProcess): Promise<number> {
  await until(() => follower.out().includes("ready"));
  await callDocker(socketPath, "POST", `/containers/${ids[name]}/kill?signal=USR1`);
  const begin = performance.now();
  await until(() => follower.out().endsWith("end\n"), 60_000);
  const ms = performance.now() - begin;
  follower.child.kill("SIGINT");
  await follower.ended;
  expect(follower.out().match(/a line of a usual length/g)).toHaveLength(100_000);
  return ms;
}

test("100,000 followed lines take at most 5 times as long as `docker logs`", async () => {
  const burst = "seq 100000 | sed 's/^/a line of a usual length, with some words in it: /'; echo end";
  await start("burst", "burst", `trap "${burst}" USR1; echo ready; while :; do sleep 0.1; done`);
  await known("burst", 1);
  const docker = ["docker", "-H", `unix://${socketPath}`, "logs", "-f", "--tail", "1"];
  const ms = { docker: Infinity, logs: Infinity };
  ms.docker = await timeOfBurst("burst", startProgram([...docker, ids["burst"] ?? ""], {}));
  await start("burst-2", "burst", `trap "${burst}" USR1; echo ready; while :; do sleep 0.1; done`);
  await known("burst", 2);
  ms.logs = await timeOfBurst("burst-2", startCli(["logs", "-f", "termlogs-burst-staging-burst-2"], env));
  expect(ms.logs / ms.docker).toBeLessThan(5);
}, 120_000);

test("100,000 older lines take at most 6 times as long as `docker logs`", async () => {
  const write =
    'for i in $(seq 100); do seq 1000 | sed "s/^/a line of a usual length, with some words in it: $i-/"; sleep 0.05; done';
  await start("long", "long", `${write}; ${stay}`);
  await known("long", 1);
  const docker = ["-H", `unix://${socketPath}`, "logs", ids["long"] ?? ""];
  await until(async () => (await timeOf("docker", docker)).text.endsWith("end\n"), 60_000);
  const { text } = await timeOf("docker", docker);
  for (const args of [
    ["--tail", "all"],
    ["--tail", "100000"],
    ["--since", "1h"],
  ]) {
    const own = ["src/cli.ts", "logs", "termlogs-long-staging-long", ...args];
    const ms = { docker: Infinity, own: Infinity };
    for (let turn = 0; turn < 2; turn += 1) {
      ms.docker = Math.min(ms.docker, (await timeOf("docker", docker)).ms);
      const read = await timeOf(process.execPath, own);
      ms.own = Math.min(ms.own, read.ms);
      expect(read.text).toBe(args[1] === "100000" ? text.slice(text.indexOf("\n") + 1) : text);
    }
    expect(ms.own / ms.docker, args.join(" ")).toBeLessThan(6);
  }
}, 180_000);

async function timeOf(file: string, args: readonly string[]): Promise<{ readonly text: string; readonly ms: number }> {
  const begin = performance.now();
  const { stdout } = await promisify(execFile)(file, args, {
    maxBuffer: 1 << 28,
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  return { text: stdout, ms: performance.now() - begin };
}
