import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createServer, type ServerResponse } from "node:http";
import { frame } from "../../test/support/docker-frames.ts";
import { eventLine, inspected, listed } from "../../test/support/docker-fake.ts";

/**
 * Simulated engines: their descriptions of a container are as long as those of a small one in
 * Docker. A message of the parent is the number of events a second from then on: each is the
 * restart of a container, which its inspection then shows. With the word "releases" they are of two
 * environments and many releases, of which one in five has stopped; else all are of one role, and
 * run.
 */
const [engines, containers] = process.argv.slice(2, 4).map(Number) as [number, number];
const hasReleases = process.argv[4] === "releases";
const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
const pad = Array.from({ length: 40 }, (_, index) => `SETTING_${index}=${"x".repeat(80)}`);

const name = (id: string) => `web-${id.slice(-6)}`;
const restarts = new Map<string, number>();
const subscribers: Set<ServerResponse>[] = [];
const inspect = (id: string) => {
  const release = toRelease(Number.parseInt(id, 16) % 10_000);
  const found = inspected(id, name(id), { Env: pad, ...release?.config }) as { readonly State: object };
  return JSON.stringify({
    ...found,
    ...(release && { State: { ...found.State, ...release.state }, Created: release.created }),
    RestartCount: restarts.get(id) ?? 0,
  });
};
const toId = (engine: number, index: number) => (engine * 10_000 + index).toString(16).padStart(64, "0");

/** What tells a container of the many releases from others. */
function toRelease(index: number) {
  if (!hasReleases || Number.isNaN(index)) return null;
  const release = index % 300;
  const createdMs = Date.UTC(2026, 0, 1) + release * 3_600_000 + index * 100;
  const created = new Date(createdMs).toISOString();
  const destination = index % 2 === 0 ? "staging" : "production";
  const config = { Image: `x:v${release}`, Labels: { service: "wallet-core", role: "web", destination } };
  const ended = { Status: "exited", FinishedAt: new Date(createdMs + 1_800_000).toISOString() };
  const state = { StartedAt: created, ...(index % 5 === 0 ? ended : {}) };
  return { config, state, created, createdMs };
}

/** As the list shows a container. */
function toListed(id: string, index: number): object {
  const release = toRelease(index);
  const change = release && {
    ...release.config,
    Created: Math.floor(release.createdMs / 1000),
    ...(index % 5 === 0 ? { State: "exited", Status: "Exited (0) 3 hours ago" } : {}),
  };
  return { ...listed(id, name(id), { Status: "Up 3 hours", ...change }), Mounts: pad.slice(0, 6) };
}

/** Statistics of a container that uses a tenth of a CPU. */
function measure(): object {
  const now = Date.now() * 1e6;
  const cpu_stats = { cpu_usage: { total_usage: now / 10 }, system_cpu_usage: now * 2, online_cpus: 2 };
  return { read: new Date().toISOString(), cpu_stats, memory_stats: { usage: 20_000_000, limit: 100_000_000 } };
}

/** Ten lines of now; a followed log has one more each second. */
function sendLog(url: string, response: ServerResponse): void {
  const writeLine = () => {
    const text = `${new Date().toISOString().replace("Z", "000000Z")} INFO a worker wrote job ${Math.random()} of the queue mailers`;
    response.write(frame("stdout", Buffer.from(`${text}\n`)));
  };
  for (let line = 0; line < 10; line += 1) writeLine();
  if (!url.includes("follow=1")) return void response.end();
  const timer = setInterval(writeLine, 1000);
  response.once("close", () => clearInterval(timer));
}

async function startEngine(engine: number): Promise<string> {
  const socketPath = join(folder, `${engine}.sock`);
  const ids = Array.from({ length: containers }, (_, index) => toId(engine, index));
  const list = JSON.stringify(ids.map(toListed));
  const own = new Set<ServerResponse>();
  subscribers[engine] = own;
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    if (url === "/_ping") response.writeHead(200, { "api-version": "1.45" }).end("OK");
    else if (url.includes("/events")) {
      own.add(response);
      response.once("close", () => own.delete(response));
      response.writeHead(200).flushHeaders();
    } else if (url.includes("/logs")) sendLog(url, response);
    else if (url.includes("/stats")) response.end(JSON.stringify(measure()));
    else response.end(url.includes("/containers/json") ? list : inspect(url.split("/")[3] ?? ""));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return socketPath;
}

let sent = 0;
/** The next event, of another container each time. */
function emit(): void {
  sent += 1;
  const engine = sent % engines;
  const id = toId(engine, (sent * 7919) % containers);
  restarts.set(id, (restarts.get(id) ?? 0) + 1);
  for (const response of subscribers[engine] ?? []) response.write(eventLine("start", id, { name: name(id) }));
}

let timer: NodeJS.Timeout | undefined;
process.on("message", (perSecond: number) => {
  clearInterval(timer);
  const [begin, before] = [performance.now(), sent];
  timer = setInterval(() => {
    while (sent - before < ((performance.now() - begin) / 1000) * perSecond) emit();
  }, 10);
});

const sockets = await Promise.all(Array.from({ length: engines }, (_, engine) => startEngine(engine)));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
process.once("disconnect", () => process.exit());
process.send?.({ sockets });
