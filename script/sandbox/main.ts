import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { buildConsole } from "../console.ts";
import { endStarts, type Running, UnavailableError } from "../services/process.ts";
import { startPrometheus } from "../services/prometheus.ts";
import { startContainers } from "./containers.ts";
import { startDatabase } from "./database.ts";
import { writeDeployInfo } from "./deploy.ts";
import { findEngine } from "./engine.ts";
import { type Parts, type SandboxGateway, startGateway } from "./gateway.ts";
import { incidentScenario } from "./incident/scenario.ts";
import { healthyScenario, type Scenario } from "./scenario.ts";
import { callStop, toCurl, tourStops } from "./tour.ts";

const once = process.argv.includes("--once") || process.env["DEMO_ONCE"] === "1";
const isBuilt = process.argv.includes("--built");
const isIncident = process.argv.includes("--incident");
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);

/** Ends the demo once: what is starting is killed, what runs is stopped in order. */
function interrupt(): void {
  if (!interrupted.signal.aborted) say("\n-- stopping all that was started ...");
  interrupted.abort();
  endStarts();
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

let hasFailed = false;

/**
 * Runs one step with a line for its start and its end. Returns null after a line with the reason:
 * the demo goes on without a part that this machine does not have, and ends with one that failed.
 */
async function part<T>(
  what: string,
  start: () => Promise<T> | T,
  detail: (value: T) => string = () => "",
): Promise<T | null> {
  if (interrupted.signal.aborted) return null;
  const began = performance.now();
  say(`-- ${what} ...`);
  try {
    const value = await start();
    say(`-- ${what}: ready in ${((performance.now() - began) / 1000).toFixed(1)} s ${detail(value)}`.trimEnd());
    return value;
  } catch (error) {
    if (interrupted.signal.aborted) return null;
    const isMissing = error instanceof UnavailableError;
    say(`!! ${what} ${isMissing ? "is not available" : "failed"}: ${(error as Error).message}`);
    hasFailed ||= !isMissing;
    if (hasFailed) interrupt();
    return null;
  }
}

/**
 * Starts every part of a scenario in `folder` and registers its end. `missing`: the parts that are
 * not available.
 */
async function startParts(
  folder: string,
  { containers, deploys, ...database }: Scenario,
  stack: AsyncDisposableStack,
): Promise<{ parts: Parts; missing: Set<string> }> {
  const keep = (running: Running) => stack.defer(() => running.stop());
  const [docker, queues, hosts] = await Promise.all([
    part(
      "Docker with the containers of a Kamal host",
      async () => {
        const engine = await findEngine(folder, containers, keep);
        const remove = await startContainers(engine.socketPath, containers);
        // Ctrl-C reaches our own engine too, which may have ended already.
        if (!engine.isOurs) stack.defer(remove);
        return engine;
      },
      (engine) => `on ${engine.what}`,
    ),
    part("PostgreSQL with job tables and a worker", () => startDatabase(folder, database, keep)),
    part("Prometheus and node-exporter", async () => {
      const running = await startPrometheus(join(folder, "prometheus"));
      keep(running);
      return running;
    }),
  ]);
  const deployInfoPath = join(folder, "deploy", "deploy_info.json");
  const deploy = await part("deploy_info.json by the Kamal post-deploy hook", () =>
    writeDeployInfo(folder, deployInfoPath, deploys),
  );
  // After the parts, whose end would otherwise wait for it: it takes the event loop for seconds.
  const pages = await part("the console's files", () =>
    buildConsole(fileURLToPath(new URL("../../dist/console", import.meta.url))),
  );
  const missing = new Set<string>();
  for (const [name, found] of Object.entries({ docker, queues, hosts, console: pages, deploy }))
    if (found === null) missing.add(name);
  const parts = {
    dockerSocket: docker?.socketPath ?? null,
    database: queues,
    prometheusUrl: hosts?.url ?? null,
    deployInfoPath,
  };
  return { parts, missing };
}

/**
 * Calls every endpoint once and shows each call and a piece of its answer. Resolves to the number
 * of unexpected answers.
 */
async function tour(gateway: SandboxGateway, container: string, missing: ReadonlySet<string>): Promise<number> {
  let wrong = 0;
  for (const stop of tourStops(container)) {
    if (interrupted.signal.aborted) break;
    say(`\n$ ${toCurl(stop, gateway)}`);
    const { ok, status, text, ms } = await callStop(stop, gateway, missing).catch((error: unknown) => ({
      ok: false,
      status: 0,
      text: String(error),
      ms: 0,
    }));
    if (!ok) wrong += 1;
    say(`${ok ? "" : "UNEXPECTED: "}HTTP ${status} in ${Math.round(ms)} ms`);
    say(text.length > 400 ? `${text.slice(0, 400)} ... (${text.length} characters)` : text.trimEnd());
  }
  return wrong;
}

/** What there is to find, and when. */
function incidentText(now: Date): string {
  const stalledBy = new Date(now.getTime() + 6 * 60_000).toISOString().slice(11, 16);
  return [
    "== Incident: a bad release. payouts-worker restarts in a loop; pos_settlement fails, and its workers hang: it is stalled at",
    `==           ${stalledBy} UTC at the latest, when nothing has ended for 5 minutes. The workers' logs have a line for each failure since the start.`,
  ].join("\n");
}

async function main(): Promise<number> {
  // Unix sockets have paths of at most 107 bytes: not below the clone, wherever that may be.
  const folder = mkdtempSync(join(tmpdir(), "ops-demo-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  stack.defer(() => say("-- stopped"));
  mkdirSync(join(folder, "deploy"));
  say(`-- private folder: ${folder}`);
  const startedAt = new Date();
  const scenario = isIncident ? incidentScenario(startedAt, folder) : healthyScenario(startedAt);
  const { parts, missing } = await startParts(folder, scenario, stack);
  const gateway = await part(
    "the gateway",
    () => startGateway(folder, parts, isBuilt, (running) => stack.defer(() => running.stop())),
    ({ url }) => `at ${url}`,
  );
  if (gateway === null) return hasFailed ? 1 : 130;
  const wrong = await tour(gateway, scenario.containers.find(({ running }) => running)?.name ?? "", missing);
  if (interrupted.signal.aborted) return 130;
  say(
    `\n== ${wrong === 0 ? "Every endpoint answered as documented." : `${wrong} answers were not the documented ones: see above.`}`,
  );
  if (missing.size > 0)
    say(`== Without: ${[...missing].join(", ")} (reasons above); their endpoints answered the documented 404 or 503.`);
  say(`== Address:  ${gateway.url}\n== Token:    ${gateway.token}   (every scope, both environments)`);
  say(`== Console:  ${gateway.url}/#token=${gateway.token}   (signs in)`);
  say(`== GraphiQL: ${gateway.url}/graphql   (enter the token)\n== Gateway's log: ${gateway.logFile}`);
  if (wrong > 0)
    say(
      readFileSync(gateway.logFile, "utf8")
        .split("\n")
        .filter((line) => line.includes('"level":"error"'))
        .slice(-10)
        .join("\n"),
    );
  if (isIncident) say(incidentText(new Date()));
  if (!once) {
    say("== The worker continues: ask again to see changing rates. Ctrl-C stops everything.");
    await new Promise((resolve) => interrupted.signal.addEventListener("abort", resolve, { once: true }));
  }
  interrupt();
  return wrong === 0 ? 0 : 1;
}

// An open handle keeps the process alive while it waits for Ctrl-C.
const alive = setInterval(() => {}, 60_000);
const code = await main();
clearInterval(alive);
// Whatever is still open does not keep the demo, and what still runs ends with it.
process.exit(code);
