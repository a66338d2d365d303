import { afterEach, beforeEach, expect, it } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import type { Tracing } from "../../src/lib/tracing/tracing.ts";
import { bearer, createSpySurface, startEdge, type TestEdge } from "../support/edge.ts";
import { startOtlpReceiver } from "../support/otlp-receiver.ts";
import { openTracing } from "../support/tracing.ts";

const base = "/api/v1/admin/ops";
const [traceId, spanId] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
const origins: (string | null)[] = [];
const rest = createSpySurface(async (request) => {
  origins.push(request.origin().traceId);
  request.route = "/things/:name";
  if (request.path.endsWith("/fails")) throw new OpsError("docker_unavailable", "no engine");
  if (!request.path.endsWith("/follow")) return { status: 200, body: "{}", route: "/things/:name" };
  const { signal } = request.openStream();
  const chunks = (async function* () {
    yield JSON.stringify(tracing.logFields());
  })();
  return { status: 200, body: "", route: "/follow", stream: { chunks, signal } };
});

let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>;
let tracing: Tracing;
let edge: TestEdge;
beforeEach(async () => {
  receiver = await startOtlpReceiver();
  tracing = await openTracing(receiver);
  edge = await startEdge({ surfaces: [rest], tracing });
  origins.length = 0;
});
afterEach(async () => {
  await edge[Symbol.asyncDispose]();
  await tracing.close();
  await receiver[Symbol.asyncDispose]();
});

async function spanOf(method: string, path: string, headers: Record<string, string> = bearer) {
  const { text } = await edge.send(method, path, headers);
  await expect.poll(() => edge.lines.length).toBe(1);
  await tracing.close();
  const [span, ...others] = receiver.spans;
  expect(others).toEqual([]);
  return { span, text, line: JSON.parse(edge.lines[0] ?? "") as Record<string, unknown> };
}

it.each([
  ["GET", `${base}/things/a?token=canary`, `GET ${base}/things/:name`, 200, 0],
  ["HEAD", `${base}/things/a`, `HEAD ${base}/things/:name`, 200, 0],
  ["GET", `${base}/things/fails`, `GET ${base}/things/:name`, 503, 2],
  ["GET", "/healthz", "GET /healthz", 200, 0],
  ["GET", "/a-path-of-nobody", "GET", 404, 0],
  ["PURGE", `${base}/things/a`, "HTTP", 405, 0],
])("%s %s is the span %s with %i", async (method, path, name, code, status) => {
  const { span, line } = await spanOf(method, path);
  expect(span).toMatchObject({
    name,
    kind: 2,
    parentId: "",
    status,
    attributes: { "http.response.status_code": code },
  });
  expect(span?.attributes["url.path"]).toBe(path.replace(/\?.*/, ""));
  expect(span?.attributes["http.response.header.x-request-id"]).toEqual([line["request_id"]]);
  expect([line["trace_id"], line["span_id"]]).toEqual([span?.traceId, span?.spanId]);
});

it("a failure is named by its code", async () => {
  const { span } = await spanOf("GET", `${base}/things/fails`);
  expect(span?.attributes["error.type"]).toBe("docker_unavailable");
});

it("a request without a token has its span and no route", async () => {
  const { span } = await spanOf("GET", `${base}/things/a`, { traceparent: `00-${traceId}-${spanId}-01` });
  expect(span).toMatchObject({
    name: "GET",
    traceId,
    parentId: spanId,
    attributes: { "http.response.status_code": 401 },
  });
});

it("an endless answer is within its request until it ends", async () => {
  const { span, text } = await spanOf("GET", `${base}/follow`);
  expect(JSON.parse(text)).toEqual({ trace_id: span?.traceId, span_id: span?.spanId });
  expect(span?.name).toBe(`GET ${base}/follow`);
});

it("the audit record gets the trace that the span is in", async () => {
  const { span } = await spanOf("GET", `${base}/things/a`, { ...bearer, traceparent: "malformed" });
  expect(origins).toEqual([span?.traceId]);
});
