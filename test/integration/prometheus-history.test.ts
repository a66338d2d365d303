import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { type NodeExporter, startNodeExporter } from "../../script/services/node-exporter.ts";
import { type Prometheus, startPrometheus } from "../../script/services/prometheus.ts";
import { startVictoriaMetrics } from "../../script/services/victoria-metrics.ts";
import type { HostPoint } from "../../src/hosts/history.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { HistoryRange } from "../../src/lib/range.ts";
import { createHostSource, type PrometheusSource } from "../../src/prometheus/source.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { machineMetrics, type MetricsServer, startMetricsServer } from "../support/metrics-server.ts";
import { untilSamples } from "../support/prometheus.ts";

const never = new AbortController().signal;
/** With whether a store may have a last sample for five minutes, also where none followed. */
const stores = [
  ["Prometheus", startPrometheus, true],
  ["VictoriaMetrics", startVictoriaMetrics, false],
] as const;
const now = () => Math.floor(Date.now() / 1000);
/** Each second from then to now. */
const since = (from: number): HistoryRange => ({ from, step: 1, steps: now() - from });
const seconds = (point: HostPoint) => Date.parse(point.time) / 1000;
/** The newest point that is known: VictoriaMetrics shows a sample up to 2 s after its scrape. */
function newest(points: readonly HostPoint[]): HostPoint | undefined {
  const found = points.findLast(({ up }) => up !== null);
  return found && seconds(found) > now() - 5 ? found : undefined;
}

/**
 * A store that scrapes each second, through what happens to it and to its targets; each test leaves
 * all of them running.
 */
describe.each(stores)("the past in %s", (name, startStore, mayLinger) => {
  const folder = join(inject("runFolder"), `history-${name}`);
  let exporter: NodeExporter;
  let other: MetricsServer;
  let gateway: MetricsServer;
  let containerMetrics = "";
  let prometheus: Prometheus;
  let source: PrometheusSource;

  const start = (port?: number) =>
    startStore(folder, {
      targets: [
        { job: "node", targets: [exporter.address, other.address] },
        { job: "ops", targets: [gateway.address] },
      ],
      ...(port ? { port } : {}),
    });

  beforeAll(async () => {
    exporter = await startNodeExporter(folder);
    other = await startMetricsServer(() => machineMetrics("calm", 0.25));
    gateway = await startMetricsServer(() => containerMetrics);
    prometheus = await start();
    source = createHostSource({ url: prometheus.url, thresholds: { cpu: 1, mem: 1 }, logger: silentLogger, ttlMs: 0 });
    await untilSamples(
      prometheus.url,
      'count(count by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))) == 2',
    );
  });

  afterAll(async () => {
    await source?.close();
    await Promise.all([
      prometheus?.stop(),
      exporter?.stop(),
      other?.[Symbol.asyncDispose](),
      gateway?.[Symbol.asyncDispose](),
    ]);
  });

  async function historyOf(range: HistoryRange, instance: string) {
    const found = (await source.history(range, [instance], never)).get(instance);
    if (!found) throw new Error(`nothing of ${instance}`);
    return found;
  }

  it("a host has no numbers while it was down", async () => {
    const from = now() - 2;
    await sleep(1000);
    await exporter.stop();
    await untilSamples(prometheus.url, `up{instance="${exporter.address}"} == 0`);
    const down = now();
    await sleep(4000);
    const lingering = `rate(node_cpu_seconds_total{instance="${exporter.address}",mode="idle"}[5m])`;
    await untilSamples(prometheus.url, lingering);
    const end = now();
    exporter = await startNodeExporter(folder, { address: exporter.address });
    await untilSamples(prometheus.url, `up{instance="${exporter.address}"} == 1`);
    await sleep(3000);

    const { points, stepSeconds } = await historyOf(since(from), exporter.address);
    expect(stepSeconds).toBe(1);
    const dead = points.filter((point) => seconds(point) > down && seconds(point) < end);
    expect(dead.length).toBeGreaterThanOrEqual(3);
    expect(dead.filter(({ up }) => up === false).length).toBeGreaterThanOrEqual(3);
    for (const { time: _time, up, ...values } of dead) {
      // A scrape that comes late, on a machine that is busy, leaves a time of which nothing is
      // known.
      expect(up).not.toBe(true);
      expect(values).toEqual({ cpuUtil: null, memUtil: null, diskUtil: null, load1: null });
    }
    const before = points.findLast((point) => point.up && seconds(point) <= down) as HostPoint;
    for (const alive of [before, newest(points) as HostPoint]) {
      expect(alive).toMatchObject({
        up: true,
        memUtil: expect.any(Number),
        diskUtil: expect.any(Number),
        load1: expect.any(Number),
      });
      for (const share of [alive.cpuUtil, alive.memUtil, alive.diskUtil]) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }
    }
    // The other host went on all the while.
    const calm = await historyOf(since(from), other.address);
    const meanwhile = calm.points.filter((point) => seconds(point) > down && seconds(point) < end);
    expect(meanwhile.some(({ up }) => up === false)).toBe(false);
    expect(meanwhile.filter(({ memUtil }) => memUtil === 0.75).length).toBeGreaterThanOrEqual(3);
    expect(newest(calm.points)?.cpuUtil).toBeCloseTo(0.25, 2);
  });

  it("nothing is known while Prometheus did not scrape", async () => {
    const from = now() - 3;
    const port = Number(new URL(prometheus.url).port);
    await prometheus.stop();
    const stopped = now();
    await sleep(5000);
    const begin = now();
    prometheus = await start(port);
    await untilSamples(prometheus.url, `timestamp(up{instance="${other.address}"}) > ${begin}`);
    await sleep(2000);
    const body = new URLSearchParams({
      query: "node_load1",
      start: `${stopped + 3}`,
      end: `${stopped + 3}`,
      step: "1",
    });
    const raw = await (await fetch(`${prometheus.url}/api/v1/query_range`, { method: "POST", body })).text();
    // A Prometheus that takes long to stop writes that its targets are gone.
    expect(raw.includes(exporter.address) && !mayLinger).toBe(false);
    const { points } = await historyOf(since(from), exporter.address);
    const unasked = points.filter((point) => seconds(point) > stopped + 2 && seconds(point) < begin);
    expect(unasked.length).toBeGreaterThanOrEqual(2);
    expect(unasked.map(({ up, memUtil, cpuUtil, load1 }) => [up, memUtil, cpuUtil, load1])).toEqual(
      unasked.map(() => [null, null, null, null]),
    );
    expect(newest(points)).toMatchObject({ up: true, memUtil: expect.any(Number) });
  }, 60_000);

  it("ranges before all samples and unknown instances are unknown", async () => {
    const range = { from: now() - 86_400, step: 60, steps: 60 };
    expect([...(await source.history(range, [exporter.address], never)).keys()]).toEqual([]);
    expect([...(await source.history(since(now() - 10), ["a.*|b"], never)).keys()]).toEqual([]);
  });

  it("11,000 points, the maximum, are answered", async () => {
    const range = { from: now() - 11_000, step: 1, steps: 11_000 };
    const { points } = await historyOf(range, other.address);
    expect(points).toHaveLength(11_000);
    expect(points[0]?.up).toBe(null);
    expect(newest(points)?.up).toBe(true);
  });

  it("the points of a slower Prometheus are at its scrapes' distance", async () => {
    const slow = await startStore(join(folder, "slow"), {
      targets: [{ job: "node", targets: [other.address] }],
      scrapeInterval: "2s",
    });
    try {
      for (const scrapes of [2, 5]) await untilSamples(slow.url, `count_over_time(up[1m]) >= ${scrapes}`);
      await using closing = { [Symbol.asyncDispose]: () => slowSource.close() };
      const slowSource = createHostSource({
        url: slow.url,
        thresholds: { cpu: 1, mem: 1 },
        logger: silentLogger,
        ttlMs: 0,
      });
      expect(closing).toBeDefined();
      // A sample is shown late, and a scrape comes late on a machine that is busy: the next six
      // seconds then have all.
      await vi.waitFor(
        async () => {
          const range = { from: now() - 8, step: 1, steps: 6 };
          const found = (await slowSource.history(range, [other.address], never)).get(other.address);
          expect(found?.stepSeconds).toBe(2);
          expect(found?.points.map(({ up, memUtil }) => [up, memUtil])).toEqual([
            [true, 0.75],
            [true, 0.75],
            [true, 0.75],
          ]);
        },
        { timeout: 30_000, interval: 500 },
      );
    } finally {
      await slow.stop();
    }
  }, 60_000);

  it("containers' past comes from our own /metrics, by environment", async () => {
    const staging = sampleContainer({ name: "web", restarts: 2 });
    const production = sampleContainer({ name: "web", env: "production", restarts: 7, fullId: "f".repeat(64) });
    const memory = createMemorySources({ containers: [staging, production] });
    await using real = await startGateway(memory.sources);
    const scrape = async () => (await real.fetch("/metrics?stats=1")).text();
    containerMetrics = await scrape();
    await untilSamples(prometheus.url, "count(ops_container_cpu_percent) == 2");
    const shown = now() + 1;
    await sleep(5500);
    memory.setContainers([production]);
    containerMetrics = await scrape();
    await untilSamples(prometheus.url, "count(ops_container_cpu_percent) == 1");
    const gone = now() + 1;
    await sleep(2500);
    const web = { name: "web", engine: "local", env: "staging" } as const;
    const range = since(shown - 60);
    const [found, nobody, elsewhere] = await source.containerHistory(
      range,
      [web, { ...web, name: "worker" }, { ...web, engine: "far" }],
      never,
    );
    expect([nobody, elsewhere]).toEqual([null, null]);
    expect(found).toMatchObject({ source: "prometheus", stepSeconds: 1 });
    const between = (after: number, before: number) =>
      found?.points.filter(({ time }) => Date.parse(time) / 1000 > after && Date.parse(time) / 1000 < before) ?? [];
    const known = between(shown, gone - 2).filter(({ cpuPct }) => cpuPct !== null);
    expect(known.length).toBeGreaterThanOrEqual(2);
    for (const point of known) expect(point).toMatchObject({ cpuPct: 12.4, memPct: 34.1, restarts: 2 });
    const after = between(gone, now() + 1);
    expect(after.length).toBeGreaterThanOrEqual(1);
    for (const point of after) expect(point).toMatchObject({ cpuPct: null, memPct: null, restarts: null });
    expect(Date.parse(found?.since ?? "") / 1000).toBeGreaterThan(shown - 60);
  });
});
