import { setTimeout as sleep } from "node:timers/promises";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { type LogBatch, toBatch } from "../../src/containers/logs/log.ts";
import { createGateway } from "../../src/gateway.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import { createEdge } from "../../src/http/server.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { sampleHost } from "../../test/support/hosts.ts";
import { sampleLine } from "../../test/support/logs.ts";
import { createMemorySources } from "../../test/support/memory-sources.ts";
import { sampleQueue } from "../../test/support/queues.ts";
import { containers, reportTo, token } from "./sample.ts";

// A gateway whose upstreams answer from memory, for the console: as many containers and queues as
// asked for, and a log that never ends. BUSY: the numbers of queues change every 2 s, those of hosts
// every 15 s, as Prometheus scrapes them, and one container, queue and host of five is in trouble.
const isBusy = process.env["BUSY"] === "1";
const isTroubled = (index: number) => isBusy && index % 5 === 0;
const random = (most: number) => Math.floor(Math.random() * most);
const queueCount = Number(process.env["QUEUES"] ?? 20);
const toQueues = () =>
  Array.from({ length: queueCount }, (_, index) =>
    sampleQueue({
      name: `webhook.provider.process-${index}`,
      depth: index,
      ...(isBusy && {
        depth: 100 + random(900),
        oldestAgeSeconds: random(isTroubled(index) ? 5e9 : 6e7) / 1e6,
        processedPerSec: random(30_000) / 300,
        failuresLastHour: random(20),
        active: random(5),
        observedAt: new Date().toISOString(),
      }),
    }),
  );
const toHosts = () =>
  Array.from({ length: isBusy ? 9 : 5 }, (_, index) =>
    sampleHost({
      name: `host-${index}`,
      instance: `10.0.0.${index}:9100`,
      ...(isBusy && {
        cpuUtil: Math.random(),
        memUtil: Math.random(),
        load1: 8 * Math.random(),
        networkReceiveBytesPerSec: 1e6 * Math.random(),
        networkTransmitBytesPerSec: 1e6 * Math.random(),
        diskUtil: isTroubled(index) ? 0.97 : 0.5,
      }),
    }),
  );
let queues = toQueues();
const hosts = toHosts();
const { sources: memory } = createMemorySources({
  containers: containers.map((container, index) => ({
    ...container,
    ...(isBusy && { engine: `fra-${index % 2}` }),
    ...(isTroubled(index) && { health: "unhealthy" as const }),
  })),
  ...(isBusy && { engines: ["fra-0", "fra-1"].map((name) => ({ name, ok: true, error: null })) }),
  hosts,
  queueSources: [{ name: "jobs", metrics: queues, errors: [] }],
});

/** Lines of a followed log, each second. */
const linesPerSecond = 25_000;

async function* writeLines(signal: AbortSignal): AsyncGenerator<LogBatch> {
  const begin = performance.now();
  for (let count = 0; !signal.aborted;) {
    const due = Math.min(count + 500, Math.floor(((performance.now() - begin) / 1000) * linesPerSecond));
    const lines = Array.from({ length: due - count }, (_, index) =>
      sampleLine(`{"level":"info","msg":"GET /api/v1/wallets","status":200,"request":${count + index}}`, {
        timestamp: new Date().toISOString(),
      }),
    );
    count = due;
    if (lines.length > 0) yield toBatch({ lines });
    await sleep(10);
  }
}

// As the real ones do, what they read last is known, and statistics are new every 2 s.
const queueSources = await memory.queues.all(new AbortController().signal);
const toAnswers = () => queueSources.map((source) => ({ source, metrics: queues, failures: [] }));
let answers = toAnswers();
let report = await memory.hosts.report(new AbortController().signal);
let statsVersion = 0;
setInterval(() => {
  statsVersion += 1;
  if (!isBusy) return;
  queues = toQueues();
  answers = toAnswers();
  if (statsVersion % 8 === 0) report = { ...report, hosts: toHosts(), updatedAt: new Date().toISOString() };
}, 2000);

const sources: Sources = {
  ...memory,
  containers: {
    ...memory.containers,
    statsVersion: () => statsVersion,
    follow: async (_ref, _options, signal) => writeLines(signal),
  },
  queues: {
    ...memory.queues,
    all: async () =>
      isBusy ? queueSources.map((source) => ({ ...source, metrics: async () => queues })) : queueSources,
    allCached: () => answers,
  },
  hosts: { ...memory.hosts, report: async () => report, reportCached: () => report },
};
const logger = createLogger("silent");
const authenticator = createAuthenticator({ token, logger });
// As many tokens as consoles would have: a token may open five streams.
const limits = { streamsPerToken: 500, streamBurst: 1000, limitPerToken: 500 };
const edge = createEdge({ ...createGateway(sources, logger), authenticator, logger, limits });
reportTo((await edge.listen("127.0.0.1", 0)).port);
