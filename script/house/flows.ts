import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { createTestDatabase } from "../../test/support/postgres-database.ts";
import { createRiverJobs } from "../../test/support/postgres-jobs.ts";
import { callDocker } from "../services/docker-api.ts";
import { startDockerd } from "../services/dockerd.ts";
import { startPostgres } from "../services/postgres.ts";
import { freePort, startProcess } from "../services/process.ts";

/** Files of `src` that one warm call enters, by name of the flow. */
export type Flows = ReadonlyMap<string, readonly string[]>;

/**
 * Calls of each flow; the one with the fewest files counts, because a timer may run during a call.
 */
const calls = 5;

/**
 * Runs the gateway of `checkout` over a real dockerd and a real PostgreSQL and makes the calls of
 * "Three flows" in ARCHITECTURE.md. Counts by V8's precise coverage of a call: a file is entered
 * when one of its functions ran. `checkout` needs its own node_modules.
 */
export async function measureFlows(checkout: string): Promise<Flows> {
  const folder = mkdtempSync(join(tmpdir(), "ops-house-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const dockerd = await startDockerd(join(folder, "docker"), { bridge: false });
  stack.defer(() => dockerd.stop());
  const postgres = await startPostgres(join(folder, "postgres"));
  stack.defer(() => postgres.stop());
  const create = async (name: string, command: string) => {
    const labels = { service: "wallet-core", role: "web", destination: "staging" };
    const path = `/containers/create?name=wallet-core-web-staging-${name}`;
    const host = { NetworkMode: "none", Binds: [`${folder}:/signals:ro`] };
    const body = { Image: "ops-sample:latest", Cmd: ["sh", "-c", command], Labels: labels, HostConfig: host };
    const { Id } = (await callDocker(dockerd.socketPath, "POST", path, body)) as { Id: string };
    await callDocker(dockerd.socketPath, "POST", `/containers/${Id}/start`);
    return Id;
  };
  await create("v1", "sleep 3600");
  const gateway = await startGateway(checkout, folder, dockerd.socketPath, await createRiver(postgres.url));
  stack.defer(() => gateway.stop());

  const flows = new Map<string, readonly string[]>();
  flows.set(
    "die to a subscriber",
    await gateway.fewest(async (count) => {
      const name = randomBytes(4).toString("hex");
      const id = await create(name, `until [ -e /signals/${name} ]; do sleep 0.02; done`);
      await gateway.subscribe("subscription { containerEvents { events { action } } }", async (message) => {
        // The start and the inspection after it are over by then.
        await sleep(2000);
        await count(async () => {
          writeFileSync(join(folder, name), "");
          await message((text) => text.includes('"die"'));
        });
      });
      await callDocker(dockerd.socketPath, "DELETE", `/containers/${id}?force=1`);
      // The inspection after the event, and that of the removal.
      await sleep(2000);
    }),
  );
  for (const [path, restMs] of [
    ["/containers?include_stats=true", 300],
    // An answer is shared for a second at least.
    ["/queues", 2500],
  ] as const) {
    await gateway.get(path);
    flows.set(
      `GET ${path}`,
      await gateway.fewest(async (count) => {
        await gateway.get(path);
        await sleep(restMs);
        await count(() => gateway.get(path));
      }),
    );
  }
  return flows;
}

/** A database with River's table and a job in each state. */
async function createRiver(serverUrl: string): Promise<string> {
  const database = await createTestDatabase(serverUrl, "house");
  const jobs = await createRiverJobs(database);
  const states = ["waiting", "running", "done", "failed"] as const;
  await jobs.insert(states.map((state) => ({ queue: "mail", state, error: "timeout" })));
  return database.url;
}

interface MeasuredGateway {
  get(path: string): Promise<void>;
  /**
   * Opens a subscription over SSE and waits until it is open; hands over how to wait for a message.
   */
  subscribe(
    query: string,
    run: (message: (isMeant: (text: string) => boolean) => Promise<void>) => Promise<void>,
  ): Promise<void>;
  /**
   * Runs `one` several times; it passes its call to `count`. Resolves to the shortest list of files
   * that a call entered.
   */
  fewest(one: (count: (call: () => Promise<void>) => Promise<void>) => Promise<void>): Promise<readonly string[]>;
  stop(): Promise<void>;
}

async function startGateway(
  checkout: string,
  folder: string,
  socketPath: string,
  databaseUrl: string,
): Promise<MeasuredGateway> {
  const [port, inspectPort] = [await freePort(), await freePort()];
  const token = randomBytes(24).toString("base64url");
  const origin = `http://127.0.0.1:${port}`;
  const set = {
    PORT: String(port),
    TOKEN: token,
    ENV: "staging",
    DOCKER_HOSTS: `unix://${socketPath}`,
    DATABASE_URL: databaseUrl,
    AUDIT_FILE: join(folder, "audit.jsonl"),
  };
  const running = await startProcess({
    command: process.execPath,
    args: [
      "--disable-warning=ExperimentalWarning",
      `--inspect=127.0.0.1:${inspectPort}`,
      join(checkout, "src/cli.ts"),
      "serve",
    ],
    env: Object.fromEntries(Object.entries(set).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value])),
    logFile: join(folder, "gateway.log"),
    ready: async () => (await fetch(`${origin}/healthz`)).ok,
  });
  const profiler = await connectProfiler(inspectPort);
  const headers = { authorization: `Bearer ${token}` };
  const source = pathToFileURL(join(checkout, "src/")).href;
  return {
    async get(path) {
      const response = await fetch(`${origin}/api/v1/admin/ops${path}`, { headers });
      const text = await response.text();
      if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    },
    async subscribe(query, run) {
      const response = await fetch(`${origin}/graphql`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
        body: JSON.stringify({ query }),
      });
      if (!response.ok || !response.body) throw new Error(`${query}: ${response.status} ${await response.text()}`);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      await run(async (isMeant) => {
        let text = "";
        while (!isMeant(text)) {
          const { done, value } = await reader.read();
          if (done) throw new Error(`The subscription ended after ${text}`);
          text += value;
        }
      });
      await reader.cancel();
    },
    async fewest(one) {
      let fewest: readonly string[] | null = null;
      for (let call = 0; call < calls; call++)
        await one(async (run) => {
          await profiler.take();
          await run();
          const files = (await profiler.take())
            .filter((url) => url.startsWith(source))
            .map((url) => url.slice(source.length));
          if (!fewest || files.length < fewest.length) fewest = files.toSorted();
        });
      return fewest ?? [];
    },
    async stop() {
      profiler.close();
      await running.stop();
    },
  };
}

interface Profiler {
  /** URLs of the scripts of which a function ran since the last call of this. */
  take(): Promise<readonly string[]>;
  close(): void;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
}

/** Precise coverage over the Chrome DevTools Protocol. */
async function connectProfiler(port: number): Promise<Profiler> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
    webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? "");
  const answers = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id: number; result: unknown };
    answers.get(id)?.(result);
    answers.delete(id);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error("The gateway's inspector does not answer")), {
      once: true,
    });
  });
  let last = 0;
  const call = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve) => {
      answers.set(++last, resolve);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  await call("Profiler.enable");
  await call("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  return {
    async take() {
      const { result } = (await call("Profiler.takePreciseCoverage")) as { result: readonly ScriptCoverage[] };
      return result
        .filter(({ functions }) => functions.some(({ ranges }) => (ranges[0]?.count ?? 0) > 0))
        .map(({ url }) => url);
    },
    close: () => socket.close(),
  };
}
