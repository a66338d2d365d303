import process from "node:process";
import { Readable } from "node:stream";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import type { ContainerRef } from "../../src/containers/container.ts";
import { readLogWindow } from "../../src/containers/docker/logs/window.ts";
import { type LogOptions, toLogPage } from "../../src/containers/logs/log.ts";
import { createGateway } from "../../src/gateway.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import { createEdge } from "../../src/http/server.ts";
import { createSharedBudget, type ReadBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { HistoryRange } from "../../src/lib/range.ts";
import { checkPoints } from "../../src/queues/history.ts";
import { sampleContainer } from "./containers.ts";
import { frame } from "./docker-frames.ts";
import { sampleHost, rememberHost } from "./hosts.ts";
import { createMemorySources } from "./memory-sources.ts";
import { rememberQueues } from "./queues.ts";

/**
 * A gateway over large sources, in its own process with the image's memory limit: 50 containers
 * with 5,000 lines of log each, 50 queues with many failures, 50 hosts, and histories of all. Its
 * parent asks how long its event loop was blocked, and for its memory.
 */
const many = Array.from({ length: 50 }, (_, index) => index);
const lineLengths = [100, 900, 15_000];

const containers = many.map((index) =>
  sampleContainer({
    name: `web-${index}`,
    role: index % 2 ? "web" : "worker",
    probe: { failingStreak: 1, failingSince: null, checkedAt: "2026-01-13T09:45:00Z", output: "refused ".repeat(500) },
  }),
);
const queues = many.map((index) => `queue-${index}`);
const failures = Array.from({ length: 2500 }, (_, index) => ({
  queue: `queue-${index % 50}`,
  source: "jobs",
  jobId: `${index}`,
  error: `error ${index % 97} `.padEnd(2000, "of a kind "),
  timestamp: new Date(Date.now() - index * 1000).toISOString(),
  count: 3,
}));
const recall = rememberQueues(queues);
const memory = createMemorySources({
  containers,
  hosts: many.map((index) => sampleHost({ name: `host-${index}`, instance: `10.0.0.${index}:9100` })),
  queueSources: [
    {
      name: "jobs",
      metrics: queues.map((name) => ({ name, depth: 7 })),
      errors: failures,
      history: async (names, range, signal) => {
        checkPoints((names ?? queues).length * range.steps);
        return recall(names, range, signal);
      },
    },
  ],
});

const chunks = new Map(
  lineLengths.map((length) => {
    const lines = Array.from({ length: Math.min(5000, Math.floor(20e6 / length)) }, (_, index) => {
      const time = new Date(1_768_297_200_000 + index * 100).toISOString().replace("Z", "000000Z");
      return frame("stdout", Buffer.from(`${time} ${`${index} "job" done `.padEnd(length, "abc 123 ")}\n`));
    });
    const whole = Buffer.concat(lines);
    return [
      length,
      Array.from({ length: Math.ceil(whole.length / 65_536) }, (_, at) =>
        whole.subarray(at * 65_536, (at + 1) * 65_536),
      ),
    ];
  }),
);

async function readLogs({ fullId }: ContainerRef, options: LogOptions, budget: ReadBudget) {
  const index = containers.findIndex((container) => container.fullId === fullId);
  const parts = chunks.get(lineLengths[index % 3] ?? 0) ?? [];
  const { lines, dropped } = await readLogWindow(Readable.from(parts), { ...options, tty: false, size: null }, budget);
  return toLogPage({ lines, truncated: dropped > 0 });
}

async function recallHosts(range: HistoryRange, instances: readonly string[], signal: AbortSignal) {
  const found = new Map<string, ReturnType<typeof rememberHost>>();
  const budget = createSharedBudget(signal);
  for (const instance of instances) {
    await budget.turn();
    found.set(instance, rememberHost(range));
  }
  return found;
}

const sources: Sources = {
  ...memory.sources,
  containers: { ...memory.sources.containers, logs: readLogs },
  hosts: { ...memory.sources.hosts, history: recallHosts },
};

/**
 * The most CPU time of this thread between two rounds of the event loop, ms, without the share of
 * other processes.
 */
let longest = 0;
let last = process.threadCpuUsage();
function watch(): void {
  const { user, system } = process.threadCpuUsage(last);
  longest = Math.max(longest, (user + system) / 1000);
  last = process.threadCpuUsage();
  setTimeout(watch, 1);
}

const token = process.argv[2] ?? "";
const authenticator = createAuthenticator({ token, logger: silentLogger });
const edge = createEdge({ ...createGateway(sources, silentLogger), authenticator, logger: silentLogger });
const { port } = await edge.listen("127.0.0.1", 0);
watch();
process.on("message", () => {
  process.send?.({ longest, rss: process.memoryUsage.rss() });
  longest = 0;
});
process.once("disconnect", () => process.exit());
process.send?.({ port });
