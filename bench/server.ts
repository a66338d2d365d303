import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { forkOwn } from "../script/services/process.ts";
import { token } from "./servers/sample.ts";

/** A server of bench/servers, in a process of its own. */
export interface Server {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
}

interface StartOptions {
  readonly name: string;
  /** In bench/servers. */
  readonly file: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly execArgv?: readonly string[];
}

/** Options of `npm start` and the image. */
const shippedOptions = ["--max-semi-space-size=8"];

/** The server has one core and wrk another, where there are two: else they move between them. */
const hasCores = availableParallelism() > 1;

/** Rejects when it ends before it listens. */
export async function startServer({
  name,
  file,
  args = [],
  env,
  execArgv = shippedOptions,
}: StartOptions): Promise<Server> {
  const child = forkOwn(join(import.meta.dirname, "servers", file), args, {
    execArgv,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: { ...process.env, ...env },
  });
  const exited = once(child, "exit").then(() => Promise.reject(new Error(`${name} ended`)));
  const [{ port }] = (await Promise.race([once(child, "message"), exited])) as [{ port: number }];
  if (hasCores) execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", "0", String(child.pid)]);
  return { name, child, port };
}

async function readCpu({ child }: Server): Promise<number> {
  child.send("cpu");
  const [{ cpu }] = (await once(child, "message")) as [{ cpu: number }];
  return cpu;
}

/** CPU microseconds for each request, over a second of load. `options`: of wrk. */
export async function measureLoad(
  server: Server,
  path: string,
  connections = 8,
  options: readonly string[] = [],
): Promise<number> {
  const begin = await readCpu(server);
  const url = `http://127.0.0.1:${server.port}${path}`;
  const args = ["-t1", `-c${connections}`, "-d1s", "-H", `Authorization: Bearer ${token}`, ...options, url];
  const [command, ...before] = hasCores ? ["taskset", "--cpu-list", "1", "wrk"] : ["wrk"];
  const report = execFileSync(command, [...before, ...args], { encoding: "utf8" });
  if (/Non-2xx|Socket errors/.test(report)) throw new Error(`${server.name}: ${report}`);
  return ((await readCpu(server)) - begin) / Number(/(\d+) requests in/.exec(report)?.[1]);
}
