import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { toText } from "../../src/metrics/exposition.ts";
import { createInstruments } from "../../src/metrics/instruments.ts";
import { parseExposition, valuesOf } from "../support/exposition.ts";

async function read({ collect }: Pick<ReturnType<typeof createInstruments>, "collect">): Promise<string> {
  return toText(await collect(), "openmetrics");
}

it("counts calls to upstreams, their errors by code, and how long they took", async () => {
  const instruments = createInstruments();
  // Before anything is loaded, and after.
  instruments.observeCall("docker", 0.02, null);
  instruments.observeCall("docker", 2, "docker_timeout");
  await instruments.collect();
  instruments.observeCall("docker", 3, "docker_timeout");
  const text = await read(instruments);
  expect(valuesOf(text, "ops_upstream_requests_total", { upstream: "docker" })).toEqual([3]);
  expect(valuesOf(text, "ops_upstream_requests_total", { upstream: "redis" })).toEqual([0]);
  expect(valuesOf(text, "ops_upstream_errors_total")).toEqual([2]);
  expect(valuesOf(text, "ops_upstream_errors_total", { upstream: "docker", code: "docker_timeout" })).toEqual([2]);
  const bucket = (le: string) => valuesOf(text, "ops_upstream_request_duration_seconds_bucket", { upstream: "docker", le });
  expect([bucket("0.01"), bucket("0.025"), bucket("2.5"), bucket("+Inf")]).toEqual([[0], [1], [2], [3]]);
  expect(valuesOf(text, "ops_upstream_request_duration_seconds_sum", { upstream: "docker" })[0]).toBeCloseTo(5.02);
});

it("counts requests by route, method and status; those that stream have no duration", async () => {
  const instruments = createInstruments();
  instruments.observeRequest({ method: "GET", route: "/metrics", status: 200, seconds: 0.002 });
  instruments.observeRequest({ method: "GET", route: "/metrics", status: 200, seconds: null });
  instruments.observeRequest({ method: "PURGE", route: undefined, status: 405, seconds: 0.002 });
  const text = await read(instruments);
  expect(valuesOf(text, "ops_http_requests_total", { route: "/metrics", method: "GET", code: "200" })).toEqual([2]);
  expect(valuesOf(text, "ops_http_requests_total", { route: "none", method: "other", code: "405" })).toEqual([1]);
  expect(valuesOf(text, "ops_http_request_duration_seconds_count", { route: "/metrics" })).toEqual([1]);
});

it("bounds of buckets are floating-point numbers, as OpenMetrics has them", async () => {
  const instruments = createInstruments();
  instruments.observeCall("redis", 1, null);
  const bounds = parseExposition(await read(instruments)).flatMap(({ labels }) => labels["le"] ?? []);
  expect(bounds).toContain("1.0");
  expect(bounds.filter((bound) => !/^(?:\d+\.\d+|\+Inf)$/.test(bound))).toEqual([]);
});

it("tells of the process, with counters that never go back", async () => {
  const instruments = createInstruments();
  const before = await read(instruments);
  const end = performance.now() + 60;
  while (performance.now() < end);
  await sleep(50);
  const after = await read(instruments);
  const grown = (name: string) => (valuesOf(after, name)[0] ?? 0) - (valuesOf(before, name)[0] ?? 0);
  // Others may have had the processor meanwhile.
  expect(grown("process_cpu_seconds_total")).toBeGreaterThan(0.01);
  expect(grown("ops_event_loop_active_seconds_total")).toBeGreaterThanOrEqual(0);
  expect(valuesOf(after, "process_resident_memory_bytes")[0]).toBeGreaterThan(10e6);
  expect(valuesOf(after, "process_open_fds")[0]).toBeGreaterThan(2);
  expect(Math.abs((valuesOf(after, "process_start_time_seconds")[0] ?? 0) - (Date.now() / 1000 - process.uptime()))).toBeLessThan(
    60,
  );
  expect(valuesOf(after, "ops_build_info", { node: process.versions.node })).toEqual([1]);
});

it("tells how late the event loop was since the scrape before", async () => {
  const instruments = createInstruments();
  await instruments.collect();
  await sleep(100);
  const end = performance.now() + 150;
  while (performance.now() < end);
  await sleep(60);
  const late = await read(instruments);
  expect(valuesOf(late, "ops_event_loop_delay_seconds", { percentile: "100" })[0]).toBeGreaterThan(0.08);
  expect(valuesOf(late, "ops_event_loop_delay_seconds", { percentile: "50" })[0]).toBeLessThan(0.05);
});
