import { afterEach, beforeEach, expect, it } from "vitest";
import type { Tracing } from "../../src/lib/tracing/tracing.ts";
import { findClosedUrl, says, startFleet, startStub } from "../support/fleet.ts";
import { graphqlHeaders, token } from "../support/gateway.ts";
import { drawSpans, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { openTracing } from "../support/tracing.ts";

let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>;
let tracing: Tracing;
beforeEach(async () => {
  receiver = await startOtlpReceiver();
  tracing = await openTracing(receiver);
});
afterEach(() => receiver[Symbol.asyncDispose]());

async function received() {
  await tracing.close();
  return receiver.spans;
}

it("each region is a span of the document, and gets its traceparent", async () => {
  await using eu = await startStub(says({ data: { hosts: [] } }));
  await using us = await startStub(says({ data: { hosts: [] } }));
  await using fleet = await startFleet({ eu: eu.url, us: `${us.url}/behind/` }, { tracing });
  await fleet.query("query Mine { hosts { name } }");
  const spans = await received();
  expect(drawSpans(spans)).toBe(
    ["POST /graphql", "  query", "    POST /graphql", "    POST /behind/graphql"].join("\n"),
  );
  const asked = spans.filter(({ kind }) => kind === 3);
  expect(asked.map(({ status, attributes }) => ({ status, attributes }))).toEqual(
    [
      { region: "eu", url: `${eu.url}/graphql` },
      { region: "us", url: `${us.url}/behind/graphql` },
    ].map(({ region, url }) => ({
      status: 0,
      attributes: {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": Number(new URL(url).port),
        "service.peer.name": region,
        "url.full": url,
        "url.template": new URL(url).pathname,
      },
    })),
  );
  const sent = [eu, us].map((region) => region.received[0]?.headers["traceparent"]);
  expect(sent).toEqual(asked.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`));
});

it("a region that fails has its code, and one with words of its own none", async () => {
  const refusal = (code: string, status: number) =>
    says({ errors: [{ message: "secret text", extensions: { code } }] }, status);
  await using down = await startStub(refusal("overloaded", 503));
  await using odd = await startStub(refusal("secret text", 502));
  await using shut = await startStub(refusal("unauthorized", 401));
  const urls = { away: await findClosedUrl(), down: down.url, odd: odd.url, shut: shut.url };
  await using fleet = await startFleet(urls, { tracing });
  await fleet.query("{ hosts { name } }");
  const spans = await received();
  const failures = spans
    .filter(({ kind }) => kind === 3)
    .map(({ attributes, status }) => [attributes["service.peer.name"], status, attributes["error.type"]]);
  expect(failures.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
    ["away", 2, "unreachable"],
    ["down", 2, "overloaded"],
    ["odd", 2, "_OTHER"],
    ["shut", 0, undefined],
  ]);
  expect(JSON.stringify(spans)).not.toContain("secret");
});

it("a subscription's span lasts as long, and is its request's", async () => {
  await using eu = await startStub((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('event: next\ndata: {"data":{"containers":{"ended":[]}}}\n\n');
    setTimeout(() => response.end("event: complete\ndata:\n\n"), 50);
  });
  await using fleet = await startFleet({ eu: eu.url }, { tracing });
  const response = await fleet.fetch("/graphql", {
    method: "POST",
    headers: { ...graphqlHeaders, authorization: `Bearer ${token}`, accept: "text/event-stream" },
    body: JSON.stringify({ query: 'subscription { containers(region: "eu") { ended } }' }),
  });
  await response.text();
  const spans = await received();
  const request = spans.find(({ kind }) => kind === 2);
  const asked = spans.find(({ kind }) => kind === 3);
  expect(asked?.traceId).toBe(request?.traceId);
  expect((asked?.endMs ?? 0) - (asked?.startMs ?? 0)).toBeGreaterThan(40);
  expect(eu.received[0]?.headers["traceparent"]).toBe(`00-${asked?.traceId}-${asked?.spanId}-01`);
});
