import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type NodeExporter, startNodeExporter } from "../../script/services/node-exporter.ts";
import { type Prometheus, startPrometheus } from "../../script/services/prometheus.ts";
import type { HostSource } from "../../src/hosts/host.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createHostSource } from "../../src/prometheus/source.ts";
import { toBound } from "../support/bound.ts";
import { freeze, untilSamples } from "../support/prometheus.ts";

/** One source through everything that happens to its upstreams; each test leaves them running. */
const timeoutMs = 1_000;
const never = new AbortController().signal;
const folder = join(inject("runFolder"), "prometheus-faults");
let exporter: NodeExporter;
let prometheus: Prometheus;
let source: HostSource;

const start = (port?: number) =>
  startPrometheus(folder, { targets: [{ job: "node", targets: [exporter.address] }], ...(port ? { port } : {}) });

beforeAll(async () => {
  exporter = await startNodeExporter(folder);
  prometheus = await start();
  source = createHostSource({
    url: prometheus.url,
    thresholds: { cpu: 1, mem: 1 },
    logger: silentLogger,
    timeoutMs,
    ttlMs: 0,
  });
  await untilSamples(prometheus.url, "rate(node_cpu_seconds_total[1m])");
});

afterAll(async () => {
  await source?.close();
  await Promise.all([prometheus?.stop(), exporter?.stop()]);
});

it("node-exporter stopped: down with an alert; started: up again", async () => {
  const { hosts: before } = await source.report(never);
  expect(before).toMatchObject([{ status: "up", reason: null }]);
  await exporter.stop();
  await untilSamples(prometheus.url, "up == 0 and idelta(up[1m]) == 0");
  const { hosts: down } = await source.report(never);
  expect(down).toMatchObject([
    { name: before[0]?.name, status: "down", alert: true, cpuUtil: null, memUtil: null, load1: null },
  ]);
  exporter = await startNodeExporter(folder, { address: exporter.address });
  await untilSamples(prometheus.url, "up == 1");
  expect((await source.report(never)).hosts).toMatchObject([
    { name: before[0]?.name, status: "up", memUtil: expect.any(Number) },
  ]);
});

it("Prometheus frozen: prometheus_unavailable in time; thawed: answers", async () => {
  {
    using _ = freeze(prometheus.pid);
    const begin = performance.now();
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => source.report(never)));
    expect(performance.now() - begin).toBeLessThan(timeoutMs + 1_500);
    for (const answer of answers) {
      expect(answer).toMatchObject({
        reason: { code: "prometheus_unavailable", message: "Prometheus did not answer in time (1000 ms)" },
      });
    }
  }
  await expect
    .poll(() => source.report(never).then((report) => report.hosts.length), { timeout: toBound(5_000) })
    .toBe(1);
});

it("Prometheus stopped: prometheus_unavailable at once; started: answers", async () => {
  await prometheus.stop();
  const refused = {
    code: "prometheus_unavailable",
    status: 503,
    message: "Prometheus is not reachable (ECONNREFUSED)",
  };
  for (let attempt = 0; attempt < 3; attempt += 1) await expect(source.report(never)).rejects.toMatchObject(refused);
  prometheus = await start(Number(new URL(prometheus.url).port));
  expect((await source.report(never)).hosts).toHaveLength(1);
});

it("Prometheus without node-exporters: prometheus_unavailable says so", async () => {
  const empty = await startPrometheus(join(folder, "empty"), { targets: [] });
  const other = createHostSource({ url: empty.url, thresholds: { cpu: 1, mem: 1 }, logger: silentLogger });
  await expect(other.report(never)).rejects.toMatchObject({
    code: "prometheus_unavailable",
    message: "Prometheus has no node-exporter metrics",
  });
  await Promise.all([other.close(), empty.stop()]);
});
