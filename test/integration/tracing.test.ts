import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { freePort } from "../../script/services/process.ts";
import { version } from "../../src/lib/build.ts";
import { startProgram } from "../support/cli-process.ts";
import { type ReceivedSpan, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { createStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const folder = mkdtempSync(join(inject("runFolder"), "tracing-"));
let stage: Awaited<ReturnType<typeof createStage>>;
let prometheus: Awaited<ReturnType<typeof startRecordingProxy>>;
beforeAll(async () => {
  stage = await createStage({
    dockerSocket: inject("dockerSocket"),
    postgresUrl: inject("postgresUrl"),
    prometheusUrl: inject("prometheusUrl"),
    runFolder: folder,
  });
  prometheus = await startRecordingProxy(inject("prometheusUrl"));
});
afterAll(async () => {
  await prometheus[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
});

/** A way to Prometheus that records the headers of each query. */
async function startRecordingProxy(target: string) {
  const queries: IncomingHttpHeaders[] = [];
  const pass = async (req: IncomingMessage, res: ServerResponse) => {
    queries.push(req.headers);
    const headers = { "content-type": req.headers["content-type"] ?? "" };
    const answer = await fetch(target + req.url, { method: "POST", headers, body: new Uint8Array(await buffer(req)) });
    res.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  };
  const server = createServer((req, res) => void pass(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    queries,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Lists, when the process ends, which files of OpenTelemetry it loaded. */
const listLoaded = `process.on("exit", () => require("node:fs").writeFileSync(process.env.LOADED, Object.keys(require.cache).filter((file) => file.includes("@opentelemetry")).join("\\n")));`;

/** The gateway as it is run, over the stage. */
async function startGateway(env: Readonly<Record<string, string>>) {
  const port = await freePort();
  const [preload, loaded] = [join(folder, "preload.cjs"), join(folder, `loaded-${port}`)];
  writeFileSync(preload, listLoaded);
  const { child, out, err, ended } = startProgram([process.execPath, "--require", preload, "src/cli.ts", "serve"], {
    ...stage.env,
    WALLET_CORE_OPS_PROMETHEUS_URL: prometheus.url,
    WALLET_CORE_OPS_PORT: String(port),
    LOADED: loaded,
    OTEL_BSP_SCHEDULE_DELAY: "50",
    // With restarts, engines are listed from the start, by no request.
    WALLET_CORE_OPS_RESTART: "off",
    ...env,
  });
  await until(() => out().includes('"listening"') || child.exitCode !== null);
  const ask = (path: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: body ? "POST" : "GET",
      headers: {
        authorization: `Bearer ${stage.env.WALLET_CORE_OPS_TOKEN}`,
        ...(body && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  const stop = async () => {
    child.kill("SIGTERM");
    return ended;
  };
  return {
    ask,
    stop,
    loaded: () => readFileSync(loaded, "utf8").split("\n").filter(Boolean),
    lines: () =>
      out()
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    err,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

const rest = "/api/v1/admin/ops";

/** A traceparent of a new trace. */
function createSender() {
  const [traceId, spanId] = [randomBytes(16).toString("hex"), randomBytes(8).toString("hex")];
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-00` } };
}

/** Each span of a trace once, as "name < name of its parent", without repetitions. */
function drawTrace(
  spans: readonly ReceivedSpan[],
  { traceId, spanId }: { readonly traceId: string; readonly spanId: string },
) {
  const own = spans.filter((span) => span.traceId === traceId);
  const names = new Map([[spanId, "sender"], ...own.map((span) => [span.spanId, span.name] as const)]);
  return [...new Set(own.map(({ name, parentId }) => `${name} < ${names.get(parentId) ?? "nothing"}`))].toSorted();
}

describe("a traced gateway", () => {
  let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>;
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    gateway = await startGateway({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=staging,team=wallet%2Ccore",
    });
    // The first request connects, detects and follows.
    for (const path of ["/containers", "/queues", "/hosts"]) await gateway.ask(rest + path);
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });

  /**
   * Asks within a new trace until its answer is not one that another request was given, and returns
   * its spans, drawn.
   */
  const trace = async (path: string, body?: object) => {
    const sender = createSender();
    const response = await gateway.ask(path, sender.headers, body);
    await response.arrayBuffer();
    const isRequest = ({ traceId, kind }: ReceivedSpan) => traceId === sender.traceId && kind === 2;
    await until(() => receiver.spans.some(isRequest));
    // The engine is asked for a sign of life once in a while, by whichever request comes then.
    const spans = receiver.spans.filter(({ traceId, name }) => traceId === sender.traceId && name !== "GET /_ping");
    return { ...sender, response, spans, drawn: drawTrace(spans, sender) };
  };

  it("REST: a request has its document below it, and that its calls", async () => {
    await expect
      .poll(async () => (await trace(`${rest}/hosts`)).drawn, { timeout: 20_000, interval: 1100 })
      .toEqual([`GET ${rest}/hosts < sender`, "POST /api/v1/query < query Hosts", `query Hosts < GET ${rest}/hosts`]);
  });

  it("REST over PostgreSQL and Docker: each call is a span", async () => {
    const database = new URL(stage.env.WALLET_CORE_OPS_DATABASE_URL).pathname.slice(1);
    await expect
      .poll(async () => (await trace(`${rest}/queues`)).drawn, { timeout: 20_000, interval: 1100 })
      .toEqual([
        `GET ${rest}/queues < sender`,
        `SELECT ${database} < query Queues`,
        `query Queues < GET ${rest}/queues`,
      ]);
    const { drawn } = await trace(`${rest}/containers/${stage.service}-web-latest/logs`);
    expect(drawn).toEqual([
      `GET ${rest}/containers/:name/logs < sender`,
      "GET /containers/{id}/json < query ContainerLogs",
      "GET /containers/{id}/logs < query ContainerLogs",
      `query ContainerLogs < GET ${rest}/containers/:name/logs`,
      "read deploy_info.json < query ContainerLogs",
    ]);
  });

  it("GraphQL, Grafana and /metrics: the same tree", async () => {
    const query = "query Mine { hosts { name } }";
    await expect
      .poll(async () => (await trace("/graphql", { query })).drawn, { timeout: 20_000, interval: 1100 })
      .toEqual(["POST /api/v1/query < query", "POST /graphql < sender", "query < POST /graphql"]);
    const range = { from: new Date(Date.now() - 3_600_000).toISOString(), to: new Date().toISOString() };
    const panel = { range, intervalMs: 60_000, maxDataPoints: 60, targets: [{ refId: "A", target: "host_cpu_util" }] };
    expect((await trace("/grafana/query", panel)).drawn).toEqual([
      "POST /api/v1/query_range < query GrafanaHostSeries",
      "POST /grafana/query < sender",
      "query GrafanaHostSeries < POST /grafana/query",
    ]);
    await expect
      .poll(async () => (await trace("/metrics")).drawn, { timeout: 20_000, interval: 1100 })
      .toContain("POST /api/v1/query < query Metrics");
    const { drawn } = await trace("/metrics");
    expect(drawn).toEqual(expect.arrayContaining(["GET /metrics < sender", "query Metrics < GET /metrics"]));
  });

  it("a failed request has its route, its code and the status of an error", async () => {
    const { spans, response } = await trace(`${rest}/containers/nobody/logs?tail=7&search=secret-text`);
    expect(response.status).toBe(404);
    expect(spans.find(({ kind }) => kind === 2)).toMatchObject({
      name: `GET ${rest}/containers/:name/logs`,
      status: 0,
      attributes: {
        "http.request.method": "GET",
        "http.route": `${rest}/containers/:name/logs`,
        "http.response.status_code": 404,
        "url.path": `${rest}/containers/nobody/logs`,
        "url.scheme": "http",
      },
    });
    expect(JSON.stringify(receiver.spans)).not.toContain("secret-text");
    expect(JSON.stringify(receiver.spans)).not.toContain(stage.env.WALLET_CORE_OPS_TOKEN);
  });

  it("a shared read belongs to the request that began it", async () => {
    const both = async () => Promise.all([trace(`${rest}/hosts`), trace(`${rest}/hosts`)]);
    const calls = (traces: Awaited<ReturnType<typeof both>>) =>
      traces.flatMap(({ spans }) => spans).filter(({ kind }) => kind === 3);
    let traces = await both();
    // Until both asked in the same moment, which a busy machine may prevent.
    await until(async () => {
      traces = await both();
      return calls(traces).length === 1 && traces.every(({ drawn }) => drawn.some((line) => line.startsWith("query")));
    });
    const trees = traces.map(({ drawn }) => drawn.filter((line) => !line.startsWith("POST")));
    expect(trees).toEqual(
      Array.from({ length: 2 }, () => [`GET ${rest}/hosts < sender`, `query Hosts < GET ${rest}/hosts`]),
    );
  });

  it("Prometheus gets the traceparent of the call", async () => {
    let sent: ReceivedSpan | undefined;
    await until(async () => (sent = (await trace(`${rest}/hosts`)).spans.find(({ kind }) => kind === 3)) !== undefined);
    const own = prometheus.queries.filter(({ traceparent }) => traceparent?.includes(sent?.traceId ?? "nobody"));
    expect(own.map(({ traceparent }) => traceparent)).toEqual([`00-${sent?.traceId}-${sent?.spanId}-01`]);
    expect(sent?.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.response.status_code": 200,
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(prometheus.url).port),
      "url.full": `${prometheus.url}/api/v1/query`,
    });
  });

  it("a malformed traceparent begins a new trace", async () => {
    const known = new Set(receiver.spans.map(({ traceId }) => traceId));
    for (const traceparent of [
      "00-x",
      `ff-${"a".repeat(32)}-${"b".repeat(16)}-01`,
      `00-${"0".repeat(32)}-${"b".repeat(16)}-01`,
    ]) {
      await gateway.ask(`${rest}/deploy-info`, { traceparent });
    }
    const fresh = () => receiver.spans.filter(({ traceId, kind }) => kind === 2 && !known.has(traceId));
    await until(() => fresh().length === 3);
    expect(fresh().map(({ parentId }) => parentId)).toEqual(["", "", ""]);
    expect(new Set(fresh().map(({ traceId }) => traceId)).size).toBe(3);
    expect(fresh().map(({ traceId }) => traceId)).not.toContain("a".repeat(32));
  });

  it("the resource and the log lines name the service and the trace", async () => {
    const { traceId, spans } = await trace(`${rest}/deploy-info`);
    const request = spans.find(({ kind }) => kind === 2);
    expect(request?.resource).toMatchObject({
      "service.name": "wallet-core-ops",
      "service.version": version,
      "service.instance.id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      "deployment.environment.name": "staging",
      team: "wallet,core",
      "host.name": hostname(),
      "process.runtime.name": "nodejs",
      "telemetry.sdk.language": "nodejs",
    });
    const line = () => gateway.lines().find((one) => one["trace_id"] === traceId);
    await until(() => line() !== undefined);
    expect(line()).toMatchObject({
      msg: "request",
      span_id: request?.spanId,
      request_id: expect.any(String),
      route: "/deploy-info",
    });
  });

  it("what goes on after an answer is a trace of its own, with a link", async () => {
    const isBackground = ({ parentId, kind }: ReceivedSpan) => parentId === "" && kind === 3;
    await until(() => receiver.spans.some(isBackground), 40_000);
    const requests = new Set(receiver.spans.filter(({ kind }) => kind === 2).map(({ traceId }) => traceId));
    const links = receiver.spans
      .filter(isBackground)
      .map((span) => span.links.map(({ traceId }) => requests.has(traceId)));
    expect(new Set(links.map(String))).toEqual(new Set(["true"]));
  }, 60_000);
});

it("JSON with gzip and headers reaches the endpoint of traces", async () => {
  await using receiver = await startOtlpReceiver();
  await using gateway = await startGateway({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/tenant/traces`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=a%20b",
    OTEL_SERVICE_NAME: "ops-eu",
  });
  await gateway.ask("/healthz");
  expect(await gateway.stop()).toBe(0);
  expect(receiver.spans).toMatchObject([
    { name: "GET /healthz", kind: 2, parentId: "", resource: { "service.name": "ops-eu" } },
  ]);
  expect(receiver.exports).toMatchObject([
    {
      path: "/tenant/traces",
      headers: { "x-tenant": "a b", "content-encoding": "gzip", "content-type": "application/json" },
    },
  ]);
});

const away = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
it.each([
  ["without an endpoint OpenTelemetry is not loaded", { OTEL_TRACES_SAMPLER: "always_on" }, false],
  ["where it is disabled, OpenTelemetry is not loaded", { ...away, OTEL_SDK_DISABLED: "true" }, false],
  ["with an endpoint OpenTelemetry is loaded", away, true],
] as const)("%s", async (_, env, isLoaded) => {
  await using gateway = await startGateway(env);
  await gateway.ask(`${rest}/hosts`);
  await gateway.ask("/graphql", {}, { query: "{ hosts { name } }" });
  await gateway.stop();
  expect(gateway.loaded().length > 0).toBe(isLoaded);
});

it.each(["hangs", "is away"])("a receiver that %s holds up no request and no end", async (how) => {
  await using receiver = await startOtlpReceiver("hang");
  const endpoint = how === "hangs" ? receiver.url : "http://127.0.0.1:1";
  await using gateway = await startGateway({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_TIMEOUT: "300",
  });
  for (let round = 0; round < 50; round += 1) expect((await gateway.ask("/healthz")).status).toBe(200);
  await until(async () =>
    /spans_dropped_total\{reason="export"\} [1-9]/.test(await (await gateway.ask("/metrics")).text()),
  );
  const lost = () => gateway.lines().filter(({ msg }) => msg === "spans are lost");
  await until(() => lost().length > 0);
  expect(lost()).toMatchObject([{ level: "warn", reason: "export", spans: expect.any(Number) }]);
  const begin = performance.now();
  expect(await gateway.stop()).toBe(0);
  expect(performance.now() - begin).toBeLessThan(8000);
});

it("a bad endpoint or protocol is refused with 78", async () => {
  const env = { ...stage.env, OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
  const { err, ended } = startProgram([process.execPath, "src/cli.ts", "serve"], env);
  expect(await ended).toBe(78);
  expect(err().trim().split("\n")).toEqual([
    "OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL",
    "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json: grpc is not supported, and receivers take HTTP on port 4318",
  ]);
});
