import { expect, it } from "vitest";
import { sampleContainer } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { panelBody } from "../support/grafana-panel.ts";
import { sampleHost, rememberHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { type Asked, rememberQueues } from "../support/queues.ts";

const names = Array.from({ length: 150 }, (_, index) => `name-${String(index).padStart(3, "0")}`);
const range = { from: "2026-11-24T12:00:00Z", to: "2026-11-24T18:00:00Z" };

/** The frames of a panel 1440 pixels wide over six hours, whose interval is then 15 s. */
async function ask(url: string, target: string, more: object = {}) {
  const wide = { range, intervalMs: 15_000, maxDataPoints: 1440 };
  const body = panelBody([{ refId: "A", target, payload: {} }], { ...wide, ...more });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${url}/grafana/query`, { method: "POST", headers, body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return (await response.json()) as { data: { values: unknown[][] } }[];
}

it("panels of many series get fewer points each instead of an error", async () => {
  const asked: Asked[] = [];
  const memory = createMemorySources({
    hosts: names.map((name) => sampleHost({ name, instance: `${name}:9100` })),
    queueSources: [{ name: "jobs", metrics: [], errors: [], history: rememberQueues(names, asked) }],
  });
  const history = async (given: Parameters<typeof rememberHost>[0], instances: readonly string[]) =>
    new Map(instances.map((instance) => [instance, rememberHost(given)]));
  await using gateway = await startGateway({ ...memory.sources, hosts: { ...memory.sources.hosts, history } });
  for (const target of ["queue_depth", "host_cpu_util"]) {
    const [frame] = await ask(gateway.url, target);
    // Times and 150 series: 40,000 rows allow for a point each two minutes, of both ends.
    expect(frame?.data.values.map(({ length }) => length)).toEqual(Array.from({ length: 151 }, () => 181));
  }
  expect(asked.map((one) => one.range.step)).toEqual([15, 120]);
});

it.each(["queue_depth", "host_cpu_util", "container_mem_pct", "up"])(
  "panels of %s over days end now, with at most their points",
  async (target) => {
    const now = Date.now();
    const memory = createMemorySources({
      containers: [sampleContainer()],
      hosts: [sampleHost()],
      queueSources: [{ name: "jobs", metrics: [], errors: [], history: rememberQueues(["mail"]) }],
    });
    const history = async (given: Parameters<typeof rememberHost>[0], instances: readonly string[]) =>
      new Map(instances.map((instance) => [instance, rememberHost(given)]));
    await using gateway = await startGateway({ ...memory.sources, hosts: { ...memory.sources.hosts, history } });
    for (const [days, maxDataPoints] of [
      [7, 100],
      [30, 20],
      [90, 7],
    ] as const) {
      const asked = { range: { from: now - days * 86_400_000, to: now }, maxDataPoints, intervalMs: 1000 };
      const frames = await ask(gateway.url, target, asked);
      const times = frames.map(({ data }) => data.values[0] as number[]);
      expect(Math.max(...times.flat())).toBeGreaterThan(now - 61_000);
      expect(Math.max(...times.map(({ length }) => length))).toBeLessThanOrEqual(maxDataPoints);
      expect(Math.max(...times.map(({ length }) => length))).toBeGreaterThan(maxDataPoints / 3);
    }
  },
);
