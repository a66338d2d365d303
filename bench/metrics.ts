import { createGateway } from "../src/gateway.ts";
import type { EdgeRequest } from "../src/http/surface.ts";
import { statusByCode } from "../src/lib/errors.ts";
import { silentLogger } from "../src/lib/logger.ts";
import { upstreams } from "../src/lib/upstream-call.ts";
import { createInstruments } from "../src/metrics/instruments.ts";
import { createCaller } from "../test/support/caller.ts";
import { sampleContainer } from "../test/support/containers.ts";
import { sampleHost } from "../test/support/hosts.ts";
import { createMemorySources } from "../test/support/memory-sources.ts";
import { describe, quartiles } from "./statistics.ts";

const rounds = Number(process.env["BENCH_SCRAPES"] ?? 101);
const limitMs = 20;
const [containerCount, queueCount, hostCount] = [200, 50, 10];

/**
 * In-memory sources with new row objects each time, so that nothing of a scrape can be cached for
 * the next.
 */
function createBenchSources() {
  const { sources } = createMemorySources({
    containers: Array.from({ length: containerCount }, (_, index) =>
      sampleContainer({
        fullId: index.toString(16).padStart(64, "0"),
        name: `wallet-core-staging-web-deploy-20260110-130322-prod-${index}`,
      }),
    ),
    queueSources: [
      {
        name: "jobs",
        env: "staging",
        metrics: Array.from({ length: queueCount }, (_, index) => ({
          name: `webhook.provider.process-${index}`,
          depth: index,
          active: 1,
          deferred: 2,
          retrying: 3,
          dead: 4,
          oldestAgeSeconds: 12.345,
          workers: 5,
        })),
        errors: [],
      },
    ],
    hosts: Array.from({ length: hostCount }, (_, index) => sampleHost({ name: `host-${index}` })),
  });
  const list: typeof sources.containers.list = async (...args) => {
    const { containers, engines } = await sources.containers.list(...args);
    return { containers: containers.map((row) => ({ ...row })), engines };
  };
  return { ...sources, containers: { ...sources.containers, listCached: () => null, list } };
}

/** The counters of a gateway that has run for a while: every route and code has occurred. */
function createUsedInstruments() {
  const instruments = createInstruments();
  for (let route = 0; route < 20; route += 1) {
    for (const status of [200, 304, 400, 404, 500, 503]) {
      instruments.observeRequest({ method: "GET", route: `/api/v1/admin/ops/route-${route}`, status, seconds: 0.003 });
    }
  }
  for (const upstream of upstreams) {
    for (const code of Object.keys(statusByCode)) instruments.observeCall(upstream, 0.003, code);
  }
  return instruments;
}

/** One scrape up to the bytes of its body: wall and CPU time, milliseconds. */
async function scrape(handle: (request: EdgeRequest) => unknown, query: string) {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const accept = "application/openmetrics-text;version=1.0.0";
  const caller = createCaller();
  const request = { ...caller, method: "GET", query, headers: { accept } };
  const { body } = (await handle(request as unknown as EdgeRequest)) as { body: string };
  const bytes = Buffer.from(body);
  caller.budget.end();
  const wallMs = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs, cpuMs: (user + system) / 1000, bytes: bytes.length, series: body.match(/^[^#]/gm)?.length ?? 0 };
}

/** The cost of a scrape of a large installation, without and with statistics. */
export async function benchMetrics(): Promise<boolean> {
  const { metrics } = createGateway(createBenchSources(), silentLogger, { instruments: createUsedInstruments() });
  const handle = (request: EdgeRequest) => metrics.handle(request);
  const first = await scrape(handle, "");
  const what = `${containerCount} containers, ${queueCount} queues`;
  process.stdout.write(`metrics, first scrape of a process: ${first.wallMs.toFixed(1)} ms wall\n`);
  let ok = true;
  for (const query of ["", "stats=1"]) {
    const runs = [];
    for (let round = -5; round < rounds; round += 1) {
      const run = await scrape(handle, query);
      if (round >= 0) runs.push(run);
    }
    const [wall, cpu] = [runs.map(({ wallMs }) => wallMs), runs.map(({ cpuMs }) => cpuMs)];
    const { series = 0, bytes = 0 } = runs[0] ?? {};
    process.stdout.write(
      `metrics, scrape of ${what}${query && `, ${query}`}: ${series} series, ${Math.round(bytes / 1000)} kB, ` +
        `wall ${describe(wall)} ms, CPU ${describe(cpu)} ms (limit ${limitMs} ms each)\n`,
    );
    ok &&= quartiles(wall).high < limitMs && quartiles(cpu).high < limitMs;
  }
  return ok;
}
