import { afterAll, beforeAll, expect, test } from "vitest";
import type { ObserveRequest } from "../../src/http/request-log.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { bearer, createSpySurface, startEdge, type TestEdge } from "../support/edge.ts";

const seen: Parameters<ObserveRequest>[0][] = [];
const rest = createSpySurface((request) => {
  if (request.path.endsWith("/fails")) throw new OpsError("docker_unavailable", "no engine");
  if (request.path.endsWith("/follow")) {
    const { signal } = request.openStream();
    const chunks = (async function* () {
      yield "one\n";
    })();
    return { status: 200, body: "", route: "/follow", stream: { chunks, signal } };
  }
  return { status: 200, body: "{}", route: "/containers/:name" };
});
const metrics = createSpySurface(() => ({ status: 200, body: "", route: "/metrics" }), "/metrics");
let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge({ surfaces: [rest, metrics], observe: (answered) => seen.push(answered) });
});
afterAll(() => edge[Symbol.asyncDispose]());

/** What the edge tells of one request. */
async function observedOf(method: string, path: string, headers: Record<string, string> = bearer) {
  const before = seen.length;
  await edge.send(method, path, headers);
  await expect.poll(() => seen.length).toBe(before + 1);
  return seen[before];
}

test.each([
  ["GET", "/api/v1/admin/ops/containers/a-secret-name?x=1", "/api/v1/admin/ops/containers/:name", 200],
  ["HEAD", "/api/v1/admin/ops/containers/a-secret-name", "/api/v1/admin/ops/containers/:name", 200],
  ["GET", "/api/v1/admin/ops/fails", "/api/v1/admin/ops", 503],
  ["GET", "/metrics", "/metrics", 200],
  ["GET", "/healthz", "/healthz", 200],
  ["GET", "/a-path-of-nobody", undefined, 404],
  ["DELETE", "/metrics", undefined, 405],
])("%s %s is reported with its template, never with its path", async (method, path, route, status) => {
  const told = await observedOf(method, path);
  expect(told).toMatchObject({ method, route, status });
  expect(told?.seconds).toBeGreaterThan(0);
  expect(told?.seconds).toBeLessThan(2);
});

test("a request without a token has no route", async () => {
  expect(await observedOf("GET", "/metrics", {})).toMatchObject({ route: undefined, status: 401 });
});

test("an answer without an end has no duration", async () => {
  expect(await observedOf("GET", "/api/v1/admin/ops/follow")).toMatchObject({
    route: "/api/v1/admin/ops/follow",
    status: 200,
    seconds: null,
  });
});
