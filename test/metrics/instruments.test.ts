import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { toText } from "../../src/metrics/exposition.ts";
import { upstreams } from "../../src/lib/upstream-call.ts";
import { createInstruments } from "../../src/metrics/instruments.ts";
import { parseExposition, valuesOf } from "../support/exposition.ts";

function read({ collect }: Pick<ReturnType<typeof createInstruments>, "collect">): string {
  return toText(collect(), "openmetrics");
}

it("calls to upstreams are counted, with errors by code and durations", () => {
  const instruments = createInstruments();
  // Before a scrape, and after.
  instruments.observeCall("docker", 0.02, null);
  instruments.observeCall("docker", 2, "docker_timeout");
  instruments.collect();
  instruments.observeCall("docker", 3, "docker_timeout");
  const text = read(instruments);
  expect(valuesOf(text, "ops_upstream_requests_total", { upstream: "docker" })).toEqual([3]);
  expect(valuesOf(text, "ops_upstream_requests_total", { upstream: "redis" })).toEqual([0]);
  expect(valuesOf(text, "ops_upstream_errors_total").filter((count) => count > 0)).toEqual([2]);
  expect(valuesOf(text, "ops_upstream_errors_total", { upstream: "docker", code: "docker_timeout" })).toEqual([2]);
  const bucket = (le: string) =>
    valuesOf(text, "ops_upstream_request_duration_seconds_bucket", { upstream: "docker", le });
  expect([bucket("0.01"), bucket("0.025"), bucket("2.5"), bucket("+Inf")]).toEqual([[0], [1], [2], [3]]);
  expect(valuesOf(text, "ops_upstream_request_duration_seconds_sum", { upstream: "docker" })[0]).toBeCloseTo(5.02);
});

it("errors of each upstream are 0 before the first, each with a code", () => {
  const samples = parseExposition(read(createInstruments())).filter(({ name }) => name === "ops_upstream_errors_total");
  expect(new Set(samples.map(({ labels }) => labels["upstream"]))).toEqual(new Set(upstreams));
  expect(samples.filter(({ value }) => value !== 0)).toEqual([]);
  expect(samples.map(({ labels }) => `${labels["upstream"]} ${labels["code"]}`)).toContain("docker docker_timeout");
});

it("requests count by route, method and status; streams have no duration", () => {
  const instruments = createInstruments();
  instruments.observeRequest({ method: "GET", route: "/metrics", status: 200, seconds: 0.002 });
  instruments.observeRequest({ method: "GET", route: "/metrics", status: 200, seconds: null });
  instruments.observeRequest({ method: "PURGE", route: undefined, status: 405, seconds: 0.002 });
  const text = read(instruments);
  expect(valuesOf(text, "ops_http_requests_total", { route: "/metrics", method: "GET", code: "200" })).toEqual([2]);
  expect(valuesOf(text, "ops_http_requests_total", { route: "none", method: "other", code: "405" })).toEqual([1]);
  expect(valuesOf(text, "ops_http_request_duration_seconds_count", { route: "/metrics" })).toEqual([1]);
});

it("bounds of buckets are floating-point numbers, as OpenMetrics has them", () => {
  const instruments = createInstruments();
  instruments.observeCall("redis", 1, null);
  const bounds = parseExposition(read(instruments)).flatMap(({ labels }) => labels["le"] ?? []);
  expect(bounds).toContain("1.0");
  expect(bounds.filter((bound) => !/^(?:\d+\.\d+|\+Inf)$/.test(bound))).toEqual([]);
});

it("the process and its work are measured, each family with a help text", () => {
  const instruments = createInstruments();
  instruments.observeCall("docker", 1, "docker_timeout");
  instruments.observeRequest({ method: "GET", route: "/queues", status: 200, seconds: 1 });
  const text = read(instruments);
  expect(valuesOf(text, "ops_build_info", { version: manifest.version, node: process.versions.node })).toEqual([1]);
  expect(valuesOf(text, "process_resident_memory_bytes")[0]).toBeGreaterThan(10e6);
  expect(text).toContain("# TYPE ops_build info\n");
  const titles = [...text.matchAll(/^# HELP (\w+) .{8,}$/gm)].map(([, name]) => name);
  expect([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name)).toEqual(titles);
  expect(titles).toHaveLength(15);
  for (const name of ["process_open_fds", "process_resident_memory_bytes"])
    expect(text).toContain(`# TYPE ${name} gauge\n`);
});

it("a duration counts in the first bucket that is not less than it", () => {
  const instruments = createInstruments();
  const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
  for (const seconds of [...bounds, 11]) {
    instruments.observeCall("docker", seconds, null);
    instruments.observeRequest({ method: "GET", route: "/queues", status: 200, seconds });
  }
  const text = read(instruments);
  for (const [name, labels] of [
    ["ops_upstream_request_duration_seconds", { upstream: "docker" }],
    ["ops_http_request_duration_seconds", { route: "/queues" }],
  ] as const) {
    const buckets = parseExposition(text).filter((one) => one.name === `${name}_bucket`);
    expect(buckets.map(({ labels: { le }, value }) => [Number(le), value])).toEqual([
      ...bounds.map((bound, index) => [bound, index + 1]),
      [Number.NaN, bounds.length + 1],
    ]);
    expect(buckets.every((one) => Object.entries(labels).every(([key, value]) => one.labels[key] === value))).toBe(
      true,
    );
  }
});

it("lost spans are counted by reason, only where there are traces", () => {
  const dropped = () => ({ limit: 0, queue: 2, export: 5 });
  const text = read(createInstruments({ dropped, call: () => ({ headers: {}, answered() {}, end() {} }) }));
  expect(valuesOf(text, "ops_trace_spans_dropped_total", { reason: "export" })).toEqual([5]);
  expect(valuesOf(text, "ops_trace_spans_dropped_total")).toEqual([0, 2, 5]);
  expect(read(createInstruments())).not.toContain("ops_trace");
});
