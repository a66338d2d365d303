import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { freePort } from "../../script/services/process.ts";
import { toBound } from "./bound.ts";
import { assertNoCrash } from "./crash.ts";
import type { NetworkNamespace } from "./network-namespace.ts";
import { until } from "./until.ts";

const processToken = "process-token-0123456789";

/** Longer than it drains. */
const endMs = 45_000;

export interface AuditLine {
  readonly seq: number;
  readonly ts: string;
  readonly outcome: string;
  readonly intent: number | null;
  readonly container_name: string;
  readonly detail: string | null;
  readonly code: string | null;
  readonly docker_status: number | null;
}

/**
 * The gateway as a process of its own, so that it can be signalled and killed; only Docker is
 * configured. `network`: a network of its own to run in.
 */
export async function startGatewayProcess(
  socketPath: string,
  service: string,
  auditFile: string,
  more: Record<string, string> = {},
  network: Pick<NetworkNamespace, "prefix" | "address"> = { prefix: [], address: "127.0.0.1" },
) {
  const port = Number(more["PORT"] ?? (await freePort()));
  const set: Record<string, string> = {
    HOST: network.address,
    PORT: String(port),
    TOKEN: processToken,
    SERVICE: service,
    DOCKER_HOSTS: `own=unix://${socketPath}`,
    AUDIT_FILE: auditFile,
    RESTART: "on",
    RESTART_COOLDOWN: "0",
    RESTART_BUDGET: "10000",
    ...more,
  };
  const env = Object.fromEntries(Object.entries(set).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value]));
  const [command, ...args] = [...network.prefix, process.execPath, "src/cli.ts", "serve"];
  const child: ChildProcess = spawn(command, args, {
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  let text = "";
  let wasKilled = false;
  child.stdout?.on("data", (chunk) => (text += chunk));
  child.stderr?.on("data", (chunk) => (text += chunk));
  const ended = once(child, "close").then(([code]) => code as number | null);
  await until(() => text.includes('"listening"') || child.exitCode !== null).catch((error: Error) => {
    throw new Error(`${error.message}: the gateway is not listening:\n${text}`);
  });
  const url = `http://${network.address}:${port}`;
  const headers = { authorization: `Bearer ${processToken}` };
  return {
    url,
    token: processToken,
    ended,
    log: () => text,
    kill: (signal: NodeJS.Signals) => {
      wasKilled ||= signal === "SIGKILL";
      return child.kill(signal);
    },
    /** Ends it as a supervisor would, if it has not ended yet. */
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), toBound(endMs));
      await ended;
      clearTimeout(late);
      assertNoCrash(text);
      if (child.signalCode === "SIGKILL" && !wasKilled)
        throw new Error(`It did not end in ${endMs} ms: ${text.slice(-2000)}`);
    },
    async restart(name: string, query = "", extra: Record<string, string> = {}, signal: AbortSignal | null = null) {
      const path = `/api/v1/admin/ops/containers/${name}/restart${query}`;
      const response = await fetch(url + path, { method: "POST", headers: { ...headers, ...extra }, signal });
      return { status: response.status, headers: response.headers, body: await response.json() };
    },
    async query(
      query: string,
      extra: Record<string, string> = {},
      signal: AbortSignal | null = null,
    ): Promise<{ data: any; errors?: any[] }> {
      const body = JSON.stringify({ query });
      const init = {
        method: "POST",
        body,
        headers: { ...headers, ...extra, "content-type": "application/json" },
        signal,
      };
      return (await (await fetch(`${url}/graphql`, init)).json()) as never;
    },
  };
}

/** The complete entries: a full disk leaves partial lines too. */
export function readAudit(path: string): AuditLine[] {
  const text = readFileSync(path, "utf8");
  return text
    .split("\n")
    .filter((line) => /^\{"seq".*"\}$/.test(line))
    .map((line) => JSON.parse(line) as AuditLine);
}

/**
 * The names of restarted containers in the order of the engine's events, live. Resolves when it
 * listens. `since`: includes events from then on that the daemon still has.
 */
export async function watchRestarts(socketPath: string, since?: Date, event: "restart" | "kill" = "restart") {
  const names: string[] = [];
  const filters = encodeURIComponent(JSON.stringify({ type: ["container"], event: [event] }));
  const from = since ? `&since=${since.getTime() / 1000}` : "";
  const call = request({ socketPath, path: `/events?filters=${filters}${from}` });
  call.end();
  const [response] = (await once(call, "response")) as [IncomingMessage];
  call.on("error", () => {});
  response.on("error", () => {});
  let rest = "";
  response.on("data", (chunk) => {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.filter(Boolean)) {
      names.push((JSON.parse(line) as { Actor: { Attributes: { name: string } } }).Actor.Attributes.name);
    }
  });
  return { names, [Symbol.dispose]: () => void call.destroy() };
}
