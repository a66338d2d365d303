import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Exchange } from "../../src/http/exchange.ts";
import { logRequest, observeRequest } from "../../src/http/request-log.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createCaller } from "../support/caller.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const { principal } = createCaller();
const base = {
  method: "GET",
  isHead: false,
  isAborted: false,
  isStream: false,
  mount: undefined,
  logged: undefined,
  path: "/x",
  requestId: "r-1",
  ip: "192.0.2.1",
  maybePrincipal: undefined,
  req: { headers: {} },
};

/** What is reported of a request that took 1.2345678 s. */
function observed(more: object, answer: { route?: string; status?: number } = {}) {
  const observe = vi.fn<(answered: object) => void>();
  const exchange = { ...base, startedAt: performance.now(), ...more } as unknown as Exchange;
  vi.advanceTimersByTime(1500);
  observeRequest(observe, exchange, { status: 200, bytes: 0, ...answer });
  return observe.mock.calls[0]?.[0];
}

test.each([
  [undefined, undefined, undefined, undefined],
  [undefined, "/healthz", undefined, "/healthz"],
  ["/graphql", undefined, undefined, "/graphql"],
  ["/metrics", "/metrics", undefined, "/metrics"],
  ["/grafana", "/grafana/query", undefined, "/grafana/query"],
  ["/api", "/containers/:name", undefined, "/api/containers/:name"],
  ["/api", "/containers/api", undefined, "/api/containers/api"],
  ["/api", "/x", "/own", "/own"],
])("below %j the route %j, or the surface's own %j, is %j", (mount, route, own, expected) => {
  expect(observed({ mount, ...(own && { logged: { route: own } }) }, { ...(route && { route }) })).toEqual({
    method: "GET",
    route: expected,
    status: 200,
    seconds: 1.5,
  });
});

test("a request is reported with its input and its result", () => {
  expect(observed({ isHead: true }, { status: 404 })).toEqual({
    method: "HEAD",
    route: undefined,
    status: 404,
    seconds: 1.5,
  });
  expect(observed({ isAborted: true })).toMatchObject({ method: "GET", status: 499 });
  expect(observed({ isStream: true })).toMatchObject({ status: 200, seconds: null });
});

/** The line of a request that took 12.5 ms. */
function lineOf(more: object, answer: object = {}) {
  const info = vi.fn<(fields: object, message: string) => void>();
  const exchange = { ...base, startedAt: performance.now() - 12.500_4, ...more } as unknown as Exchange;
  logRequest({ ...silentLogger, info }, exchange, { status: 200, bytes: 7, ...answer });
  const [fields, message] = info.mock.calls[0] ?? [];
  return { ...fields, message };
}

test("a refused request is logged with the answer and the address", () => {
  expect(lineOf({}, { route: "/r", code: "c" })).toEqual({
    method: "GET",
    path: "/x",
    route: "/r",
    status: 200,
    duration_ms: 12.5,
    bytes: 7,
    request_id: "r-1",
    client_request_id: undefined,
    subject: undefined,
    kid: undefined,
    operation: undefined,
    code: "c",
    ip: "192.0.2.1",
    message: "request",
  });
});

test("a line has the caller and the fields of the surface", () => {
  const surface = { route: "/own", code: "own_code", operation: "Containers" };
  const more = { isHead: true, isAborted: true, maybePrincipal: principal, logged: surface };
  expect(lineOf({ ...more, req: { headers: { "x-request-id": "my-id" } } }, { route: "/r", code: "c" })).toEqual({
    method: "HEAD",
    path: "/x",
    route: "/own",
    status: 499,
    duration_ms: 12.5,
    bytes: 7,
    request_id: "r-1",
    client_request_id: "my-id",
    subject: "test",
    kid: "test",
    operation: "Containers",
    code: "own_code",
    ip: undefined,
    message: "request",
  });
});

test.each([
  ["/a b\u00E4\n", "/a?b??"],
  [`/${"a".repeat(255)}`, `/${"a".repeat(255)}`],
  [`/${"a".repeat(256)}`, `/${"a".repeat(255)}...`],
])("the path %j is logged as %j", (path, shown) => {
  expect(lineOf({ path })).toMatchObject({ path: shown });
});
