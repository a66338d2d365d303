import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { randomInt, randomUUID } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A part is not available on this machine, with the reason. The demo reports it and continues
 * without.
 */
export class UnavailableError extends Error {}

/** A real service that this process started. */
export interface Running {
  readonly pid: number;
  /** Ends it (SIGTERM, then SIGKILL after its time) and waits until it is gone. Idempotent. */
  stop(): Promise<void>;
}

interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Receives stdout and stderr; its end is quoted when the start fails. */
  readonly logFile: string;
  /** Resolves true once it serves. Polled every 50 ms. */
  readonly ready: () => Promise<boolean>;
  /**
   * One that ends by itself is noticed at once; this is for a machine that is busy. @default 120000
   */
  readonly timeoutMs?: number;
  /** How long it may take to end after SIGTERM. @default 15000 */
  readonly graceMs?: number;
}

/**
 * What this process starts, and what that starts, has such a variable from each of the scripts
 * above it.
 */
const markPrefix = "OPS_STARTED_BY_";
const markName = markPrefix + randomUUID().replaceAll("-", "_");

/**
 * Waits for the end of its input, which is the end of this process, however that ends. Then it
 * kills whatever has the mark, with its children: also what has left its group and its parent, as
 * the shims of a Docker daemon, and processes without our environment, as those of containers.
 */
const guardian = `
trap '' INT TERM HUP
cat >/dev/null
tree() {
  for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
  kill -KILL "$1" 2>/dev/null
}
for round in 1 2 3 4 5 6 7 8 9 10; do
  found=$(grep -lzxFs -e "$1" /proc/[0-9]*/environ)
  [ -n "$found" ] || exit 0
  for file in $found; do pid=\${file#/proc/}; tree "\${pid%/environ}"; done
  sleep 0.1
done`;

let guard: ChildProcess | null = null;
const interrupted = new AbortController();

/**
 * Fails all that is starting, at once, and all that would start later. What runs is stopped by
 * whoever started it.
 */
export function endStarts(): void {
  interrupted.abort(new Error("interrupted"));
}

/** Signals until when a start may go on. `OPS_START_SECONDS` shortens all of them. */
export function untilLate(ms: number): AbortSignal {
  const most = Number(process.env["OPS_START_SECONDS"] ?? Infinity) * 1000;
  return AbortSignal.any([interrupted.signal, AbortSignal.timeout(Math.min(ms, most))]);
}

/**
 * The environment for a program that a library starts, such as a browser: the program ends with
 * this process, however that ends. `env`: the variables that it has otherwise.
 */
export function ownEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  if (guard === null) {
    // Without marks: otherwise it would end itself.
    const { PATH } = process.env;
    const args = ["-c", guardian, "guardian", `${markName}=1`];
    guard = spawn("sh", args, { env: { PATH }, detached: true, stdio: ["pipe", "ignore", "ignore"] });
    // There is no such program on Windows, where the bundle can be built.
    guard.on("error", () => {}).unref();
    (guard.stdin as Socket).on("error", () => {}).unref();
  }
  const outer = Object.entries(process.env).filter(([name]) => name.startsWith(markPrefix));
  return { ...env, ...Object.fromEntries(outer), [markName]: "1" } as Record<string, string>;
}

/**
 * The only way in which scripts and benchmarks start a program. It leads a process group of its
 * own, so Ctrl-C reaches the script alone, which then stops its parts in order. It ends with the
 * script, even if that is killed.
 */
export function spawnOwn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(command, args, { ...options, env: ownEnvironment(options.env), detached: true });
}

/**
 * As `spawnOwn`, for a program of Node that exchanges messages with this process. Its stdout and
 * stderr are ours.
 */
export function forkOwn(
  file: string,
  args: readonly string[],
  { execArgv = [], ...options }: ForkOptions = {},
): ChildProcess {
  return spawnOwn(process.execPath, [...execArgv, file, ...args], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    ...options,
  });
}

interface ForkOptions extends Pick<SpawnOptions, "env" | "stdio"> {
  /** Of Node. */
  readonly execArgv?: readonly string[];
}

/**
 * Runs a script, and ends the process. SIGINT, SIGTERM and SIGHUP fail what is starting and what
 * `work` waits for. At every end what is on the stack is stopped in order; what is not there ends
 * with the process.
 */
export async function runScript(work: (stack: AsyncDisposableStack) => Promise<void>): Promise<never> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, endStarts);
  const stack = new AsyncDisposableStack();
  const ended = once(interrupted.signal, "abort").then(() => Promise.reject(interrupted.signal.reason as Error));
  try {
    await Promise.race([work(stack), ended]);
  } catch (error) {
    if (!interrupted.signal.aborted) process.stderr.write(`${(error as Error).stack}\n`);
    process.exitCode = interrupted.signal.aborted ? 130 : 1;
  }
  await Promise.allSettled(starting);
  await stack.disposeAsync();
  process.exit();
}

interface RunOptions {
  readonly cwd?: string;
  /** All of its environment. @default that of this process */
  readonly env?: NodeJS.ProcessEnv;
  /** @default 30000 */
  readonly timeoutMs?: number;
  /** It also runs after `endStarts`: a step that cleans up. @default false */
  readonly isCleanUp?: boolean;
}

/**
 * Runs a program to its end; resolves to its output. Rejects with what it wrote to stderr if it
 * fails, and kills it when it is late.
 */
export async function runProgram(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { timeoutMs = 30_000, isCleanUp = false, cwd, env } = options;
  const late = isCleanUp ? AbortSignal.timeout(timeoutMs) : untilLate(timeoutMs);
  late.throwIfAborted();
  const child = spawnOwn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const text = { out: "", err: "" };
  child.stdout?.on("data", (chunk) => (text.out += chunk));
  child.stderr?.on("data", (chunk) => (text.err += chunk));
  try {
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const [code, signal] = (await once(child, "exit", { signal: late })) as [number | null, NodeJS.Signals | null];
    // What it has left behind may hold its output open.
    await Promise.race([closed, sleep(500, undefined, { ref: false })]);
    if (code !== 0) throw new Error(`${command} failed (${code ?? signal}): ${text.err.trim()}`);
    return text.out;
  } catch (error) {
    if (!late.aborted) throw error;
    throw new Error(`${command} did not end: ${toReason(late)}`, { cause: error });
  } finally {
    killGroup(child);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

const toReason = ({ reason }: AbortSignal) =>
  reason === interrupted.signal.reason ? "interrupted" : "it took too long";

/** Also what a program that has ended left in its group. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing is left.
  }
}

/** Those that have neither succeeded nor failed, and then stopped what they started. */
const starting = new Set<Promise<unknown>>();

/**
 * Starts a process of our own, waits until it is ready, and fails with the end of its log when it
 * is not.
 */
export async function startProcess(options: StartOptions): Promise<Running> {
  const start = startUntilReady(options);
  starting.add(start);
  try {
    return await start;
  } finally {
    starting.delete(start);
  }
}

async function startUntilReady(options: StartOptions): Promise<Running> {
  const late = untilLate(options.timeoutMs ?? 120_000);
  late.throwIfAborted();
  const log = openSync(options.logFile, "a");
  const child = spawnOwn(options.command, options.args, {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.env },
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    late.addEventListener("abort", () =>
      reject(new Error(`${options.command} did not become ready: ${toReason(late)}`)),
    );
  });
  failed.catch(() => {});
  const stop = () => stopChild(child, exited, options.graceMs ?? 15_000);
  try {
    while (!(await Promise.race([options.ready().catch(() => false), failed]))) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${options.command} did not become ready:\n${tail(options.logFile)}`);
      }
      await sleep(50);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid as number, stop };
}

async function stopChild(child: ChildProcess, exited: Promise<void>, graceMs: number): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGTERM");
    const timer = setTimeout(() => killGroup(child), graceMs);
    await exited;
    clearTimeout(timer);
  }
  killGroup(child);
}

function tail(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(-15).join("\n") : "";
}

/**
 * A TCP port of 127.0.0.1 that was free a moment ago. It is below the range from which Linux gives
 * ports to outgoing connections and to servers without one (32768 and higher): only another caller
 * of this could get it before this one listens, or while its server restarts.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    if (await isFree(port)) return port;
  }
}

/** Whether nothing listens at a port of 127.0.0.1. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Full path of a program in PATH or in the system folders, null when it is not installed. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}
