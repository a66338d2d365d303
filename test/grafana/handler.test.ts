import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kind, type OperationDefinitionNode } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeToken } from "../../src/cli/token.ts";
import { alertKinds, payloads, upKinds } from "../../src/grafana/filters.ts";
import { createGrafanaHandler, grafanaDocuments, grafanaRoutes } from "../../src/grafana/handler.ts";
import { metrics } from "../../src/grafana/metrics.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { lastHour } from "../support/grafana-panel.ts";
import { column, linesOf, readFrames } from "../support/grafana-read.ts";
import { sampleHost, rememberHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { rememberQueues } from "../support/queues.ts";

const expiresAt = new Date(Date.now() + 3_600_000);
const reader = makeToken({
  subject: "grafana",
  scopes: ["ops:read"],
  environments: ["staging", "production"],
  expiresAt,
});
const logsOnly = makeToken({
  subject: "logs",
  scopes: ["ops:logs"],
  environments: ["staging", "production"],
  expiresAt,
});
const timestamp = new Date(Date.now() - 60_000).toISOString().replace(/\.\d+Z/, "Z");

const memory = createMemorySources({
  containers: [
    sampleContainer(),
    sampleContainer({
      name: "wallet-core-production-worker",
      role: "worker",
      env: "production",
      destination: "prod",
      restarts: 3,
    }),
    sampleContainer({ name: "wallet-core-redis", kind: "accessory", role: "redis" }),
  ],
  hosts: [sampleHost()],
  queueSources: [
    {
      name: "jobs",
      env: "staging",
      metrics: [
        { name: "payouts", depth: 4 },
        { name: "webhook.aella.process", depth: 2 },
      ],
      errors: [{ queue: "payouts", source: "jobs", jobId: "1", error: "timeout", timestamp, count: 2 }],
      history: rememberQueues(["payouts", "webhook.aella.process"]),
    },
    {
      name: "river",
      env: "production",
      metrics: [{ name: "mail", depth: 9 }],
      errors: [],
      history: rememberQueues(["mail"]),
    },
    {
      name: "away",
      env: "production",
      metrics: new OpsError("postgres_unavailable", "Its database does not answer"),
      errors: [],
      history: async () => {
        throw new OpsError("postgres_unavailable", "Its database does not answer");
      },
    },
  ],
});
let isPrometheusDown = false;
const give = <T>(value: T): T => {
  if (isPrometheusDown) throw new OpsError("prometheus_unavailable", "Prometheus does not answer");
  return value;
};
const sources = {
  ...memory.sources,
  hosts: {
    ...memory.sources.hosts,
    report: async (signal: AbortSignal) => give(await memory.sources.hosts.report(signal)),
    history: async (range: Parameters<typeof rememberHost>[0], instances: readonly string[]) =>
      give(new Map(instances.map((instance) => [instance, rememberHost(range)]))),
  },
};
const folder = mkdtempSync(join(tmpdir(), "ops-grafana-"));
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  const tokensFile = join(folder, "tokens.json");
  writeFileSync(tokensFile, JSON.stringify([reader.entry, logsOnly.entry]));
  gateway = await startGateway(sources, { tokensFile });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface Sent {
  readonly bearer?: string;
  readonly status?: number;
}

/** As Grafana's proxy sends it. */
async function post(path: string, body?: unknown, { bearer = reader.token, status = 200 }: Sent = {}): Promise<any> {
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/plain, */*",
    authorization: `Bearer ${bearer}`,
  };
  const response = await gateway.fetch(`/grafana${path}`, {
    method: "POST",
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(response.status, text).toBe(status);
  return JSON.parse(text);
}
const query = async (body: object, sent?: Sent) => readFrames(await post("/query", body, sent));
const target = (name: string, payload: object = {}, refId = "A") => ({ refId, target: name, payload });
const texts = (answer: { text?: string; value?: string }[]) => answer.map(({ text, value }) => text ?? value);

describe("the datasource", () => {
  it.each(["/grafana", "/grafana/"])("answers %s with 200 and no redirect", async (path) => {
    const response = await gateway.fetch(path, { redirect: "manual", headers: { "content-type": "application/json" } });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: "ok" });
  });

  it.each([
    ["POST", ""],
    ["POST", "/"],
    ["GET", "/query"],
    ["GET", "/metrics"],
  ])("refuses %s %s with what is allowed", async (method, path) => {
    const response = await gateway.fetch(`/grafana${path}`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(method === "GET" ? "POST" : "GET, HEAD");
  });

  it("requires ops:read, and no more", async () => {
    expect((await gateway.fetch("/grafana", { headers: { authorization: "Bearer nobody-0123456789" } })).status).toBe(
      401,
    );
    for (const path of ["/query", "/metrics", "/tag-keys", "/variable"]) {
      expect((await post(path, {}, { bearer: logsOnly.token, status: 403 })).error.code).toBe("forbidden");
    }
    expect(await post("/query", lastHour([]))).toEqual([]);
  });

  it("runs queries only, and has no other path", async () => {
    const operations = grafanaDocuments.flatMap(({ definitions }) =>
      definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION),
    );
    expect(new Set(operations.map((one) => (one as OperationDefinitionNode).operation))).toEqual(new Set(["query"]));
    for (const path of [
      "/containers/wallet-core-staging-web-latest/restart",
      "/graphql",
      "/api",
      "/constructor",
      "/__proto__",
    ]) {
      expect((await post(path, {}, { bearer: token, status: 404 })).error.code).toBe("not_found");
    }
  });

  it("accepts variables with thousands of options and refuses more", async () => {
    const options = (count: number) => Array.from({ length: count }, (_, index) => `webhook.partner-${index}.process`);
    const body = (count: number) =>
      lastHour([], { scopedVars: { q: { text: options(count), value: options(count) } } });
    expect(await post("/query", body(4000))).toEqual([]);
    expect((await post("/query", body(20_000), { status: 413 })).error.code).toBe("payload_too_large");
  });

  it("answers paths with a slash at the end, an empty body and {}", async () => {
    for (const path of [
      "/metrics/",
      "/search",
      "/tag-keys/",
      "/query/",
      "/variable/",
      "/tag-values/",
      "/metric-payload-options/",
    ]) {
      for (const body of [undefined, {}, []]) expect(await post(path, body)).toEqual(expect.any(Array));
    }
    for (const path of ["/query", "/variable", "/tag-values", "/metric-payload-options"])
      expect(await post(path, {})).toEqual([]);
  });

  it("reports errors where panels and Save & test can show them", async () => {
    const response = await gateway.fetch("/grafana/query", { method: "POST", body: "{" });
    expect(response.status).toBe(400);
    const message = "The body is not JSON";
    expect(await response.json()).toEqual({
      message,
      error: { code: "invalid_request", message, request_id: expect.any(String) },
    });
  });
});

describe("/metrics", () => {
  it("lists every metric with its fields, as the plugin's editor needs", async () => {
    const listed = await post("/metrics", { metric: "queue_depth", payload: {} });
    expect(listed.map(({ value }: any) => value)).toEqual([
      "containers",
      "queues",
      "queue_errors",
      "hosts",
      "deploys",
      "restarts",
      "alerts",
      "engines",
      "queue_depth",
      "queue_processed_per_sec",
      "queue_failures",
      "queue_oldest_age",
      "host_cpu_util",
      "host_mem_util",
      "host_disk_util",
      "host_load1",
      "container_cpu_pct",
      "container_mem_pct",
      "up",
    ]);
    for (const { label, payloads: fields } of listed) {
      expect(label).toEqual(expect.any(String));
      for (const field of fields) {
        expect(field).toMatchObject({
          name: expect.any(String),
          label: expect.any(String),
          type: expect.stringMatching(/^(?:multi-)?select$/),
        });
      }
    }
    expect(texts(await post("/search", { target: "" }))).toEqual(listed.map(({ value }: any) => value));
  });

  it.each(payloads.map(({ name }) => [name]))("has options for the field %s", async (name) => {
    const options = await post("/metric-payload-options", { metric: "queue_depth", payload: {}, name });
    expect(options.length).toBeGreaterThan(0);
    for (const option of options) expect(option).toEqual({ value: expect.any(String), label: expect.any(String) });
  });

  it("narrows the options by other fields, as Grafana escapes them", async () => {
    const options = async (name: string, payload: object) =>
      (await post("/metric-payload-options", { metric: "queue_depth", payload, name })).map(({ value }: any) => value);
    expect(await options("queue", {})).toEqual(["mail", "payouts", "webhook.aella.process"]);
    expect(await options("queue", { env: ["(staging)"], queue: ["mail"] })).toEqual([
      "payouts",
      "webhook.aella.process",
    ]);
    expect(await options("source", { queue: [String.raw`webhook\.aella\.process`] })).toEqual(["jobs"]);
    expect(await options("container", { accessories: "true", role: ["redis"] })).toEqual(["wallet-core-redis"]);
    expect(await options("env", {})).toEqual(["production", "staging"]);
  });

  it("names the known metrics for an unknown one", async () => {
    const unknown = await post(
      "/metric-payload-options",
      { metric: "queue_depth", payload: {}, name: "queu" },
      { status: 400 },
    );
    expect(unknown.message).toContain('Unknown payload "queu"; known: queue, source, env');
    expect((await post("/metric-payload-options", { metric: "x", name: "queue" }, { status: 400 })).message).toContain(
      'Unknown metric "x"',
    );
  });
});

describe("/query", () => {
  it.each(metrics.map(({ name }) => [name]))("answers %s in frames that Grafana reads", async (name) => {
    const frames = await query(lastHour([target(name)]));
    for (const frame of frames) expect(frame).toMatchObject({ refId: "A", name });
    // In the last hour nobody deployed or restarted anything, and nothing went wrong.
    expect((frames[0]?.length ?? 0) > 0).toBe(!["deploys", "restarts", "alerts"].includes(name));
  });

  it("marks failures, and not recoveries", async () => {
    const { timeline } = memory.sources;
    const container = toTimelineContainer(sampleContainer());
    const add = (kind: "health" | "queue_state" | "host_alert", states: readonly string[]) => {
      for (const to of states)
        timeline.add(toEntry({ kind, time: timestamp, env: "staging", message: `${kind} ${to}`, to, container }));
    };
    add("health", ["starting", "healthy", "unhealthy"]);
    add("queue_state", ["ok", "stalled", "failing"]);
    add("host_alert", ["down", "alert", "ok"]);
    timeline.add(toEntry({ kind: "oom_kill", time: timestamp, env: "staging", message: "out of memory", container }));
    const [frame] = await query(lastHour([target("alerts")]));
    expect((column(frame, "text") as string[]).toSorted()).toEqual([
      "health unhealthy",
      "host_alert alert",
      "host_alert down",
      "out of memory",
      "queue_state failing",
      "queue_state stalled",
    ]);
  });

  it("returns about as many points as fit the panel, on round times", async () => {
    const [frame] = await query(lastHour([target("queue_depth")]));
    expect(frame?.length).toBeGreaterThanOrEqual(239);
    expect(frame?.length).toBeLessThanOrEqual(241);
    expect(frame?.fields[0]?.values.every((time: number) => time % 15_000 === 0)).toBe(true);
    const [few] = await query(lastHour([target("queue_depth")], { intervalMs: 60_000, maxDataPoints: 60 }));
    expect(few?.length).toBeLessThanOrEqual(61);
    const [chosen] = await query(lastHour([target("queue_depth", { step: "300" })]));
    expect(chosen?.length).toBeLessThanOrEqual(13);
  });

  it("reports a failed source once, on the first frame that lacks it", async () => {
    const frames = await query(
      lastHour([target("queue_depth"), target("host_load1", {}, "B"), target("queues", {}, "C")]),
    );
    expect(frames.map(({ refId, name, meta }) => [refId, name, meta?.notices])).toEqual([
      ["A", "queue_depth", [{ severity: "warning", text: "away: Its database does not answer" }]],
      ["B", "host_load1", undefined],
      ["C", "queues", undefined],
    ]);
    expect(linesOf(frames[0]).map(({ legend, unit, labels }) => [legend, unit, labels?.["env"]])).toEqual([
      ["payouts", "short", "staging"],
      ["webhook.aella.process", "short", "staging"],
      ["mail", "short", "production"],
    ]);
    expect(column(frames[2], "queue")).toEqual(["mail", "payouts", "webhook.aella.process"]);
    expect(column(frames[2], "env")).toEqual(["production", "staging", "staging"]);
  });

  it("reports a failed target on its own frame, or as the error", async () => {
    isPrometheusDown = true;
    try {
      const frames = await query(lastHour([target("hosts"), target("queue_depth", {}, "B")]));
      expect(frames[0]).toMatchObject({
        refId: "A",
        length: 0,
        meta: { notices: [{ severity: "error", text: "hosts: Prometheus does not answer" }] },
      });
      expect(frames[1]?.length).toBeGreaterThan(0);
      const alone = await post("/query", lastHour([target("hosts"), target("host_load1", {}, "B")]), { status: 503 });
      const message = "Prometheus does not answer";
      expect(alone).toEqual({
        message,
        error: { code: "prometheus_unavailable", message, request_id: expect.any(String) },
      });
    } finally {
      isPrometheusDown = false;
    }
  });

  it.each([
    ["a list", { queue: ["payouts"] }],
    ["a text", { queue: "payouts" }],
    ["an escaped text", { queue: [String.raw`webhook\.aella\.process`] }],
    ["a group", { queue: [String.raw`(payouts|webhook\.aella\.process)`] }],
    ["a queue and an environment", { queue: ["payouts", "mail"], env: "staging" }],
    ["an environment that does not exist", { env: "prod" }],
  ])("narrows lines and tables by %s", async (_what, payload) => {
    const [lines, table] = [
      await query(lastHour([target("queue_depth", payload)])),
      await query(lastHour([target("queues", payload)])),
    ];
    const inTable = table[0]?.length ? column(table[0], "queue") : [];
    expect(new Set(linesOf(lines[0]).map(({ labels }) => labels?.["queue"]))).toEqual(new Set(inTable));
    expect(inTable.length).toBeLessThan(3);
  });

  it.each([[{}], [{ queue: "All" }], [{ queue: ["$__all"], env: "" }], [undefined], [null], ["{}"]])(
    "takes %j for everything",
    async (payload) => {
      const [frame] = await query(lastHour([{ refId: "A", target: "queues", payload }]));
      expect(frame?.length).toBe(3);
    },
  );

  it("applies ad hoc filters to every metric that has the column", async () => {
    const filters = [{ key: "queue", operator: "=~", value: "webhook.*" }];
    const frames = await query(
      lastHour([target("queue_depth"), target("queues", {}, "B"), target("hosts", {}, "C")], { filters }),
    );
    expect(frames.map(({ refId, length }) => [refId, length > 0])).toEqual([
      ["A", true],
      ["B", true],
      ["C", true],
    ]);
    expect(linesOf(frames[0]).map(({ legend }) => legend)).toEqual(["webhook.aella.process"]);
    expect(column(frames[1], "queue")).toEqual(["webhook.aella.process"]);
    const [deep] = await query(
      lastHour([target("queues")], { filters: [{ key: "depth", operator: ">", value: "3" }], adhocFilters: [] }),
    );
    expect(column(deep, "queue")).toEqual(["mail", "payouts"]);
    const [old] = await query({ ...lastHour([target("queues")]), filters: undefined, adhocFilters: filters });
    expect(column(old, "queue")).toEqual(["webhook.aella.process"]);
  });

  it("names the known metrics or keys for an unknown one", async () => {
    const metric = await post("/query", lastHour([target("queue_depht")]), { status: 400 });
    expect(metric.message).toMatch(/^Unknown metric "queue_depht"; known: containers, queues, .*, up$/);
    expect(metric.error).toMatchObject({ code: "invalid_request", message: metric.message });
    const filters = [{ key: "queu", operator: "=", value: "x" }];
    expect((await post("/query", lastHour([target("up")], { filters }), { status: 400 })).message).toContain(
      'Unknown filter key "queu"; known: queue',
    );
    const [frame] = await query(lastHour([target("queues", { queu: "payouts" })]));
    expect(frame?.meta?.notices?.at(-1)).toEqual({
      severity: "info",
      text: "Unknown payload key queu; known: queue, source, env",
    });
  });

  it("shows accessories only on request, whatever the boolean's form", async () => {
    const names = async (accessories: unknown) =>
      column((await query(lastHour([target("containers", { accessories })])))[0], "container");
    expect(await names(undefined)).toHaveLength(2);
    expect(await names("false")).toHaveLength(2);
    for (const yes of ["true", true, ["true"], 1]) expect(await names(yes)).toHaveLength(3);
  });

  it.each([
    [{ kind: ["engine"] }, ["engine up", "engine total"]],
    [{ kind: "(engine|nothing)" }, ["engine up", "engine total"]],
    [{ kind: "nothing" }, []],
  ])("counts the rows that %j selects", async (payload, legends) => {
    const frames = await query(lastHour([target("up", payload)]));
    expect(frames.flatMap(linesOf).map(({ legend }) => legend)).toEqual(legends);
  });

  it("reads several metrics from one target with a variable", async () => {
    const frames = await query(lastHour([target("(queue_depth|queue_failures)")]));
    expect(frames.map(({ name, refId }) => [name, refId])).toEqual([
      ["queue_depth", "A"],
      ["queue_failures", "A"],
    ]);
  });
});

describe("/variable", () => {
  it.each([
    ["queue", ["mail", "payouts", "webhook.aella.process"]],
    ["queues", ["mail", "payouts", "webhook.aella.process"]],
    ["source", ["jobs", "river"]],
    ["env", ["production", "staging"]],
    ["role", ["web", "worker"]],
    ["container", ["wallet-core-production-worker", "wallet-core-staging-web-latest"]],
    ["host", ["staging-host-1"]],
    ["status", ["running"]],
  ])("has the values of %s", async (name, values) => {
    expect(await post("/variable", { payload: { target: name }, range: {} })).toEqual(
      values.map((value) => ({ __text: value, __value: value })),
    );
  });

  it("accepts JSON with filters", async () => {
    const narrowed = await post("/variable", { payload: { target: "queue", env: "staging" } });
    expect(narrowed.map(({ __value }: any) => __value)).toEqual(["payouts", "webhook.aella.process"]);
    const listed = metrics.map(({ name }) => ({ __text: name, __value: name }));
    for (const all of ["metrics", "metric"])
      expect(await post("/variable", { payload: { target: all } }), all).toEqual(listed);
    expect(await post("/variable", { target: "source" })).toHaveLength(2);
    expect(await post("/variable", { target: "source", payload: { target: "role" } })).toHaveLength(2);
    expect((await post("/variable", { payload: { target: "ss" } }, { status: 400 })).message).toContain('key "ss"');
    expect((await post("/variable", { payload: { target: "nothing" } }, { status: 400 })).message).toContain(
      'Unknown filter key "nothing"',
    );
  });
});

describe("/tag-keys and /tag-values", () => {
  it("list keys and values, narrowed by the other filters", async () => {
    expect(texts(await post("/tag-keys"))).toEqual(
      expect.arrayContaining(["queue", "source", "env", "role", "host", "container"]),
    );
    expect(texts(await post("/tag-values", { key: "role", filters: [] }))).toEqual(["redis", "web", "worker"]);
    const filters = [
      { key: "env", operator: "=", value: "production" },
      { key: "role", operator: "=", value: "web" },
    ];
    expect(texts(await post("/tag-values", { key: "role", filters }))).toEqual(["worker"]);
    expect((await post("/tag-values", { key: "rolle" }, { status: 400 })).message).toContain("known: queue");
  });

  it("have values for every key that is a text", async () => {
    for (const { value, type } of await post("/tag-keys")) {
      const values = await post("/tag-values", { key: value });
      expect(values.length > 0, value).toBe(type === "string");
    }
  });
});

describe("the datasource's answers", () => {
  const call = (path: string, method: string, body = "", execute: unknown = null) =>
    createGrafanaHandler(execute as never)({ ...createCaller(), method, path, body: async () => Buffer.from(body) });

  it.each([
    ["/grafana", "GET", "/grafana"],
    ["/grafana/", "GET", "/grafana"],
    ["/grafana/search", "POST", "/grafana/search"],
    ["/grafana/tag-keys/", "POST", "/grafana/tag-keys"],
  ])("to %s at %s have the route %s", async (path, method, route) => {
    expect(await call(path, method)).toEqual({ status: 200, route, body: expect.stringMatching(/^[[{]/) });
  });

  it("list metrics, keys and fields, each with its label", async () => {
    expect(JSON.parse(String((await call("/grafana", "GET")).body))).toEqual({ status: "ok", metrics: metrics.length });
    const [containers] = JSON.parse(String((await call("/grafana/metrics", "POST")).body));
    expect(containers).toEqual({
      value: "containers",
      label: "Containers",
      payloads: ["container", "role", "destination", "env", "engine", "accessories"].map((name) => ({
        name,
        label: payloads.find((one) => one.name === name)?.label,
        type: name === "accessories" ? "select" : "multi-select",
        placeholder: name === "accessories" ? "false" : "All",
        width: 30,
        reloadMetric: false,
      })),
    });
    const [first] = JSON.parse(String((await call("/grafana/search", "POST")).body));
    expect(first).toEqual({ value: "containers", text: "containers", label: "Containers" });
    const keys = JSON.parse(String((await call("/grafana/tag-keys", "POST")).body));
    expect(keys[0]).toEqual({ text: "queue", value: "queue", type: "string", label: "Queue" });
    expect(keys.at(-1)).toEqual({
      text: "restarts",
      value: "restarts",
      type: "number",
      label: "Restarts of a container",
    });
  });

  it.each([
    ["/grafana/x", "POST", "not_found", `Known below /grafana: ${grafanaRoutes.join(", ")}`, undefined],
    ["/grafana/query", "GET", "method_not_allowed", "Use POST", { allow: "POST" }],
    ["/grafana", "POST", "method_not_allowed", "Use GET, HEAD", { allow: "GET, HEAD" }],
  ])("to %s at %s are refused: %s", async (path, method, code, message, headers) => {
    await expect(call(path, method)).rejects.toMatchObject({ code, message, headers });
    const handle = createGrafanaHandler(null as never);
    const caller = { ...createCaller(["ops:logs"]), method, path, body: async () => Buffer.from("") };
    await expect(handle(caller)).rejects.toMatchObject({
      code: "forbidden",
      message: "This token lacks the scope ops:read",
    });
  });

  it("say why a body is invalid", async () => {
    await expect(call("/grafana/query", "POST", "{")).rejects.toMatchObject({
      code: "invalid_request",
      message: "The body is not JSON",
      cause: expect.any(SyntaxError),
    });
    await expect(call("/grafana/query", "POST", "[".repeat(65) + "]".repeat(65))).rejects.toMatchObject({
      code: "invalid_request",
      message: "The JSON has more than 64 levels",
    });
    await expect(call("/grafana/metric-payload-options", "POST", '{"name":"x"}')).rejects.toMatchObject({
      code: "invalid_request",
      message: `Unknown payload "x"; known: ${payloads.map(({ name }) => name).join(", ")}`,
    });
  });

  it("have sorted distinct options, or the failure", async () => {
    const rows = ["b", "", null, 7, "a", "b"].map((role) => ({ role, env: "staging" }));
    const asked: unknown[] = [];
    const execute = (data: unknown, errors: readonly OpsError[] = []) => {
      return (document: unknown, variables: unknown) => {
        asked.push(variables);
        return { run: async () => ({ data, errors }) };
      };
    };
    const ask = async (given: unknown, body: object) =>
      JSON.parse(String((await call("/grafana/tag-values", "POST", JSON.stringify(body), given)).body));
    const body = { key: "role", filters: [{ key: "env", operator: "=", value: "staging" }] };
    expect(await ask(execute({ rows }), body)).toEqual(["a", "b"].map((text) => ({ text, value: text })));
    expect(
      await ask(execute({ rows }), { ...body, filters: [{ key: "env", operator: "!=", value: "staging" }] }),
    ).toEqual([]);
    expect(asked).toEqual([
      { oneEnv: "staging", oneDestination: null, includeAccessories: true },
      { oneEnv: null, oneDestination: null, includeAccessories: true },
    ]);
    const away = new OpsError("docker_timeout", "It hangs");
    await expect(ask(execute(null, [away]), body)).rejects.toBe(away);
    await expect(ask(execute({ rows: null }, [away]), body)).rejects.toBe(away);
    expect(await ask(null, { key: "kind" })).toEqual(
      [...upKinds, ...alertKinds].map((text) => ({ text, value: text })),
    );
    expect(await ask(null, { key: "depth" })).toEqual([]);
  });
});
