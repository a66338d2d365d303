import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StreamLease } from "../../src/auth/stream-lease.ts";
import { Exchange, parseAgent } from "../../src/http/exchange.ts";
import { createCaller } from "../support/caller.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const { principal } = createCaller();

function create(url: string | null = "/x", headers: Record<string, string> = {}, method = "GET") {
  const req = Object.assign(new EventEmitter(), {
    url: url ?? undefined,
    method,
    headers,
    socket: { remoteAddress: "192.0.2.1" },
  });
  const res = Object.assign(new EventEmitter(), { closed: false, writableFinished: false });
  const lease = { signal: new AbortController().signal } as StreamLease;
  const open = vi.fn<(exchange: Exchange) => StreamLease>(() => lease);
  const options = {
    maxBodyBytes: 50_000,
    streams: { open, endAll() {} },
    findClientAddress: (peer?: string) => `${peer} found`,
  };
  return { exchange: new Exchange(req as never, res as never, options), req, res, open, lease };
}

test.each([
  ["/a", "/a", ""],
  ["/a?", "/a", ""],
  ["/a?b=1?c", "/a", "b=1?c"],
  ["?b", "", "b"],
  [null, "", ""],
])("the target %j has the path %j and the query %j", (url, path, query) => {
  const { exchange } = create(url);
  expect([exchange.path, exchange.query]).toEqual([path, query]);
});

test("a new exchange has only what the client sent", () => {
  const { exchange, req } = create("/x", { "x-own": "1" }, "POST");
  vi.advanceTimersByTime(7);
  const {
    method,
    headers,
    ip,
    isHead,
    mount,
    isPublic,
    isWorking,
    logged,
    hasPlace,
    maybePrincipal,
    caller,
    isStream,
  } = exchange;
  expect({
    method,
    headers,
    ip,
    isHead,
    mount,
    isPublic,
    isWorking,
    logged,
    hasPlace,
    maybePrincipal,
    caller,
    isStream,
  }).toEqual({
    method: "POST",
    headers: { "x-own": "1" },
    ip: "192.0.2.1 found",
    isHead: false,
    mount: undefined,
    isPublic: false,
    isWorking: false,
    logged: undefined,
    hasPlace: false,
    maybePrincipal: undefined,
    caller: "",
    isStream: false,
  });
  expect(performance.now() - exchange.startedAt).toBe(7);
  expect(exchange.requestId).toMatch(/^[\da-f-]{36}$/);
  expect(req.method).toBe("POST");
  expect(() => exchange.principal).toThrow("no principal: this request is not authenticated");
});

test("an exchange frees its place once", () => {
  const { exchange } = create("/x");
  exchange.release();
  const leave = vi.fn<(holder: string) => void>();
  exchange.take({ leave }, "holder");
  expect([exchange.hasPlace, leave.mock.calls]).toEqual([true, []]);
  exchange.release();
  exchange.release();
  expect([exchange.hasPlace, leave.mock.calls]).toEqual([false, [["holder"]]]);
});

test("HEAD is GET for handlers", () => {
  const { exchange, req } = create("/x", {}, "HEAD");
  expect([exchange.isHead, exchange.method, req.method]).toEqual([true, "GET", "GET"]);
});

test("a caller is the holder of its token", () => {
  const { exchange } = create();
  exchange.principal = principal;
  expect([exchange.principal, exchange.maybePrincipal]).toEqual([principal, principal]);
  expect(exchange.caller).toContain("test");
  expect(exchange.budget.owner).toBe(exchange.caller);
});

test.each([
  [false, false, false],
  [false, true, false],
  [true, true, false],
  [true, false, true],
])("an answer closed (%j) and sent whole (%j): client gone %j", (closed, writableFinished, isGone) => {
  const { exchange, res } = create();
  Object.assign(res, { closed, writableFinished });
  expect(exchange.isAborted).toBe(isGone);
});

/** Nothing more is to be had for an answer that has ended. */
const refused = "Too many large answers at once: try again soon, or ask for less";
const ends = [
  [false, undefined],
  [true, "request_timeout"],
] as const;

test.each(ends)("the budget ends with the answer, cancelled when the client left: %j", (isGone, code) => {
  const { exchange, res } = create();
  const { budget, signal } = exchange;
  expect([exchange.budget, exchange.signal, signal]).toEqual([budget, budget.signal, budget.signal]);
  budget.hold(1_000_000);
  expect(signal.aborted).toBe(false);
  Object.assign(res, { closed: true, writableFinished: !isGone }).emit("close");
  expect([signal.aborted, (signal.reason as { code: string } | undefined)?.code]).toEqual([isGone, code]);
  expect(() => budget.hold(2_000_000)).toThrow(refused);
  expect(res.listenerCount("close")).toBe(0);
});

test.each(ends)("a budget after the answer has ended already, client gone: %j", (isGone, code) => {
  const { exchange, res } = create();
  Object.assign(res, { closed: true, writableFinished: !isGone });
  expect((exchange.signal.reason as { code: string } | undefined)?.code).toBe(code);
  expect(() => exchange.budget.hold(1_000_000)).toThrow(refused);
  expect(res.listenerCount("close")).toBe(0);
});

test("no deadline ends a finished answer", () => {
  const [waiting, made] = [create().exchange, create().exchange];
  // Without a budget there is nothing to do.
  made.settle();
  made.giveBack();
  const signals = [waiting.signal, made.signal];
  made.settle();
  for (const { budget } of [waiting, made]) budget.check(performance.now() + 10_000);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
});

test("a delivered answer keeps nothing in memory", () => {
  const { exchange } = create();
  const end = vi.spyOn(exchange.budget, "end");
  exchange.giveBack();
  expect(end).toHaveBeenCalledOnce();
});

test("the origin has the client's ids if they are well-formed", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const headers = { "x-request-id": "my-id", traceparent: `00-${trace}-b7ad6b7169203331-01` };
  expect(create("/x", headers).exchange.origin()).toEqual({
    ip: "192.0.2.1 found",
    clientRequestId: "my-id",
    traceId: trace,
  });
  const { exchange } = create("/x", { "x-request-id": "a b", traceparent: "x" });
  expect(exchange.origin()).toEqual({ ip: "192.0.2.1 found", clientRequestId: null, traceId: null });
  Object.assign(exchange, { ip: undefined });
  expect(exchange.origin().ip).toBeNull();
});

test.each([
  ["claude-code/2.1 (x)", "claude-code/2.1 (x)"],
  [" night\u0000 <shift>\u202e ", "night shift"],
  ["x".repeat(70), "x".repeat(64)],
  ["\u{1f600}", null],
  ["", null],
  [undefined, null],
  [["a", "b"], null],
])("an agent that calls itself %j is %j in the record", (name, agent) => {
  expect(parseAgent(name)).toBe(agent);
});

test("the origin has the agent that the client names", () => {
  expect(create("/x", { "x-agent": "night-shift 3" }).exchange.origin().agent).toBe("night-shift 3");
});

test("a stream opens once", () => {
  const { exchange, open, lease } = create();
  expect([exchange.openStream(), exchange.openStream()]).toEqual([lease, lease]);
  expect(open.mock.calls).toEqual([[exchange]]);
  expect(exchange.isStream).toBe(true);
});

test.each([
  [{}, undefined, [50_000]],
  [{}, 90_000, [90_000]],
  [{ "content-length": "30000" }, undefined, [30_000]],
  [{ "content-length": "30000" }, 90_000, [30_000]],
  [{ "content-length": "50000" }, undefined, [50_000]],
  [{ "content-length": "4097" }, undefined, [4097]],
  [{ "content-length": "4096" }, undefined, []],
])("a body with %j, of at most %j bytes, counts as %j", async (headers: Record<string, string>, most, held) => {
  const { exchange, req } = create("/x", headers);
  const hold = vi.spyOn(exchange.budget, "hold");
  const reading = most === undefined ? exchange.body() : exchange.body(most);
  req.emit("data", Buffer.from("12"));
  req.emit("end");
  expect(String(await reading)).toBe("12");
  expect(hold.mock.calls.flat()).toEqual(held);
});

test("a body over the maximum is refused", async () => {
  const { exchange } = create("/x", { "content-length": "60000" });
  const hold = vi.spyOn(exchange.budget, "hold");
  await expect(exchange.body()).rejects.toMatchObject({
    code: "payload_too_large",
    message: "The body is larger than 50000 bytes",
  });
  expect(hold.mock.calls).toEqual([[50_000]]);
});
