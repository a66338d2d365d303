import { randomBytes } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { shippedCommand } from "../../bench/shipped.ts";
import { freePort, isFree, type Running, startProcess } from "../services/process.ts";
import type { SandboxDatabase } from "./database.ts";

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** Addresses of the sandbox's parts; null for an unavailable one. */
export interface Parts {
  readonly dockerSocket: string | null;
  readonly database: SandboxDatabase | null;
  readonly prometheusUrl: string | null;
  readonly deployInfoPath: string;
}

export interface SandboxGateway {
  readonly url: string;
  /** A token with every scope. */
  readonly token: string;
  readonly logFile: string;
}

type Keep = (part: Running) => void;

/**
 * Starts the gateway over `parts`, from its sources or as the image does with the built bundle, on
 * port 4000 if that is free. A missing part is configured too, and answers its 503.
 */
export async function startGateway(
  folder: string,
  parts: Parts,
  isBuilt: boolean,
  keep: Keep,
): Promise<SandboxGateway> {
  if (await isFree(4000)) {
    try {
      return await startOn(4000, folder, parts, isBuilt, keep);
    } catch (error) {
      // Another sandbox may have taken it in between.
      if (await isFree(4000)) throw error;
    }
  }
  return startOn(await freePort(), folder, parts, isBuilt, keep);
}

async function startOn(
  port: number,
  folder: string,
  parts: Parts,
  isBuilt: boolean,
  keep: Keep,
): Promise<SandboxGateway> {
  const url = `http://127.0.0.1:${port}`;
  const token = `sandbox_${randomBytes(24).toString("base64url")}`;
  const headers = { authorization: `Bearer ${token}` };
  const logFile = join(folder, "gateway.log");
  const set: Record<string, string> = {
    PORT: String(port),
    TOKEN: token,
    ENV: "staging",
    DOCKER_HOSTS: `unix://${parts.dockerSocket ?? join(folder, "no-docker.sock")}`,
    PROMETHEUS_URL: parts.prometheusUrl ?? "http://127.0.0.1:1",
    DEPLOY_INFO_PATH: parts.deployInfoPath,
    AUDIT_FILE: join(folder, "audit.jsonl"),
    RESTART: "on",
    MCP: "on",
    MCP_ACTIONS: "on",
    ...(parts.database ? toSettings(parts.database) : {}),
  };
  // Nothing from the caller's shell may point this gateway, with its switches on, at a real host.
  for (const name of Object.keys(process.env)) if (name.startsWith("WALLET_CORE_OPS_")) delete process.env[name];
  const { args, env } = isBuilt
    ? shippedCommand()
    : { args: ["--disable-warning=ExperimentalWarning", cli, "serve"], env: {} };
  keep(
    await startProcess({
      command: process.execPath,
      args,
      env: {
        ...env,
        ...Object.fromEntries(Object.entries(set).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value])),
      },
      logFile,
      // What answers at the port may be another's.
      ready: async () => (await fetch(`${url}/graphql?query={__typename}`, { headers })).ok,
    }),
  );
  await untilReady(url);
  return { url, token, logFile };
}

/**
 * It answers before it has looked at its record; a machine whose record cannot be written shows
 * that itself.
 */
async function untilReady(url: string): Promise<void> {
  for (let tries = 50; tries > 0 && !(await fetch(`${url}/readyz`)).ok; tries -= 1) await sleep(100);
}

function toSettings({ gatewayUrl, controlUrl, queuesFile }: SandboxDatabase): Record<string, string> {
  return { DATABASE_URL: gatewayUrl, QUEUES_FILE: queuesFile, JOBS: "on", CONTROL_DATABASE_URL: controlUrl };
}
