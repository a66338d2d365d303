import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type Running, UnavailableError, findProgram, freePort, startProcess } from "./process.ts";

/** A real Redis of our own, reachable at 127.0.0.1 only; it stores nothing on disk. */
export interface RunningRedis extends Running {
  /** With the password of the default user. */
  readonly url: string;
  readonly port: number;
  readonly password: string;
  /** Ends it, and with it all data; the port stays. `start` brings it back. */
  halt(): Promise<void>;
  start(): Promise<void>;
}

/** Debian's Redis. @throws UnavailableError when it is not installed */
export async function startRedis(dir: string): Promise<RunningRedis> {
  const command = findProgram("redis-server");
  if (command === null) throw new UnavailableError("Redis is not installed (apt-get install redis-server)");
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const password = randomBytes(16).toString("hex");
  const settings = { bind: "127.0.0.1", port: String(port), requirepass: password, dir, save: "", appendonly: "no" };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const start = () => startProcess({ command, args, logFile: join(dir, "redis.log"), ready: () => answers(port) });
  let server = await start();
  const onExit = () => {
    try {
      process.kill(server.pid, "SIGKILL");
    } catch {
      // Already gone.
    }
  };
  process.once("exit", onExit); // Cleans up after an interrupted test run.
  return {
    get pid() {
      return server.pid;
    },
    url: `redis://:${password}@127.0.0.1:${port}`,
    port,
    password,
    halt: () => server.stop(),
    start: async () => {
      server = await start();
    },
    stop: async () => {
      process.off("exit", onExit);
      await server.stop();
    },
  };
}

/** Whether it speaks: without the password, that is an error, and an answer. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write("PING\r\n"));
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once("error", () => end(false)).once("data", (data) => end(data.toString().includes("NOAUTH")));
  });
}
