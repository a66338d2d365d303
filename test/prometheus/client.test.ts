import { describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { protectSecrets } from "../../src/lib/redact/secrets.ts";
import { createPrometheusClient, parseTarget } from "../../src/prometheus/client.ts";
import { type FailureKind, PrometheusError, toPrometheusError } from "../../src/prometheus/failure.ts";
import { createHostSource, probePrometheus } from "../../src/prometheus/source.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";

const never = new AbortController().signal;
const thresholds = { cpu: 0.85, mem: 0.85 };
const toVector = (...result: object[]) => JSON.stringify({ status: "success", data: { resultType: "vector", result } });
const toHost = (instance: string, m = "mem", value = "0.5") => ({ metric: { m, instance }, value: [1, value] });
const range = { from: 60, step: 60, steps: 2 };

describe("parseTarget", () => {
  it.each([
    ["http://prom:9090", "http://prom:9090/api/v1/query"],
    ["https://prom/a/b//", "https://prom/a/b/api/v1/query"],
    ["https://prom//a?b=c#d", "https://prom//a/api/v1/query"],
  ])("returns the API address of %s", (url, href) => {
    const { endpoint, headers } = parseTarget(url);
    expect(endpoint.href).toBe(href);
    expect(headers).toEqual({
      accept: "application/json",
      "accept-encoding": "identity",
      "content-type": "application/x-www-form-urlencoded",
      "user-agent": "wallet-core-ops",
    });
  });

  it.each([
    ["http://ops@prom", "ops:"],
    ["http://:pass@prom", ":pass"],
    ["http://a%40b:1%00%zz@prom", "a@b:1%00%zz"],
  ])("returns a header for the credentials of %s", (url, credentials) => {
    expect(parseTarget(url).headers["authorization"]).toBe(`Basic ${Buffer.from(credentials).toString("base64")}`);
  });

  it.each(["ftp://prom", "xhttp://prom", "httpsx://prom", "file:///http:"])("refuses %s", (url) => {
    expect(() => parseTarget(url)).toThrow(new TypeError("The Prometheus URL must start with http:// or https://"));
  });
});

describe("createPrometheusClient", () => {
  it("reports each call with the code of its failure", async () => {
    let body = toVector();
    await using upstream = await startFakeUpstream((response) => response.end(body));
    const observe = vi.fn<(...call: unknown[]) => void>();
    const client = createPrometheusClient({ url: upstream.url, timeoutMs: 20_000, observe });
    expect(await client.query("up", never)).toEqual({ samples: [], evaluatedAt: null, warnings: [] });
    body = body.replace("vector", "matrix");
    expect(await client.queryRange("up", range, never)).toEqual({ series: [], warnings: [] });
    await expect(client.query("up", never)).rejects.toMatchObject({ kind: "not_json" });
    const call = (code: string | null) => ["prometheus", expect.any(Number), code];
    expect(observe.mock.calls).toEqual([call(null), call(null), call("prometheus_unavailable")]);
    expect(Object.fromEntries(new URLSearchParams(upstream.seen[1]?.body))).toMatchObject({ timeout: "5000ms" });
    await client.close();
    await expect.poll(() => upstream.connections()).toBe(0);
  });

  it("accepts an answer of 4 MB, and none that is a byte larger", async () => {
    let size = 4 * 1024 * 1024;
    await using upstream = await startFakeUpstream((response) => response.end(toVector().padEnd(size)));
    const client = createPrometheusClient({ url: upstream.url, timeoutMs: 20_000 });
    expect((await client.query("up", never)).samples).toEqual([]);
    size += 1;
    await expect(client.query("up", never)).rejects.toMatchObject({
      kind: "too_large",
      message: "The answer of Prometheus is larger than 4 MB",
    });
    await client.close();
  });

  it("passes on other failures of a range", async () => {
    await using upstream = await startFakeUpstream((response) => response.writeHead(502).end());
    const client = createPrometheusClient({ url: upstream.url, timeoutMs: 20_000 });
    await expect(client.queryRange("up", range, never)).rejects.toMatchObject({
      code: "prometheus_unavailable",
      kind: "server",
    });
    await client.close();
  });

  it("asks nothing for an ended request, and names a passed deadline", async () => {
    await using upstream = await startFakeUpstream(() => {});
    const client = createPrometheusClient({ url: upstream.url, timeoutMs: 50 });
    await expect(client.query("up", AbortSignal.abort())).rejects.toMatchObject({
      kind: "abandoned",
      message: "The request ended before Prometheus answered",
    });
    expect(upstream.seen).toEqual([]);
    await expect(client.query("up", never)).rejects.toMatchObject({
      kind: "deadline",
      message: "Prometheus did not answer in time (50 ms)",
    });
    await client.close();
  });

  it("names the code of a connection that failed", async () => {
    const upstream = await startFakeUpstream(() => {});
    await upstream[Symbol.asyncDispose]();
    const client = createPrometheusClient({ url: upstream.url, timeoutMs: 20_000 });
    await expect(client.query("up", never)).rejects.toMatchObject({
      kind: "unreachable",
      message: "Prometheus is not reachable (ECONNREFUSED)",
      upstream: "prometheus",
    });
    await client.close();
  });
});

describe("PrometheusError", () => {
  const url = "WALLET_CORE_OPS_PROMETHEUS_URL";
  it.each<[FailureKind, string, string]>([
    ["unreachable", "Prometheus is not reachable", `start it, or set ${url} to its address as seen from here`],
    ["deadline", "Prometheus did not answer in time", "check its load, and firewalls between it and here"],
    ["abandoned", "The request ended before Prometheus answered", "try again"],
    ["credentials", "Prometheus refused the credentials", `put user:password@ into ${url}`],
    ["redirect", "Prometheus answered with a redirect", `set ${url} to the final address; redirects are not followed`],
    ["no_api", "There is no Prometheus API at the configured URL", `check the path prefix in ${url}`],
    ["server", "Prometheus answered with a server error", "read its log"],
    [
      "too_large",
      "The answer of Prometheus is larger than 4 MB",
      "use the Prometheus of these hosts, not a global view",
    ],
    ["not_json", "The answer is not from a Prometheus API", `check that ${url} is not a login page or another service`],
    [
      "gave_up",
      "Prometheus gave up on the query",
      "check its load, query.timeout, query.max-concurrency and query.max-samples",
    ],
    [
      "rejected",
      "Prometheus rejected the query",
      "use Prometheus 2.26 or newer, or a store that speaks its query language",
    ],
    [
      "no_metrics",
      "Prometheus has no node-exporter metrics",
      "add a scrape job named node for the node-exporters, and look at /targets",
    ],
  ])("of %s has a remedy", (kind, message, remedy) => {
    const cause = new Error("x");
    expect(new PrometheusError(kind, "", cause)).toMatchObject({
      code: "prometheus_unavailable",
      upstream: "prometheus",
      kind,
      message,
      remedy,
      cause,
    });
    expect(new PrometheusError(kind, "7").message).toBe(`${message} (7)`);
  });

  it.each([
    [{ code: "CERT_HAS_EXPIRED" }, " (CERT_HAS_EXPIRED)"],
    [{ code: "A".repeat(64) }, ` (${"A".repeat(64)})`],
    [{ code: "A".repeat(65) }, ""],
    [{ code: "at 10.0.0.1" }, ""],
    [{ code: "xA" }, ""],
    [{ code: "Ax" }, ""],
    [{ code: 7 }, " (7)"],
    [{}, ""],
    [null, ""],
    ["ECONNREFUSED", ""],
  ])("has no more of the thrown %j than its code", (thrown, detail) => {
    const error = toPrometheusError(thrown, never, 5);
    expect(error).toMatchObject({
      kind: "unreachable",
      message: `Prometheus is not reachable${detail}`,
      cause: thrown,
    });
    expect(toPrometheusError(thrown, AbortSignal.abort(), 5)).toMatchObject({
      kind: "deadline",
      message: "Prometheus did not answer in time (5 ms)",
      cause: thrown,
    });
    expect(toPrometheusError(error, AbortSignal.abort(), 5)).toBe(error);
  });
});

describe("probePrometheus", () => {
  it.each([
    ["one host", [toHost("a:1")], "1 host"],
    ["two hosts", [toHost("a:1"), toHost("b:1")], "2 hosts"],
    ["hosts that are down", [toHost("a:1"), toHost("b:1", "up", "0"), toHost("c:1", "up", "0")], "3 hosts, down: b, c"],
  ])("says what it found: %s", async (_what, result, detail) => {
    await using upstream = await startFakeUpstream((response) => response.end(toVector(...result)));
    expect(await probePrometheus({ url: upstream.url, thresholds })).toEqual({ ok: true, detail });
    await expect.poll(() => upstream.connections()).toBe(0);
  });

  it("says what to do when there is nothing", async () => {
    await using upstream = await startFakeUpstream((response) => response.end(toVector()));
    expect(await probePrometheus({ url: upstream.url, thresholds })).toEqual({
      ok: false,
      detail:
        "Prometheus has no node-exporter metrics: add a scrape job named node for the node-exporters, and look at /targets (WALLET_CORE_OPS_PROMETHEUS_URL)",
    });
    await expect(probePrometheus({ url: "ftp://x", thresholds })).rejects.toThrow(TypeError);
  });

  it("passes on what Prometheus said, without a secret", async () => {
    protectSecrets(["canary-of-prometheus"]);
    const body = { status: "error", errorType: "bad_data", error: "unknown function, canary-of-prometheus" };
    await using upstream = await startFakeUpstream((response) => response.writeHead(400).end(JSON.stringify(body)));
    const { detail } = await probePrometheus({ url: upstream.url, thresholds });
    expect(detail).toMatch(/^Prometheus rejected the query \(bad_data\): unknown function, \[redacted\]: /);
    expect(detail).toContain("WALLET_CORE_OPS_PROMETHEUS_URL");
  });
});

describe("createHostSource", () => {
  it("logs each failure with its cause, and each new warning", async () => {
    let body = toVector(toHost("a:1"));
    const lines: unknown[] = [];
    const log = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message]);
    await using upstream = await startFakeUpstream((response) =>
      body === "" ? response.destroy() : response.end(body),
    );
    const logger = { ...silentLogger, info: log("info"), warn: log("warn") };
    const source = createHostSource({ url: upstream.url, thresholds, logger, timeoutMs: 20_000, ttlMs: 0 });
    const good = body;
    const warned = (...warnings: string[]) => good.replace("{", `{"warnings":${JSON.stringify(warnings)},`);
    for (body of [good, "", "", warned("a"), warned("a"), warned("a", "b"), good, good])
      await source.report(never).catch(() => {});
    await source.report(AbortSignal.abort()).catch(() => {});
    const upstreamField = { upstream: "prometheus" };
    const toWarned = (...warnings: string[]) => [
      "warn",
      { ...upstreamField, warnings },
      "Prometheus answered with warnings",
    ];
    expect(lines).toEqual([
      [
        "warn",
        { ...upstreamField, kind: "unreachable", cause: "other side closed" },
        "Prometheus is not reachable (UND_ERR_SOCKET)",
      ],
      toWarned("a"),
      toWarned("a", "b"),
      ["info", upstreamField, "Prometheus answers again"],
    ]);
    await source.close();
  });

  it("logs nothing when its callers have left", async () => {
    let isSilent = true;
    const log = vi.fn<(...line: unknown[]) => void>();
    await using upstream = await startFakeUpstream(
      (response) => void (isSilent || response.end(toVector(toHost("a:1")))),
    );
    const logger = { ...silentLogger, info: log, warn: log };
    const source = createHostSource({ url: upstream.url, thresholds, logger, timeoutMs: 20_000 });
    const leaver = new AbortController();
    const asked = source.report(leaver.signal);
    await expect.poll(() => upstream.seen.length).toBe(1);
    leaver.abort();
    await expect(asked).rejects.toMatchObject({ kind: "abandoned" });
    await expect.poll(() => upstream.connections()).toBe(0);
    isSilent = false;
    expect((await source.report(never)).hosts).toHaveLength(1);
    expect(log.mock.calls).toEqual([]);
    await source.close();
  });

  it("asks for containers' past by names, once for each range", async () => {
    const labels = { name: "web", engine: "local", env: "staging" };
    const at = [120, 180];
    const toSeries = (m: string, values: string[]) => ({
      metric: { m, ...labels },
      values: values.map((value, n) => [at[n], value]),
    });
    const result = [
      toSeries("sampled", ["119", "179"]),
      toSeries("cpu", ["1", "2"]),
      toSeries("mem", ["3", "4"]),
      toSeries("restarts", ["5", "6"]),
    ];
    const body = toVector(...result).replace("vector", "matrix");
    await using upstream = await startFakeUpstream((response) => response.end(body));
    const source = createHostSource({ url: upstream.url, thresholds, logger: silentLogger });
    const web = { name: "web", engine: "local", env: "staging" as const };
    const asked = [range, { ...range, from: 0 }, { ...range, step: 30 }, { ...range, steps: 1 }, range];
    const found = await Promise.all(
      asked.map((one) => source.containerHistory(one, [web, { ...web, env: null }], never)),
    );
    expect(found[0]).toEqual([
      {
        source: "prometheus",
        stepSeconds: 60,
        since: null,
        points: [
          { time: "1970-01-01T00:02:00Z", cpuPct: 1, memPct: 3, restarts: 5 },
          { time: "1970-01-01T00:03:00Z", cpuPct: 2, memPct: 4, restarts: 6 },
        ],
      },
      null,
    ]);
    expect(found[4]).toEqual(found[0]);
    expect(upstream.seen).toHaveLength(4);
    expect(new URLSearchParams(upstream.seen[0]?.body).get("query")).toContain('ops_container_up{name=~"web|web"}');
    await source.close();
  });
});
