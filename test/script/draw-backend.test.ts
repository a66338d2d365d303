import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { answerQueries } from "../../script/grafana/draw/backend.ts";
import { graphql, promql, promqlNow } from "../../script/grafana/targets.ts";

// What Grafana's server asks of an upstream that records it, and what it makes of the answer.
let server: Server;
let url = "";
let answer: { status: number; body: object } = { status: 200, body: {} };
let asked: { path: string; body: string; token: string | undefined }[] = [];

async function record(request: IncomingMessage, response: ServerResponse): Promise<void> {
  asked.push({ path: request.url ?? "", body: await text(request), token: request.headers.authorization });
  response.writeHead(answer.status).end(JSON.stringify(answer.body));
}

beforeAll(async () => {
  server = createServer((request, response) => void record(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function ask(target: ReturnType<typeof graphql>, reply: typeof answer, intervalMs = 7000) {
  asked = [];
  answer = reply;
  const query = { ...target, intervalMs, maxDataPoints: 500 };
  return answerQueries(
    { url, token: "ops_x", prometheusUrl: url },
    { from: "1000000", to: "1100000", queries: [query] },
  );
}

const vector = { metric: { name: "web", code: "200" }, values: [[990, "1.5"]] };
const success = { status: 200, body: { status: "success", data: { result: [vector] } } };

it("Prometheus is asked for whole steps, with the interval's macros", async () => {
  const { results } = await ask(promql("rate(x[$__rate_interval]) + $__interval", "{{name}} {{code}}"), success);
  const params = new URLSearchParams(asked[0]?.body);
  expect([asked[0]?.path, Object.fromEntries(params)]).toEqual([
    "/api/v1/query_range",
    { query: "rate(x[60s]) + 15s", start: "990", end: "1095", step: "15" },
  ]);
  expect(results["A"]).toEqual({
    status: 200,
    frames: [
      {
        schema: {
          refId: "A",
          fields: [
            { name: "Time", type: "time" },
            { name: "Value", type: "number", labels: vector.metric, config: { displayNameFromDS: "web 200" } },
          ],
        },
        data: { values: [[990_000], [1.5]] },
      },
    ],
  });
});

it("Prometheus is asked for the end of the range by an instant query", async () => {
  await ask(promqlNow("up"), success);
  expect([asked[0]?.path, asked[0]?.body]).toEqual(["/api/v1/query", "query=up&time=1100"]);
});

it("the gateway is asked with its token and times, and rows become fields", async () => {
  const query = '{ queues(from: "${__timeFrom:date:iso}") { name } }';
  const target = {
    ...graphql({ query, root: "data.queues", columns: { name: "string" } }),
    filterExpression: "name IN ('a', 'c')",
  };
  const reply = { status: 200, body: { data: { queues: [{ name: "a" }, { name: "b" }] } } };
  const { results } = await ask(target, reply);
  expect(asked[0]).toEqual({
    path: "/graphql",
    body: JSON.stringify({ query: '{ queues(from: "1970-01-01T00:16:40.000Z") { name } }', variables: null }),
    token: "Bearer ops_x",
  });
  expect(results["A"]).toMatchObject({ frames: [{ data: { values: [["a"]] } }] });
});

it("an error of an upstream is the error of its query", async () => {
  const target = graphql({ query: "{ queues { name } }", root: "data.queues", columns: { name: "string" } });
  const { results } = await ask(target, { status: 503, body: { errors: [] } });
  expect(results["A"]).toEqual({
    status: 500,
    error: 'unsuccessful HTTP response code. status code : 503 Service Unavailable: {"errors":[]}',
  });
  const wrong = await ask(promqlNow("sum("), { status: 400, body: { status: "error", error: "parse error" } });
  expect(wrong.results["A"]).toEqual({ status: 500, error: "parse error" });
});
