import { setTimeout as sleep } from "node:timers/promises";
import { getOperationAST, type OperationDefinitionNode, parse } from "graphql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { createEngineClient } from "../../src/containers/docker/http/client.ts";
import { traceOperation } from "../../src/graphql/compiled/trace.ts";
import { createSingleFlight } from "../../src/lib/cache.ts";
import { OpsError } from "../../src/lib/errors.ts";
import type { Logger } from "../../src/lib/logger.ts";
import type { Tracing } from "../../src/lib/tracing/tracing.ts";
import { type ObserveCall, observed, toDatabaseFacts, toHttpFacts } from "../../src/lib/upstream-call.ts";
import { createPrometheusClient } from "../../src/prometheus/client.ts";
import { createRabbitmqClient } from "../../src/queues/systems/rabbitmq/client.ts";
import { createVictoriaLogsClient } from "../../src/victorialogs/client.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";
import { drawSpans, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { openTracing } from "../support/tracing.ts";

let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>;
let tracing: Tracing;
let observe: ObserveCall;
beforeEach(async () => {
  receiver = await startOtlpReceiver();
  tracing = await openTracing(receiver);
  observe = Object.assign(() => {}, { trace: tracing.call });
});
afterEach(async () => {
  await tracing.close();
  await receiver[Symbol.asyncDispose]();
});

const never = new AbortController().signal;
const facts = () => toHttpFacts("GET", "/things/{id}", { address: "upstream", port: 80 });
const call = <T>(work: (traceparent: string | undefined) => Promise<T>, signal = never) =>
  observed({ observe, upstream: "docker", signal, toCode: () => "docker_error", facts }, ({ headers }) =>
    work(headers.traceparent),
  );
const operation = getOperationAST(parse("query Things { things }")) as OperationDefinitionNode;
const document = (work: () => Promise<unknown>) => traceOperation(tracing, operation, true, work, () => null);
const end = { failure: null };

async function received() {
  await tracing.close();
  return receiver.spans;
}

describe("spans", () => {
  it("nest as the work does", async () => {
    const request = tracing.request("GET", {});
    await request.run(async () => {
      await call(async () => 1);
      await document(() => Promise.all([call(async () => 2), sleep(1).then(() => call(async () => 3))]));
    });
    request.end("GET /things", end);
    expect(drawSpans(await received())).toBe(
      ["GET /things", "  GET /things/{id}", "  query Things", "    GET /things/{id}", "    GET /things/{id}"].join(
        "\n",
      ),
    );
  });

  it("lie within their parents, also in requests of microseconds", async () => {
    for (let round = 0; round < 100; round += 1) {
      const request = tracing.request("GET", {});
      await request.run(() => document(() => call(() => sleep(round % 3 === 0 ? 1 : 0))));
      request.end("GET /things", end);
    }
    const spans = await received();
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const outside = spans.filter((span) => {
      const parent = byId.get(span.parentId);
      return parent !== undefined && (span.startMs < parent.startMs || span.endMs > parent.endMs);
    });
    expect([spans.length, outside]).toEqual([300, []]);
    expect(Math.abs(Date.now() - (spans.at(-1)?.endMs ?? 0))).toBeLessThan(5000);
  });

  it("a shared call belongs to the request that began it", async () => {
    const share = createSingleFlight(() => call(() => sleep(20)));
    const requests = ["GET", "HEAD"].map((method) => tracing.request(method, {}));
    await Promise.all(requests.map((request) => request.run(() => document(() => share(never)))));
    for (const [index, request] of requests.entries()) request.end(`GET /${index}`, end);
    expect(drawSpans(await received())).toBe(
      ["GET /0", "  query Things", "    GET /things/{id}", "GET /1", "  query Things"].join("\n"),
    );
  });

  it("work after the answer is a trace of its own, with a link", async () => {
    const request = tracing.request("GET", {});
    const late = request.run(async () => {
      await sleep(10);
      await call(async () => expect(tracing.logFields()).toEqual({}));
    });
    request.end("GET /things", end);
    await late;
    await call(async () => {});
    const spans = await received();
    const [first, linked, alone] = spans;
    expect(spans.map(({ parentId }) => parentId)).toEqual(["", "", ""]);
    expect(linked?.links).toEqual([{ traceId: first?.traceId, spanId: first?.spanId }]);
    expect(linked?.traceId).not.toBe(first?.traceId);
    expect(alone?.links).toEqual([]);
  });

  it("a failure has its code, a call that was given up is none", async () => {
    const request = tracing.request("GET", {});
    const left = new AbortController();
    await request.run(async () => {
      await expect(call(() => Promise.reject(new Error("secret text")))).rejects.toThrow("secret text");
      const given = call(() => sleep(5000, undefined, { signal: left.signal }), left.signal);
      left.abort();
      await expect(given).rejects.toThrow("aborted");
      for (const code of ["forbidden", "docker_timeout"] as const) {
        await expect(document(() => Promise.reject(new OpsError(code, "secret text")))).rejects.toThrow("secret text");
      }
    });
    request.end("GET /things", { failure: "docker_error", attributes: { "http.response.status_code": 503 } });
    const spans = await received();
    expect(spans.map(({ name, status, attributes }) => [name, status, attributes["error.type"]])).toEqual([
      ["GET /things/{id}", 2, "docker_error"],
      ["GET /things/{id}", 0, "cancelled"],
      ["query Things", 0, undefined],
      ["query Things", 2, "docker_timeout"],
      ["GET /things", 2, "docker_error"],
    ]);
    expect(JSON.stringify(spans)).not.toContain("secret text");
  });

  it("a request has at most 250 below it, and the rest are counted", async () => {
    const request = tracing.request("GET", {});
    const sent = await request.run(() =>
      Promise.all(Array.from({ length: 260 }, () => call(async (traceparent) => traceparent))),
    );
    request.end("GET /things", end);
    expect(sent.filter((traceparent) => traceparent === undefined)).toHaveLength(10);
    expect(tracing.dropped()).toEqual({ limit: 10, queue: 0, export: 0 });
    expect(await received()).toHaveLength(251);
  });
});

it("spans that the sampler leaves out do not count as lost", async () => {
  await tracing.close();
  tracing = await openTracing(receiver, { sampler: { kind: "always_off", followsSender: false, ratio: 1 } });
  observe = Object.assign(() => {}, { trace: tracing.call });
  const request = tracing.request("GET", {});
  await request.run(() => Promise.all(Array.from({ length: 260 }, () => call(async () => {}))));
  request.end("GET /things", end);
  expect(tracing.dropped()).toEqual({ limit: 0, queue: 0, export: 0 });
});

describe("trace context", () => {
  const [traceId, spanId] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
  const askWith = async (headers: Record<string, string>) => {
    const request = tracing.request("GET", headers);
    const passed = await request.run(async () => ({ ids: tracing.logFields(), headers: tracing.headers() }));
    request.end("GET /things", end);
    return { request, ...passed };
  };

  it("the sender's trace goes on, with its state", async () => {
    const { request, ids, headers } = await askWith({
      traceparent: `00-${traceId}-${spanId}-00`,
      tracestate: "vendor=x",
    });
    expect(ids).toEqual({ trace_id: traceId, span_id: request.spanId });
    expect(headers).toEqual({ traceparent: `00-${traceId}-${request.spanId}-01`, tracestate: "vendor=x" });
    expect(await received()).toMatchObject([{ traceId, parentId: spanId }]);
  });

  it("a state of more than 512 characters is not passed on", async () => {
    const { headers } = await askWith({
      traceparent: `00-${traceId}-${spanId}-01`,
      tracestate: `v=${"x".repeat(511)}`,
    });
    expect(headers).not.toHaveProperty("tracestate");
    expect(tracing.headers()).toEqual({});
  });

  it.each([
    ["always_on", false, "00", 1],
    ["always_off", false, "01", 0],
    ["always_on", true, "00", 0],
    ["always_off", true, "01", 1],
  ] as const)("%s (follows its sender: %s) with flags %s sends %i spans", async (kind, followsSender, flags, count) => {
    await tracing.close();
    tracing = await openTracing(receiver, { sampler: { kind, followsSender, ratio: 1 } });
    const { headers } = await askWith({ traceparent: `00-${traceId}-${spanId}-${flags}` });
    expect(headers.traceparent?.slice(-2)).toBe(count === 1 ? "01" : "00");
    expect(await received()).toHaveLength(count);
  });
});

describe("upstreams", () => {
  it("those with HTTP, but no engine, get the traceparent of their call", async () => {
    await using upstream = await startFakeUpstream((response) =>
      response.writeHead(200, { "api-version": "1.45" }).end("{}"),
    );
    const { hostname, port } = new URL(upstream.url);
    const prometheus = createPrometheusClient({ url: upstream.url, timeoutMs: 60_000, observe });
    const rabbitmq = createRabbitmqClient({ source: "mq", url: `${upstream.url}/base`, observe });
    const victorialogs = createVictoriaLogsClient({ url: upstream.url, timeoutMs: 60_000, observe });
    const engine = createEngineClient({ kind: "tcp", host: hostname, port: Number(port), tls: null }, null, observe);
    const request = tracing.request("GET", {});
    await request.run(async () => {
      await prometheus.query("secret_text", never).catch(() => {});
      await rabbitmq.get("/queues/secret%20text?page=1", z.any(), never);
      await victorialogs.query("secret_text", never).catch(() => {});
      await engine.call("a".repeat(64), "json", { secret: "text" }, never);
    });
    request.end("GET /things", end);
    await Promise.all([prometheus.close(), rabbitmq.close(), victorialogs.close()]);
    engine.close();
    const spans = (await received()).filter(({ kind }) => kind === 3);
    expect(spans.map(({ name, parentId }) => [name, parentId])).toEqual(
      [
        "POST /api/v1/query",
        "GET /base/api/queues/{vhost}",
        "POST /select/logsql/query",
        "GET /_ping",
        "GET /containers/{id}/json",
      ].map((name) => [name, request.spanId]),
    );
    const passed = spans.slice(0, 3).map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`);
    expect(upstream.seen.map(({ headers }) => headers["traceparent"])).toEqual([...passed, undefined, undefined]);
    expect(spans.map(({ attributes }) => attributes["http.response.status_code"])).toEqual([200, 200, 200, 200, 200]);
    expect(JSON.stringify(spans)).not.toContain("secret");
  });
});

describe("a receiver in trouble", () => {
  const log = () => {
    const lines: object[] = [];
    const logger: Logger = {
      debug() {},
      info() {},
      warn: (fields, message) => void lines.push({ ...fields, message }),
      error() {},
    };
    tracing.reportTo(logger);
    return lines;
  };
  const send = (count: number) => {
    for (let index = 0; index < count; index += 1) tracing.request("GET", {}).end("GET /things", end);
  };

  it("spans that are refused are counted and logged once", async () => {
    await tracing.close();
    tracing = await openTracing(receiver, { timeoutMs: 20_000 });
    const lines = log();
    receiver.answerWith(400);
    send(2000);
    await expect.poll(() => tracing.dropped().export).toBeGreaterThan(1000);
    const [first] = lines;
    expect(lines).toEqual([first]);
    expect(first).toMatchObject({ reason: "export", cause: "status 400", message: "spans are lost" });
  });

  it.each([
    [503, 2000, "Export failed with retryable status"],
    ["hang", 500, "Request timed out"],
  ] as const)("that answers %s within %i ms, the log says why: %s", async (answer, timeoutMs, cause) => {
    await tracing.close();
    tracing = await openTracing(receiver, { timeoutMs });
    const lines = log();
    receiver.answerWith(answer);
    send(600);
    await expect.poll(() => lines, { timeout: 60_000 }).toMatchObject([{ reason: "export", cause }]);
  });

  it("2048 spans wait for one that is silent, and no end does", async () => {
    await tracing.close();
    tracing = await openTracing(receiver, { timeoutMs: 20_000 });
    const lines = log();
    receiver.answerWith("hang");
    send(2048 + 512 + 100);
    expect(tracing.dropped().queue).toBeGreaterThan(0);
    expect(tracing.dropped().queue).toBeLessThanOrEqual(612);
    expect(lines).toMatchObject([{ reason: "queue" }]);
    const begin = performance.now();
    await tracing.close();
    expect(performance.now() - begin).toBeLessThan(4000);
  });
});

it("facts of a database are its name and server, no user and password", () => {
  expect(
    toDatabaseFacts("postgresql", "SELECT", "postgres://ops:canary@db.example:5433/wallet%20a?sslmode=off", 3),
  ).toEqual({
    name: "SELECT wallet a",
    kind: "client",
    attributes: {
      "db.system.name": "postgresql",
      "db.operation.name": "SELECT",
      "db.namespace": "wallet a",
      "db.operation.batch.size": 3,
      "server.address": "db.example",
      "server.port": 5433,
    },
  });
  expect(toDatabaseFacts("postgresql", "SELECT", "postgres:///wallet?host=/run/postgresql").attributes).toMatchObject({
    "server.address": "/run/postgresql",
    "db.operation.batch.size": undefined,
  });
  expect(toDatabaseFacts("redis", "PIPELINE", "redis://cache").name).toBe("PIPELINE 0");
});
