import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type Prometheus, startPrometheus } from "../../script/services/prometheus.ts";
import type { Host, HostSource } from "../../src/hosts/host.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { parseAnswer } from "../../src/prometheus/answer.ts";
import { createPrometheusClient } from "../../src/prometheus/client.ts";
import { hostQuery } from "../../src/prometheus/query.ts";
import { toHostReport } from "../../src/prometheus/report.ts";
import { createHostSource, probePrometheus } from "../../src/prometheus/source.ts";
import { machineMetrics, type MetricsServer, startMetricsServer } from "../support/metrics-server.ts";
import { untilSamples } from "../support/prometheus.ts";
import { finish } from "../support/steps.ts";

/** A real Prometheus that scrapes exporters of ours, each with a trap. */
const exporters = {
  busy: () => machineMetrics("busy", 0.9),
  calm: () => machineMetrics("calm", 0.25),
  clone1: () => machineMetrics("clone", 0.1),
  clone2: () => machineMetrics("clone", 0.1),
  noMemory: () => machineMetrics("no-memory", 0.1).replaceAll(/node_memory.*\n/g, ""),
  noName: () => machineMetrics("", 0.1).replaceAll(/node_uname.*\n/g, ""),
  nan: () => machineMetrics("nan", 0.1).replace("Available_bytes 250", "Available_bytes NaN"),
  emptyMemory: () => machineMetrics("empty-memory", 0.1).replace("Total_bytes 1000", "Total_bytes 0"),
  pod: () => machineMetrics("pod-host", 0.1),
  other: () => "some_other_exporter 1\n",
} satisfies Record<string, () => string>;
type Name = keyof typeof exporters;

const thresholds = { cpu: 0.85, mem: 0.85 };
const never = new AbortController().signal;
const servers = {} as Record<Name, MetricsServer>;
let prometheus: Prometheus;
let source: HostSource;

beforeAll(async () => {
  for (const [name, metrics] of Object.entries(exporters)) servers[name as Name] = await startMetricsServer(metrics);
  const { pod, other, ...nodes } = servers;
  const targets = [
    { job: "node", targets: Object.values(nodes).map((server) => server.address) },
    { job: "kubernetes-pods", targets: [pod.address, other.address] },
  ];
  prometheus = await startPrometheus(join(inject("runFolder"), "exporters"), { targets });
  source = createHostSource({ url: prometheus.url, thresholds, logger: silentLogger, ttlMs: 0 });
  await untilSamples(prometheus.url, 'count(rate(node_cpu_seconds_total{mode="idle"}[1m])) == 9');
});

afterAll(async () => {
  await source?.close();
  await prometheus?.stop();
  await Promise.all(Object.values(servers).map((server) => server[Symbol.asyncDispose]()));
});

async function hosts(): Promise<Record<string, Host>> {
  const report = await source.report(never);
  return Object.fromEntries(report.hosts.map((host) => [host.name, host]));
}

it("all node-exporters are found under unique sorted names", async () => {
  const names = (await source.report(never)).hosts.map((host) => host.name);
  const clones = [servers.clone1, servers.clone2].map((server) => `clone (${server.address})`);
  expect(names).toEqual([
    "127.0.0.1",
    "busy",
    "calm",
    ...clones.toSorted(),
    "empty-memory",
    "nan",
    "no-memory",
    "pod-host",
  ]);
});

it("a known load is read correctly a few seconds after the start", async () => {
  const { busy, calm } = await hosts();
  expect(busy).toMatchObject({ cpuUtil: expect.closeTo(0.9, 2), memUtil: 0.75, alert: true, diskUtil: null });
  expect(calm).toMatchObject({ cpuUtil: expect.closeTo(0.25, 2), memUtil: 0.75, alert: false });
});

it("a missing or invalid number is null with a reason; the rest is served", async () => {
  const all = await hosts();
  const rest = { status: "up", cpuUtil: expect.closeTo(0.1, 2), memUtil: null, alert: false };
  expect(all["no-memory"]).toMatchObject({ ...rest, reason: expect.stringContaining("no memory metrics") });
  expect(all["nan"]).toMatchObject({ ...rest, reason: expect.stringContaining("the memory value is not finite") });
  expect(all["empty-memory"]).toMatchObject({
    ...rest,
    reason: expect.stringContaining("the memory value is not finite"),
  });
});

it("an exporter that dies is down, and the others do not change", async () => {
  await Promise.all([servers.busy, servers.pod].map((server) => server[Symbol.asyncDispose]()));
  await untilSamples(prometheus.url, "count(up == 0 and idelta(up[1m]) == 0) == 2");
  const all = await hosts();
  const down = {
    status: "down",
    alert: true,
    cpuUtil: null,
    memUtil: null,
    reason: "node-exporter does not answer Prometheus (up is 0)",
  };
  expect([all["busy"], all["pod-host"]]).toMatchObject([down, down]);
  expect(all["calm"]).toMatchObject({ status: "up", cpuUtil: expect.closeTo(0.25, 2), alert: false });
  expect(await probePrometheus({ url: prometheus.url, thresholds })).toEqual({
    ok: true,
    detail: "9 hosts, down: busy, pod-host",
  });
});

it("an exporter is not down before the second scrape that fails", async () => {
  const target = servers.busy.address;
  const { data } = (await query(`up{instance="${target}"}[5m]`)) as {
    data: { result: [{ values: [number, string][] }] };
  };
  const scrapes = data.result[0].values;
  const failed = scrapes.findIndex(([, up]) => up === "0");
  const at = async (scrape: number) => {
    const [time] = scrapes[failed + scrape] ?? [0];
    const answer = finish(parseAnswer(200, JSON.stringify(await query(hostQuery, time))));
    return finish(toHostReport(answer, thresholds)).hosts.find(({ instance }) => instance === target);
  };
  const [before, first, second] = [await at(-1), await at(0), await at(1)];
  expect(before).toMatchObject({
    status: "up",
    memUtil: 0.75,
    reason: "no file system metrics; no load metrics; no network metrics",
  });
  expect(first).toMatchObject({ status: "up", alert: true, cpuUtil: expect.closeTo(0.9, 2), memUtil: 0.75 });
  expect(first?.reason).toContain("node-exporter missed the last scrape");
  expect(second).toMatchObject({ status: "down", cpuUtil: null, memUtil: null });
});

/** The whole answer to a query, also to one for raw samples, at a time. */
async function query(promql: string, time?: number): Promise<unknown> {
  const body = new URLSearchParams({ query: promql, ...(time && { time: `${time}` }) });
  return (await fetch(`${prometheus.url}/api/v1/query`, { method: "POST", body })).json();
}

async function ask(promql: string, path = "") {
  const client = createPrometheusClient({ url: prometheus.url + path, timeoutMs: 3_000 });
  try {
    return await client.query(promql, never);
  } finally {
    await client.close();
  }
}

it("Prometheus' refusals have distinct errors", async () => {
  await expect(ask("up(")).rejects.toMatchObject({
    kind: "rejected",
    message: "Prometheus rejected the query (bad_data)",
  });
  await expect(ask("up * on () up")).rejects.toMatchObject({
    kind: "rejected",
    message: "Prometheus rejected the query (execution)",
  });
  await expect(ask("up", "/nowhere")).rejects.toMatchObject({
    kind: "no_api",
    message: expect.stringContaining("HTTP 404"),
  });
  expect(await ask("up{job='no such'}")).toEqual({ samples: [], evaluatedAt: null, warnings: [] });
});
