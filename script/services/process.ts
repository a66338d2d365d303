import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A part is not available on this machine, with the reason. The demo reports it and continues without. */
export class UnavailableError extends Error {}

/** A real service that this process started. */
export interface Running {
  readonly pid: number;
  /** Ends it (SIGTERM, then SIGKILL after 15 s) and waits until it is gone. Idempotent. */
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
  /** One that ends by itself is noticed at once; this is for a machine that is busy. @default 120000 */
  readonly timeoutMs?: number;
}

/** Starts a process of our own, waits until it is ready, and fails with the end of its log when it is not. */
export async function startProcess(options: StartOptions): Promise<Running> {
  const log = openSync(options.logFile, "a");
  const child = spawn(options.command, options.args, {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.env },
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  failed.catch(() => {});
  const stop = () => stopChild(child, exited);
  const deadline = Date.now() + (options.timeoutMs ?? 120_000);
  try {
    while (!(await Promise.race([options.ready().catch(() => false), failed]))) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
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

async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await exited;
  clearTimeout(timer);
}

function tail(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(-15).join("\n") : "";
}

/**
 * A TCP port of 127.0.0.1 that was free a moment ago. It is below the range from which Linux gives ports to outgoing connections and to
 * servers without one (32768 and higher): only another caller of this could get it before this one listens, or while its server restarts.
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
