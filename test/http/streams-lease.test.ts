import { Socket } from "node:net";
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Principal } from "../../src/auth/principal.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { createStreams } from "../../src/http/streams.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { createCaller } from "../support/caller.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const limits = {
  streamsPerToken: 2,
  streams: 3,
  streamMs: 60_000,
  recheckMs: 1000,
  lostPathMs: 45_000,
  stalledReaderMs: 5000,
  streamBurst: 20,
  streamsPerSecond: 2,
};
const { principal } = createCaller();

/** Streams, who their tokens stand for at the moment, and requests whose answers they are. */
function createScene() {
  let answer: () => Principal | null | Promise<Principal | null> = () => principal;
  let checks = 0;
  const authenticate = () => {
    checks += 1;
    return answer();
  };
  const streams = createStreams({ authenticate }, limits);
  const open = (caller: string, more: Partial<Record<keyof Exchange, unknown>> = {}) => {
    const res = Object.assign(new EventEmitter(), {
      socket: { bytesWritten: 0, writableLength: 0 },
      writableFinished: false,
      destroy: vi.fn<() => void>(() => void res.emit("close")),
    });
    const release = vi.fn<() => void>();
    const request = {
      caller,
      res,
      release,
      headers: { authorization: "Bearer x" },
      req: { rawHeaders: [], socket: new Socket() },
      isAborted: false,
      ...more,
    };
    const exchange = request as unknown as Exchange;
    const lease = streams.open(exchange);
    return { res, release, exchange, lease, reason: () => lease.signal.reason as unknown };
  };
  return { streams, open, checks: () => checks, become: (next: typeof answer) => (answer = next) };
}

test("a closed stream frees its timer, listener and place", async () => {
  const { open, checks } = createScene();
  const [one] = [open("a"), open("a")];
  expect(() => open("a")).toThrow("This token already has 2 open streams");
  open("b");
  expect(() => open("c")).toThrow("This gateway already has 3 open streams, its limit");
  await vi.advanceTimersByTimeAsync(1000);
  expect(checks()).toBe(3);
  const timers = vi.getTimerCount();
  one.res.emit("close");
  expect(vi.getTimerCount()).toBe(timers - 3);
  expect(one.reason()).toBe("client_gone");
  await vi.advanceTimersByTimeAsync(1000);
  expect(checks()).toBe(5);
  open("a");
  expect(() => open("a")).toThrow(OpsError);
});

test("a stream gives back the place of its request, once", () => {
  const { open } = createScene();
  expect(open("a").release).toHaveBeenCalledOnce();
});

test("a fully sent answer does not count as a client that left", () => {
  const { open } = createScene();
  const { res, lease } = open("a");
  res.writableFinished = true;
  res.emit("close");
  expect(lease.signal.aborted).toBe(false);
});

test("a lease expires at its time; a stalled reader is cut off 1 s later", async () => {
  const { open } = createScene();
  const { res, exchange, reason } = open("a");
  await vi.advanceTimersByTimeAsync(59_999);
  expect(reason()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect([reason(), exchange.logged?.code]).toEqual(["expired", "expired"]);
  await vi.advanceTimersByTimeAsync(999);
  expect(res.destroy).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(res.destroy).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  ["nobody's any more", null, "unauthorized"],
  ["another's", { ...principal, scopes: new Set<never>() }, "forbidden"],
] as const)("a lease ends at the next check when its token is %s", async (_what, next, reason) => {
  const scene = createScene();
  const stream = scene.open("a");
  stream.lease.recheck((now) => now.scopes.has("ops:read"));
  await vi.advanceTimersByTimeAsync(1000);
  expect(stream.reason()).toBeUndefined();
  scene.become(() => next);
  await vi.advanceTimersByTimeAsync(999);
  expect(stream.reason()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect(stream.reason()).toBe(reason);
});

test("an outage of keys ends no lease, and the first reason stays", async () => {
  const scene = createScene();
  const stream = scene.open("a");
  scene.become(() => Promise.reject(new OpsError("auth_unavailable", "no keys")));
  await vi.advanceTimersByTimeAsync(3000);
  expect(stream.reason()).toBeUndefined();
  scene.become(() => null);
  await vi.advanceTimersByTimeAsync(1000);
  scene.streams.endAll("shutdown");
  expect([stream.reason(), stream.exchange.logged?.code]).toEqual(["unauthorized", "unauthorized"]);
});

test("a reader that reads nothing of what waits is a slow consumer", async () => {
  const { open } = createScene();
  const { res, reason } = open("a");
  res.socket = { bytesWritten: 100, writableLength: 100 };
  await vi.advanceTimersByTimeAsync(5000);
  expect(reason()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1000);
  expect(reason()).toBe("slow_consumer");
});

test("at shutdown all leases end, later ones at once", () => {
  const { streams, open } = createScene();
  const gone = open("a", { isAborted: true });
  expect([gone.reason(), vi.getTimerCount()]).toEqual(["client_gone", 0]);
  const [one, two] = [open("a"), open("b")];
  streams.endAll("shutdown");
  expect([one.reason(), two.reason(), open("c").reason()]).toEqual(["shutdown", "shutdown", "shutdown"]);
});

test("a token that keeps opening streams waits for the next", () => {
  const { open } = createScene();
  const openAndClose = (caller: string) => open(caller).res.emit("close");
  for (let count = 0; count < 20; count += 1) openAndClose("one");
  expect(() => openAndClose("one")).toThrow(
    expect.objectContaining({ code: "rate_limited", headers: { "Retry-After": "1" } }),
  );
  openAndClose("two");
  vi.advanceTimersByTime(500);
  openAndClose("one");
  expect(() => openAndClose("one")).toThrow("too often");
});

test("a refusal says when to retry", () => {
  const { open } = createScene();
  const refused = (message: string) =>
    expect.objectContaining({ code: "rate_limited", message, headers: { "Retry-After": "5" } }) as Error;
  open("a");
  open("a");
  expect(() => open("a")).toThrow(refused("This token already has 2 open streams"));
  open("b");
  expect(() => open("b")).toThrow(refused("This gateway already has 3 open streams, its limit"));
});

test("a token that closes one of its streams keeps the others", () => {
  const { open } = createScene();
  open("a");
  open("a").res.emit("close");
  open("a");
  expect(() => open("a")).toThrow("This token already has 2 open streams");
});

test("a stream that ends keeps the log fields of its request", () => {
  const { streams, open } = createScene();
  const { exchange } = open("a", { logged: { route: "/follow", operation: "Live" } });
  streams.endAll("shutdown");
  expect(exchange.logged).toEqual({ route: "/follow", operation: "Live", code: "shutdown" });
});

test("a client that left is not cut off a second time", async () => {
  const { open } = createScene();
  const { res, reason } = open("a");
  res.emit("close");
  await vi.advanceTimersByTimeAsync(2000);
  expect([reason(), res.destroy.mock.calls.length, vi.getTimerCount()]).toEqual(["client_gone", 0, 0]);
});
