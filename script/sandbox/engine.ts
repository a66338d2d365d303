import { existsSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { startDockerd } from "../services/dockerd.ts";
import { type Running, UnavailableError } from "../services/process.ts";
import { takenNames } from "./containers.ts";
import type { SandboxContainer } from "./kamal.ts";

const machineSocket = "/var/run/docker.sock";

export interface Engine {
  readonly socketPath: string;
  /** Whether it ends with the sandbox, and with it everything created on it. */
  readonly isOurs: boolean;
  /** Which one, and why, for people. */
  readonly what: string;
}

/**
 * An engine for the sandbox: the machine's own if it answers and has room for our names, else a
 * private one (needs root).
 */
export async function findEngine(
  folder: string,
  containers: readonly SandboxContainer[],
  keep: (part: Running) => void,
): Promise<Engine> {
  const why = await machineEngineProblem(containers);
  if (why === null)
    return { socketPath: machineSocket, isOurs: false, what: `the machine's Docker (${machineSocket})` };
  if (process.getuid?.() !== 0) throw new UnavailableError(`${why}, and only root may start a private one`);
  const dockerd = await startDockerd(join(folder, "docker"));
  keep(dockerd);
  return { socketPath: dockerd.socketPath, isOurs: true, what: `a private dockerd (${why})` };
}

/** Why the machine's engine cannot be used, null when it can. */
async function machineEngineProblem(containers: readonly SandboxContainer[]): Promise<string | null> {
  if (!existsSync(machineSocket)) return "the machine has no Docker socket";
  if (!(await answers(machineSocket))) return "the machine's Docker socket does not answer";
  const taken = await takenNames(machineSocket, containers);
  return taken.length === 0 ? null : `the machine's Docker already has ${taken.join(", ")}`;
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: "/_ping", timeout: 3_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once("timeout", () => ping.destroy());
    ping.once("error", () => resolve(false));
    ping.end();
  });
}
