import * as fc from "fast-check";
import type { IncomingHttpHeaders } from "node:http";
import { gunzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import type { Scope } from "../../src/auth/principal.ts";
import { longList } from "../../src/graphql/compiled/row-memo.ts";
import { createExecute } from "../../src/graphql/execute.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { Budget, defaultLimits } from "../../src/lib/budget/budget.ts";
import type { Environment } from "../../src/lib/environment.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { createMetricsHandler, metricsDocument, toUpstreamRows } from "../../src/metrics/handler.ts";
import { queueSourceTable } from "../../src/metrics/queues.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployInfo } from "../support/deploys.ts";
import { parseExposition, valuesOf } from "../support/exposition.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";
import { sampleWorkerJobs } from "../support/queues.ts";

const schema = createSchema();

const tokenEnds = [
  { kid: "k2", subject: "grafana", expiresAt: 1_790_000_000_000 },
  { kid: "k1", subject: "ci", expiresAt: 1_780_000_000_500 },
];

interface Asked {
  readonly query?: string;
  readonly accept?: string;
  readonly method?: string;
  readonly scopes?: readonly Scope[];
  readonly where?: readonly Environment[];
  readonly budget?: Budget;
}

function createScraper(memory: Partial<Memory>, options: Parameters<typeof createMemorySources>[1] = {}) {
  const { sources, calls } = createMemorySources(memory, options);
  const handle = createMetricsHandler(
    createExecute(schema, sources, [metricsDocument]),
    { collect: () => [] },
    () => tokenEnds,
  );
  const scrape = async ({ query = "", accept, method = "GET", scopes, where, budget }: Asked = {}) => {
    const caller = { ...createCaller(scopes, where), ...(budget && { budget, signal: budget.signal }) };
    const reply = await handle({ ...caller, method, query, headers: { accept } });
    return { ...reply, body: String(reply.body) };
  };
  return { calls, scrape };
}

const id = (digit: string) => digit.repeat(64);
const queues = [
  { name: "jobs", env: "staging" as const, metrics: [{ name: "payouts", depth: 3, dead: 2 }], errors: [] },
];
const whole: Partial<Memory> = {
  containers: [sampleContainer({ fullId: id("1"), name: "web-1", env: "staging", restarts: 2 })],
  queueSources: queues,
  hosts: [sampleHost({ diskUtil: null })],
  deploy: sampleDeployInfo,
};

describe("/metrics", () => {
  it("has containers, queues, hosts and the deploy", async () => {
    const { scrape } = createScraper(whole);
    const { body } = await scrape();
    expect(valuesOf(body, "ops_container_up", { name: "web-1", engine: "local", env: "staging" })).toEqual([1]);
    expect(valuesOf(body, "ops_container_restarts_total")).toEqual([2]);
    expect(valuesOf(body, "ops_queue_depth", { queue: "payouts", source: "jobs", env: "staging" })).toEqual([3]);
    expect(valuesOf(body, "ops_queue_dead")).toEqual([2]);
    expect(valuesOf(body, "ops_host_cpu_util_ratio", { host: "staging-host-1" })).toEqual([0.72]);
    expect(valuesOf(body, "ops_deploy_info", { tag: sampleDeployInfo.currentTag, sha: "abc123" })).toEqual([1]);
    expect(valuesOf(body, "ops_deploy_time_seconds")).toEqual([Date.parse(sampleDeployInfo.deployedAt) / 1000]);
    expect(valuesOf(body, "ops_upstream_up")).toEqual([1, 1, 1, 1]);
    expect(valuesOf(body, "ops_queue_source_up", { source: "jobs", kind: "table" })).toEqual([1]);
  });

  it("leaves containers out where their list fails after it was read", async () => {
    // So many that only those without a written row are selected for the answer.
    const containers = Array.from({ length: longList }, (_, index) =>
      sampleContainer({ fullId: `${index}`.padStart(64, "0"), name: `web-${index}` }),
    );
    const { scrape } = createScraper({ ...whole, containers });
    // As where memory is short: once they are selected, the budget refuses the rows.
    const budget = new Budget("test", { ...defaultLimits, rows: longList - 1 });
    const { body } = await scrape({ budget });
    expect(valuesOf(body, "ops_container_up")).toEqual([]);
    expect(valuesOf(body, "ops_upstream_up", { upstream: "docker" })).toEqual([0]);
    expect(valuesOf(body, "ops_queue_depth")).toEqual([3]);
  });

  it("has expiries: all for a token of all environments, else its own", async () => {
    const { body } = await createScraper(whole).scrape();
    const name = "ops_token_expires_timestamp_seconds";
    expect(body).toContain(
      `${name}{kid="k1",subject="ci"} 1780000000.5\n${name}{kid="k2",subject="grafana"} 1790000000\n`,
    );
    const principal = { ...createCaller(["ops:read"], ["staging"]).principal, subject: "grafana", kid: "k2" };
    const asked = async (auth: "tokens_file" | "token" | "jwt") => {
      const { sources } = createMemorySources(whole);
      const execute = createExecute(schema, sources, [metricsDocument]);
      const handle = createMetricsHandler(execute, { collect: () => [] }, () => tokenEnds);
      const caller = { ...createCaller(), principal: { ...principal, auth } };
      return String((await handle({ ...caller, method: "GET", query: "", headers: {} })).body);
    };
    const limited = await asked("tokens_file");
    expect(valuesOf(limited, name, { kid: "k2", subject: "grafana" })).toEqual([1_790_000_000]);
    expect(limited).not.toMatch(/k1|"ci"/);
    // Another kind of token may have the same id.
    for (const auth of ["token", "jwt"] as const) expect(await asked(auth)).not.toContain(name);
  });

  it("names the upstream of a queue source", async () => {
    const { body } = await createScraper(whole).scrape();
    expect(valuesOf(body, "ops_queue_source_up", { source: "jobs", upstream: "postgres" })).toEqual([1]);
    const row = { numbersOk: true, observedAt: null, env: null, place: null, name: "b" };
    expect(["rabbitmq", "redis", "river"].map((kind) => queueSourceTable.labels({ ...row, kind }))).toEqual([
      'source="b",kind="rabbitmq",upstream="rabbitmq"',
      'source="b",kind="redis",upstream="redis"',
      'source="b",kind="river",upstream="postgres"',
    ]);
    expect(queueSourceTable.labels({ ...row, name: "billing:river", kind: "river", place: "billing" })).toBe(
      'source="billing:river",kind="river",upstream="postgres",place="billing"',
    );
  });

  it("counts a queue's orphans, without a sample where they are unknown", async () => {
    const [source] = queues;
    const workerJobs = async () => [sampleWorkerJobs({ count: 2, oldestAgeSeconds: 60 })];
    const queueSources = [{ ...source, workerJobs }] as Memory["queueSources"];
    expect(valuesOf((await createScraper({ ...whole, queueSources }).scrape()).body, "ops_queue_orphans")).toEqual([2]);
    const engines = [{ name: "local", ok: false, error: { code: "docker_unavailable", message: "" } }];
    const silent = await createScraper({ ...whole, queueSources, engines }).scrape();
    expect(valuesOf(silent.body, "ops_queue_orphans")).toEqual([]);
    expect(valuesOf((await createScraper(whole).scrape()).body, "ops_queue_orphans")).toEqual([]);
  });

  it("has one 1 in each state set", async () => {
    const { scrape } = createScraper(whole);
    const { body } = await scrape();
    for (const name of ["ops_container_state", "ops_container_health", "ops_queue_state"]) {
      const values = valuesOf(body, name);
      expect(values.length).toBeGreaterThan(3);
      expect(values.reduce((sum, value) => sum + value, 0)).toBe(1);
    }
    expect(valuesOf(body, "ops_container_state", { state: "running" })).toEqual([1]);
  });

  it("has no sample for unknown numbers", async () => {
    const container = sampleContainer({ fullId: id("1"), restarts: null, startedAt: null });
    const { scrape } = createScraper({ ...whole, containers: [container] });
    const { body } = await scrape();
    const unknown = [
      "ops_container_restarts_total",
      "ops_container_start_time_seconds",
      "ops_queue_active",
      "ops_queue_workers",
    ];
    for (const name of [...unknown, "ops_host_disk_util_ratio", "ops_queue_oldest_age_seconds"]) {
      expect(valuesOf(body, name), name).toEqual([]);
      expect(body).not.toContain(`# TYPE ${name}`);
    }
    expect(valuesOf(body, "ops_queue_processed_per_second")).toEqual([0]);
  });

  it("hides the last state of a container whose engine went away", async () => {
    const stale = sampleContainer({ fullId: id("1"), stale: true });
    const engines = [
      {
        name: "local",
        ok: false,
        error: { code: "docker_unavailable", message: "" },
        contactAt: Date.now(),
        clockSkew: 5,
      },
    ];
    const { body } = await createScraper({ ...whole, containers: [stale], engines }).scrape();
    expect(valuesOf(body, "ops_container_up")).toEqual([]);
    expect(valuesOf(body, "ops_engine_up", { engine: "local" })).toEqual([0]);
    expect(valuesOf(body, "ops_upstream_up", { upstream: "docker" })).toEqual([0]);
    expect(valuesOf(body, "ops_engine_age_seconds")[0]).toBeLessThan(5);
    expect(valuesOf(body, "ops_clock_skew_seconds")).toEqual([]);
  });

  it("asks for statistics only on request, and never for error texts", async () => {
    const { scrape, calls } = createScraper(whole);
    expect((await scrape()).body).not.toContain("ops_container_cpu_percent");
    expect(calls).not.toHaveProperty("stats");
    const { body } = await scrape({ query: "stats=1" });
    expect(valuesOf(body, "ops_container_cpu_percent")).toEqual([12.4]);
    expect(valuesOf(body, "ops_container_cpu_util_ratio")).toEqual([0.124]);
    expect(valuesOf(body, "ops_container_memory_usage_bytes")).toEqual([341]);
    expect(valuesOf(body, "ops_container_network_receive_bytes_total")).toEqual([2000]);
    expect(calls["stats"]).toBe(1);
    expect(calls).not.toHaveProperty("errors");
  });

  it("shows a staging token nothing else", async () => {
    const production = sampleContainer({ fullId: id("2"), name: "web-2", env: "production" });
    const containers = [...(whole.containers ?? []), production];
    const queueSources = [
      ...queues,
      { ...queues[0], name: "live", env: "production" as const },
    ] as Memory["queueSources"];
    const { scrape } = createScraper({ ...whole, containers, queueSources }, { env: "production" });
    const all = (await scrape()).body;
    expect(all).toContain("production");
    const { body } = await scrape({ where: ["staging"] });
    expect(valuesOf(body, "ops_container_up")).toEqual([1]);
    expect(valuesOf(body, "ops_queue_depth")).toEqual([3]);
    expect(valuesOf(body, "ops_queue_source_up")).toEqual([1]);
    // What it may not see is not down.
    expect(parseExposition(body).filter(({ name }) => name === "ops_upstream_up")).toMatchObject([
      { labels: { upstream: "docker" }, value: 1 },
      { labels: { upstream: "queues" }, value: 1 },
    ]);
    expect(body).not.toMatch(/production|ops_host_up|ops_deploy_info\{/);
  });

  it("is limited and reports what it left out", async () => {
    const many = Array.from({ length: 1002 }, (_, index) =>
      sampleContainer({ fullId: String(index).padStart(64, "0"), name: `web-${index}` }),
    );
    const { body } = await createScraper({ ...whole, containers: many }).scrape();
    expect(valuesOf(body, "ops_container_up")).toHaveLength(1000);
    const perRow = parseExposition(body).filter(({ name }) => name.startsWith("ops_container_")).length / 1000;
    expect(valuesOf(body, "ops_metrics_dropped_series", { family: "ops_container" })).toEqual([2 * perRow]);
    expect(valuesOf(body, "ops_metrics_dropped_series", { family: "ops_queue" })).toEqual([0]);
  });

  it("is OpenMetrics if accepted, else the text format", async () => {
    const { scrape } = createScraper(whole);
    const accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";
    const open = await scrape({ accept });
    expect(open.headers?.["content-type"]).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(open.body.endsWith("# EOF\n")).toBe(true);
    const plain = await scrape();
    expect(plain.headers?.["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(plain.body).not.toContain("# EOF");
  });

  it.each([
    [
      "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,*/*;q=0.1",
      true,
    ],
    ["application/openmetrics-text, text/plain", true],
    ["APPLICATION/OPENMETRICS-TEXT", true],
    ["application/openmetrics-text;q=0", false],
    ["application/openmetrics-text; q=0.0, text/plain;q=0.5", false],
    ["application/openmetrics-text;q=0.4, text/plain", false],
    ["application/openmetrics-text;q=0.4, text/*;q=0.5", false],
    ["*/*", false],
  ])("reads the qualities of %s", async (accept, isOpen) => {
    const { headers } = await createScraper(whole).scrape({ accept });
    expect(headers?.["content-type"]?.startsWith("application/openmetrics-text")).toBe(isOpen);
  });

  it("shows counts of all tokens to tokens of all environments alone", async () => {
    const family = (name: string) => ({ name, help: "H", type: "gauge", samples: [{ labels: "", value: 1 }] }) as const;
    const own = ["ops_http_requests_total", "ops_upstream_errors_total", "process_open_fds", "ops_build_info"];
    const { sources } = createMemorySources(whole);
    const handle = createMetricsHandler(
      createExecute(schema, sources, [metricsDocument]),
      { collect: () => own.map(family) },
      () => [],
    );
    const seen = async (where?: readonly Environment[]) => {
      const { body } = await handle({ ...createCaller(undefined, where), method: "GET", query: "", headers: {} });
      return own.filter((name) => body.includes(`\n${name} 1\n`));
    };
    expect(await seen()).toEqual(own);
    expect(await seen(["staging"])).toEqual(["process_open_fds", "ops_build_info"]);
  });

  it("reserves memory for its answer, and varies by Accept", async () => {
    const { sources } = createMemorySources(whole);
    const execute = createExecute(schema, sources, [metricsDocument]);
    const caller = createCaller();
    const hold = vi.spyOn(caller.budget, "hold");
    const handle = createMetricsHandler(execute, { collect: () => [] }, () => []);
    const { body, headers } = await handle({ ...caller, method: "GET", query: "", headers: { accept: "text/plain" } });
    expect(hold).toHaveBeenLastCalledWith(body.length);
    expect(headers).toEqual({
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
      vary: "Accept, Accept-Encoding",
    });
  });

  it("refuses other methods, other scopes and a bad parameter", async () => {
    const { scrape } = createScraper(whole);
    await expect(scrape({ method: "POST" })).rejects.toMatchObject({
      code: "method_not_allowed",
      message: "Use GET",
      headers: { allow: "GET, HEAD" },
    });
    await expect(scrape({ scopes: ["ops:logs", "ops:operate"] })).rejects.toMatchObject({
      code: "forbidden",
      message: "This token lacks the scope ops:read",
    });
    for (const query of ["stats=maybe", "stats=1&stats=1", "stats", "stats=untrue", "stats=10"]) {
      await expect(scrape({ query })).rejects.toMatchObject({
        code: "invalid_request",
        message: "stats must be true, false, 1 or 0, once",
      });
    }
    expect((await scrape({ query: "other=1" })).status).toBe(200);
  });
});

describe("an upstream that is down", () => {
  const failures = {
    docker: {
      memory: {
        containers: [],
        engines: [{ name: "local", ok: false, error: { code: "docker_unavailable", message: "" } }],
      },
      family: "ops_container_up",
    },
    queues: {
      memory: {
        queueSources: [
          {
            name: "jobs",
            metrics: new OpsError("postgres_unavailable", ""),
            errors: new OpsError("postgres_unavailable", ""),
          },
        ],
      },
      family: "ops_queue_depth",
    },
    prometheus: { memory: { hosts: new OpsError("prometheus_unavailable", "") }, family: "ops_host_up" },
    deploy: { memory: { deploy: new OpsError("deploy_info_invalid", "") }, family: "ops_deploy_info" },
  } satisfies Record<string, { memory: Partial<Memory>; family: string }>;

  it("leaves out its families alone, whichever are down together", async () => {
    const names = Object.keys(failures) as (keyof typeof failures)[];
    await fc.assert(
      fc.asyncProperty(fc.subarray(names), async (away) => {
        const memory = away.reduce<Partial<Memory>>((sum, name) => ({ ...sum, ...failures[name].memory }), whole);
        const { body, status } = await createScraper(memory).scrape({ query: "stats=1" });
        expect(status).toBe(200);
        for (const name of names) {
          const isAway = away.includes(name);
          expect(valuesOf(body, "ops_upstream_up", { upstream: name })).toEqual([isAway ? 0 : 1]);
          expect(valuesOf(body, failures[name].family).length > 0).toBe(!isAway);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("of several queue sources leaves out its queues alone", async () => {
    const broken = { name: "broker", metrics: new OpsError("queues_unavailable", ""), errors: [] };
    const { body } = await createScraper({ ...whole, queueSources: [...queues, broken] }).scrape();
    expect(valuesOf(body, "ops_queue_source_up", { source: "broker" })).toEqual([0]);
    expect(valuesOf(body, "ops_queue_source_up", { source: "jobs" })).toEqual([1]);
    expect(valuesOf(body, "ops_queue_depth")).toEqual([3]);
    expect(valuesOf(body, "ops_queue_source_age_seconds", { source: "broker" })).toEqual([]);
  });

  it("is reported by its own errors, within the token's rights", () => {
    const upOf = (data: Parameters<typeof toUpstreamRows>[0], ...errors: OpsError[]) =>
      Object.fromEntries(toUpstreamRows(data, errors).map(({ upstream, up }) => [upstream, up]));
    const engine = (ok: boolean) => ({ name: "a", ok, ageSeconds: null, clockSkewSeconds: null });
    expect(upOf({ containers: [], engines: [engine(false), engine(true)] })["docker"]).toBe(true);
    expect(upOf({ containers: [], engines: [engine(false)] })["docker"]).toBe(false);
    expect(upOf({ containers: [], engines: [] })["docker"]).toBeNull();
    const [forbidden, down] = [new OpsError("forbidden", ""), new OpsError("prometheus_unavailable", "")];
    expect(upOf({}, forbidden, down)).toEqual({ docker: null, queues: null, prometheus: false, deploy: null });
    expect(upOf({}, down)).toEqual({ docker: false, queues: false, prometheus: false, deploy: false });
    const unconfigured = new OpsError("queues_unavailable", "", { unconfigured: true });
    expect(upOf({}, unconfigured, new OpsError("queues_unavailable", ""))["queues"]).toBe(false);
  });

  it("is no outage if no database is configured", () => {
    const upOf = (unconfigured: boolean) => {
      const errors = [
        new OpsError("queues_unavailable", "", { unconfigured }),
        new OpsError("prometheus_unavailable", ""),
      ];
      return Object.fromEntries(toUpstreamRows({ containers: [] }, errors).map(({ upstream, up }) => [upstream, up]));
    };
    expect(upOf(true)).toMatchObject({ docker: true, queues: null, prometheus: false });
    expect(upOf(false)).toMatchObject({ docker: true, queues: false, prometheus: false });
  });

  it("is no outage for a missing deploy_info.json, but for a stale one", async () => {
    const missing = await createScraper({ ...whole, deploy: new OpsError("deploy_info_missing", "") }).scrape();
    expect(valuesOf(missing.body, "ops_upstream_up", { upstream: "deploy" })).toEqual([]);
    const stale = await createScraper({
      ...whole,
      deploy: { ...sampleDeployInfo, stale: true, error: "unreadable" },
    }).scrape();
    expect(valuesOf(stale.body, "ops_upstream_up", { upstream: "deploy" })).toEqual([0]);
    expect(valuesOf(stale.body, "ops_deploy_info")).toEqual([1]);
  });
});

describe("a compressed scrape", () => {
  it.each([
    ["gzip", true],
    ["gzip, deflate, br", true],
    ["br", false],
    ["gzip;q=0", false],
    ["identity", false],
    [undefined, false],
  ])("for Accept-Encoding %j: %j", async (encoding, isZipped) => {
    const { sources } = createMemorySources(whole);
    const handle = createMetricsHandler(
      createExecute(schema, sources, [metricsDocument]),
      { collect: () => [] },
      () => [],
    );
    const ask = (headers: IncomingHttpHeaders) => handle({ ...createCaller(), method: "GET", query: "", headers });
    const plain = await ask({});
    const { body, headers } = await ask({ "accept-encoding": encoding });
    expect(headers?.["content-encoding"]).toBe(isZipped ? "gzip" : undefined);
    expect(headers?.["vary"]).toBe("Accept, Accept-Encoding");
    const text = isZipped ? gunzipSync(body).toString() : String(body);
    const withoutAges = (given: unknown) => String(given).replaceAll(/age_seconds\S* [\d.]+/g, "");
    expect(withoutAges(text)).toBe(withoutAges(plain.body));
  });
});
