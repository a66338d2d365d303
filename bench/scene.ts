import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forkOwn, freePort, spawnOwn } from "../script/services/process.ts";
import type { Scope } from "../src/auth/principal.ts";
import { createTokens } from "../test/support/tokens.ts";
import { readCpuMs } from "./cpu.ts";
import { shippedCommand } from "./shipped.ts";

/** The gateway, watching simulated engines. */
export interface Scene extends AsyncDisposable {
  readonly port: number;
  /** CPU time so far, milliseconds, in ticks of 10. */
  readonly cpuMs: () => number;
  readonly megabytes: () => number;
  /** Events a second from now on. */
  readonly emit: (perSecond: number) => void;
  /** 100 tokens: one may have five streams. */
  readonly token: (index: number) => string;
}

/** Tokens for `startScene`, which may read. */
export function createReaders(scopes: readonly Scope[] = ["ops:read"], lifetimeMs?: number) {
  const holders = Array.from({ length: 100 }, (_, index) => [`reader-${index}`, { scopes }] as const);
  return createTokens(Object.fromEntries(holders), lifetimeMs);
}

interface SceneOptions {
  /** Tokens that other gateways know too. */
  readonly shared?: ReturnType<typeof createReaders>;
  /** More variables of the gateway. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the containers are of many releases. */
  readonly hasReleases?: boolean;
}

/** Starts the built gateway and its engines, each in a process of its own. */
export async function startScene(
  engines: number,
  perEngine: number,
  { shared, env, hasReleases = false }: SceneOptions = {},
): Promise<Scene> {
  const tokens = shared ?? createReaders();
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-growth-"));
  const simulated = forkOwn(join(import.meta.dirname, "servers/engines.ts"), [
    String(engines),
    String(perEngine),
    ...(hasReleases ? ["releases"] : []),
  ]);
  const [{ sockets }] = (await once(simulated, "message")) as [{ sockets: string[] }];
  const port = await freePort();
  const shipped = shippedCommand();
  const gateway = spawnOwn(process.execPath, shipped.args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      PATH: process.env["PATH"] ?? "",
      WALLET_CORE_OPS_PORT: String(port),
      WALLET_CORE_OPS_TOKENS_FILE: tokens.file,
      WALLET_CORE_OPS_DOCKER_HOSTS: sockets.map((path, index) => `web-${index}=unix://${path}`).join(","),
      WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
      WALLET_CORE_OPS_AUDIT_FILE: join(folder, "audit.jsonl"),
      ...shipped.env,
      ...env,
    },
  });
  return {
    port,
    token: (index) => tokens.of(`reader-${index}`),
    ...measure(gateway),
    emit: (perSecond) => void simulated.send(perSecond),
    async [Symbol.asyncDispose]() {
      simulated.disconnect();
      if (gateway.kill()) await once(gateway, "exit");
      if (!shared) tokens[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** CPU and memory of a process. */
export function measure({ pid }: ChildProcess): Pick<Scene, "cpuMs" | "megabytes"> {
  return {
    cpuMs: () => readCpuMs(pid),
    megabytes: () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024,
  };
}
