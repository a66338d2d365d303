import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { freePort } from "../../script/services/process.ts";
import { toBound } from "../support/bound.ts";
import { until } from "../support/until.ts";

const token = "unread-log-token-0123456789";
let folder: string;
const children: ChildProcess[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ops-unread-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await untilEnded(child);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(
  command: string,
  args: readonly string[],
  stdio: readonly (number | "ignore" | "pipe")[],
  env = {},
): ChildProcess {
  const child = spawn(command, args, { stdio: [...stdio], env: { PATH: process.env["PATH"] ?? "", ...env } });
  children.push(child);
  return child;
}

/**
 * How it ended, also if that was before: a reader may end first once its writer has closed the
 * pipe.
 */
async function untilEnded(child: ChildProcess): Promise<unknown[]> {
  const { exitCode, signalCode } = child;
  return exitCode === null && signalCode === null ? once(child, "exit") : [exitCode, signalCode];
}

/** A pipe of the kernel whose reader is `cat`, into a file, once it is told to read. */
function makePipe(name: string) {
  const path = join(folder, name);
  execFileSync("mkfifo", [path]);
  // Keeps it open, and never reads.
  const holder = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const end = openSync(path, "w");
  const log = `${path}.log`;
  return {
    end,
    /** After the writer has started. */
    close: () => closeSync(end),
    read: () => run("cat", [path], ["ignore", openSync(log, "w"), "ignore"]),
    text: () => readFileSync(log, "utf8"),
    release: () => closeSync(holder),
  };
}

/**
 * Perl that runs a program whose stdout is a socket of a kind, with its other end open and unread.
 */
const toSocket = (kind: string) => `use Socket; $^F = 20; socketpair(my $own, my $other, AF_UNIX, ${kind}, 0) or die $!;
  open(STDOUT, ">&", $own) or die $!; exec @ARGV`;

interface Start {
  readonly env?: Readonly<Record<string, string>>;
  /** The program and arguments that run it. */
  readonly through?: readonly [string, ...string[]];
}

/** A program in `src/` with a port and this stdout. */
async function startServer(
  command: "serve" | "fleet",
  stdout: number | "ignore",
  { env: more = {}, through }: Start = {},
) {
  const port = await freePort();
  const env = {
    WALLET_CORE_OPS_PORT: String(port),
    WALLET_CORE_OPS_TOKEN: token,
    WALLET_CORE_OPS_DOCKER_HOSTS: `unix://${folder}/no-docker.sock`,
    WALLET_CORE_OPS_PROMETHEUS_URL: "http://127.0.0.1:1",
    WALLET_CORE_OPS_DEPLOY_INFO_PATH: `${folder}/none.json`,
    ...more,
  };
  const own = [process.execPath, "src/cli.ts", command] as const;
  const [program, ...args] = through ? ([...through, ...own] as const) : own;
  const child = run(program, args, ["ignore", stdout, "pipe"], env);
  let stderr = "";
  child.stderr?.on("data", (chunk) => (stderr += chunk));
  const url = `http://127.0.0.1:${port}`;
  await until(() =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return { child, url, stderr: () => stderr };
}

const request = `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${"x".repeat(100)}\r\n\r\n`;

/** Each is a line of the log. Less work than `fetch`. */
async function sendRequests(url: string, count: number): Promise<void> {
  await Promise.all(Array.from({ length: 10 }, () => sendInTurn(url, count / 10)));
}

async function sendInTurn(url: string, count: number): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.write(request));
  let answers = 0;
  for await (const chunk of socket) {
    const [, status] = /^HTTP\/1.1 (\d+)/.exec(String(chunk)) ?? [];
    if (status === undefined) continue;
    if (status !== "200") throw new Error(`The answer ${answers} has the status ${status}`);
    answers += 1;
    if (answers === count) return;
    socket.write(request);
  }
  throw new Error(`The connection ended after ${answers} answers`);
}

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly dropped?: number;
  readonly path?: string;
}

const parse = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

async function readDropped(url: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  return Number(/^ops_log_lines_dropped_total (\d+)/m.exec(await response.text())?.[1]);
}

test("a gateway whose log nobody reads answers, and counts what is lost", { timeout: 150_000 }, async () => {
  const pipe = makePipe("gateway");
  const { child, url } = await startServer("serve", pipe.end);
  pipe.close();
  await sendRequests(url, 5000);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const dropped = await readDropped(url);
  expect(dropped).toBeGreaterThan(100);

  const cat = pipe.read();
  await until(() => pipe.text().includes('"dropped":'));
  await sendRequests(url, 50);
  child.kill("SIGTERM");
  expect(await untilEnded(child)).toEqual([0, null]);
  pipe.release();
  await untilEnded(cat);
  const lines = parse(pipe.text());
  const gaps = lines.filter(({ dropped: count }) => count !== undefined);
  expect(gaps.every(({ level, msg }) => level === "warn" && msg === "log lines dropped: stdout was not read")).toBe(
    true,
  );
  const lost = gaps.reduce((sum, gap) => sum + (gap.dropped ?? 0), 0);
  // Its start and end are 3 lines, requests of the test 5,050, health checks 2, the scrape one and
  // what it missed 3.
  expect(lines.length - gaps.length + lost).toBe(5059);
  expect(lost).toBeGreaterThanOrEqual(dropped);
  expect(lines.at(-1)?.msg).toBe("stopped");
});

test("a fleet whose log's reader is stopped answers, and ends at SIGTERM", async () => {
  const pipe = makePipe("fleet");
  const cat = pipe.read();
  const { child, url } = await startServer("fleet", pipe.end, {
    env: { WALLET_CORE_OPS_REGIONS: "eu=http://127.0.0.1:1" },
  });
  pipe.close();
  await until(() => pipe.text().includes('"listening"'));
  cat.kill("SIGSTOP");
  await sendRequests(url, 1000);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const began = performance.now();
  child.kill("SIGTERM");
  expect(await untilEnded(child)).toEqual([0, null]);
  // 10 s for what is in flight, and one for the log.
  expect(performance.now() - began).toBeLessThan(toBound(11_000));
  cat.kill("SIGCONT");
  pipe.release();
  await untilEnded(cat);
  // What the kernel had: the last line may be cut.
  expect(parse(pipe.text().replace(/[^\n]*$/, "")).length).toBeGreaterThan(50);
});

test.each(["SOCK_DGRAM", "SOCK_SEQPACKET"])(
  "a gateway with a %s as stdout answers without a log, and says so",
  async (kind) => {
    const { child, url, stderr } = await startServer("serve", "ignore", { through: ["perl", "-e", toSocket(kind)] });
    await sendRequests(url, 2000);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    // One line at its start, 2,000 requests, one health check and what waiting for the start asked
    // for.
    expect(await readDropped(url)).toBeGreaterThanOrEqual(2002);
    child.kill("SIGTERM");
    expect(await untilEnded(child)).toEqual([0, null]);
    expect(stderr()).toContain("wallet-core-ops: no log: stdout must be a file, pipe, stream socket or terminal\n");
  },
);

const logs = `
  const { createLogger } = await import(process.argv[1] + "/src/lib/logger.ts");
  const logger = createLogger("info");
  for (let n = 0; n < 3000; n += 1) logger.info({ n, text: "x".repeat(1000) }, "line");
  process.stderr.write("logged");
`;
const program = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", logs, process.cwd()];

test("a socket that nobody reads does not stop the process", async () => {
  const child = run(process.execPath, program, ["ignore", "pipe", "pipe"]);
  child.stdout?.pause();
  expect(await untilEnded(child)).toEqual([0, null]);
});

test("a terminal that nobody reads does not stop the process", async () => {
  const command = `exec "${process.execPath}" ${program.map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ")} 2>"$LOG"`;
  const log = join(folder, "terminal.log");
  // Its own output fills, and it reads the terminal no more.
  const terminal = run(
    "script",
    ["--quiet", "--return", "--command", command, "/dev/null"],
    ["ignore", "pipe", "ignore"],
    {
      LOG: log,
      SHELL: "/bin/sh",
    },
  );
  terminal.stdout?.pause();
  await expect.poll(() => existsSync(log) && readFileSync(log, "utf8")).toBe("logged");
});

test("a full disk ends the process with 1", async () => {
  const full = openSync("/dev/full", "w");
  const child = run(process.execPath, program, ["ignore", full, "pipe"]);
  closeSync(full);
  let text = "";
  child.stderr?.on("data", (chunk) => (text += chunk));
  expect(await once(child, "close")).toEqual([1, null]);
  expect(text).toContain("ENOSPC");
});

test("a reader that is slow gets every line", async () => {
  const child = run(
    process.execPath,
    program.map((arg) => arg.replace("3000", "900")),
    ["ignore", "pipe", "ignore"],
  );
  const slow = child.stdout as NonNullable<typeof child.stdout>;
  let text = "";
  for await (const chunk of slow) {
    text += String(chunk);
    await new Promise((resolve) => void setTimeout(resolve, 2));
  }
  expect(parse(text).map((line) => (line as { n?: number }).n)).toEqual(Array.from({ length: 900 }, (_, n) => n));
});
