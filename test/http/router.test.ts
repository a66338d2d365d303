import { expect, test, vi } from "vitest";
import type { Principal } from "../../src/auth/principal.ts";
import type { Admission } from "../../src/http/admission.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { createRouter } from "../../src/http/router.ts";
import type { EdgeReply, PublicPage, Surface } from "../../src/http/surface.ts";
import { createCaller } from "../support/caller.ts";

const reply: EdgeReply = { status: 200, body: "surface" };
const page: EdgeReply = { status: 200, body: "page" };
const reader = createCaller(["ops:read"]).principal;
const operator = createCaller(["ops:operate"]).principal;

function createPlaces(isFree = true, isGranted: boolean | Promise<boolean> = true) {
  return {
    enter: vi.fn<Admission["enter"]>(() => isFree),
    wait: vi.fn<Admission["wait"]>(async () => isGranted),
    leave: vi.fn<Admission["leave"]>(),
    suspect: vi.fn<Admission["suspect"]>(),
    waiting: 0,
  };
}

const base = {
  ip: "2001:db8:1:2::3",
  requestId: "r-1",
  caller: "holder",
  isAborted: false,
  isPublic: false,
  mount: undefined,
};

interface Scene {
  readonly who?: Principal | null | Promise<Principal | null>;
  readonly places?: ReturnType<typeof createPlaces>;
  readonly pagePlaces?: ReturnType<typeof createPlaces>;
  readonly waitS?: number;
}

/** A router with a surface at /a and all below, one at /b alone, and pages. */
function createScene({ who = reader, places = createPlaces(), pagePlaces = createPlaces(), waitS = 0 }: Scene = {}) {
  const handled = vi.fn<Surface["handle"]>(() => reply);
  const surfaces: Surface[] = [
    { prefix: "/a", subtree: true, handle: handled },
    { prefix: "/b", subtree: false, handle: handled },
  ];
  const accepts = vi.fn<PublicPage["accepts"]>(() => true);
  const publicPages: PublicPage[] = [
    { path: "/health", unlimited: true, accepts, reply: () => page },
    { path: "/page", accepts, reply: () => page },
    { path: "/for-browsers", accepts: () => false, reply: () => page },
  ];
  const authenticate = vi.fn<() => typeof who>(() => who);
  const hit = vi.fn<(key: string) => number>(() => waitS);
  const charged: (Principal | undefined)[] = [];
  const charge = ({ principal }: { principal?: Principal }) => void charged.push(principal);
  const route = createRouter({
    surfaces,
    publicPages,
    authenticator: { authenticate },
    admission: places,
    publicAdmission: pagePlaces,
    largeAdmission: pagePlaces,
    failedAuth: { hit },
    charge,
  });
  const ask = async (
    method: string,
    path: string,
    more: object = {},
    headers: Record<string, string> = { host: "x" },
  ) => {
    const res = { writeContinue: vi.fn<() => void>(), setHeader: vi.fn<(name: string, value: string) => void>() };
    const req = { rawHeaders: Object.entries(headers).flat(), headers, httpVersion: "1.1" };
    const exchange: Exchange = {
      ...base,
      method,
      path,
      headers,
      req,
      res,
      ...more,
      hasPlace: false,
      release() {},
      take(admission: Pick<Admission, "leave">, holder: string) {
        Object.assign(exchange, { hasPlace: true, release: () => admission.leave(holder) });
      },
    } as unknown as Exchange;
    const answered = await (async () => route(exchange))().catch((error: unknown) => error);
    return { answered, exchange, res };
  };
  return { ask, handled, accepts, authenticate, hit, places, pagePlaces, charged };
}

const refusal = (status: number, code: string, message: string, headers: object = {}) => ({
  status,
  code,
  headers,
  body: JSON.stringify({ message, error: { code, message, request_id: "r-1" } }),
});
const methods = refusal(405, "method_not_allowed", "Allowed here: GET, HEAD, POST, OPTIONS", {
  Allow: "GET, HEAD, POST, OPTIONS",
});
const pageMethods = refusal(405, "method_not_allowed", "Allowed here: GET, HEAD", { Allow: "GET, HEAD" });
const error = (code: string, message: string) => expect.objectContaining({ code, message }) as object;
const nothing = error("not_found", "There is nothing at this path");
const target = error("invalid_request", "The request target is not a plain path");

test.each([
  ["GET", "/a", reply, "/a"],
  ["POST", "/a/", reply, "/a"],
  ["GET", "/a/b/c", reply, "/a"],
  ["GET", "/b", reply, "/b"],
  ["OPTIONS", "/a/b", { status: 204, headers: { Allow: "GET, HEAD, POST, OPTIONS" }, body: "" }, "/a"],
  ["OPTIONS", "/b", { status: 204, headers: { Allow: "GET, HEAD, POST, OPTIONS" }, body: "" }, "/b"],
  ["GET", "/ab", nothing, undefined],
  ["GET", "/x/a", nothing, undefined],
  ["GET", "/c", nothing, undefined],
  ["GET", "/x/", nothing, undefined],
  ["GET", "/b/", nothing, undefined],
  ["GET", "/", nothing, undefined],
  ["GET", "/a/%2e%2e", nothing, undefined],
  ["GET", "a", target, undefined],
  ["DELETE", "/a", methods, undefined],
  ["DELETE", "/page", methods, undefined],
  ["POST", "/page", pageMethods, undefined],
  ["OPTIONS", "/health", pageMethods, undefined],
  ["GET", "/for-browsers", nothing, undefined],
  ["POST", "/for-browsers", pageMethods, undefined],
])("%s %s with a token", async (method, path, expected, mount) => {
  const { ask, handled } = createScene();
  const { answered, exchange } = await ask(method, path);
  expect(answered).toEqual(expected);
  expect([exchange.mount, handled.mock.calls.length]).toEqual([mount, expected === reply ? 1 : 0]);
});

test("an asynchronously verified token is served in the same way", async () => {
  const { ask } = createScene({ who: Promise.resolve(operator) });
  const { answered, exchange } = await ask("GET", "/a");
  expect([answered, exchange.principal]).toEqual([reply, operator]);
  expect((await createScene({ who: Promise.resolve(null) }).ask("GET", "/a")).answered).toMatchObject({ status: 401 });
});

test.each([
  ["1.1", {}, error("invalid_request", "Host is missing")],
  ["1.0", {}, reply],
  ["1.1", { host: "x" }, reply],
])("HTTP/%s with the headers %j", async (httpVersion, headers, expected) => {
  const { answered } = await createScene().ask("GET", "/a", { req: { rawHeaders: [], headers, httpVersion } }, headers);
  expect(answered).toEqual(expected);
});

test.each(["/a", "/health"])("two Host headers are refused first at %s", async (path) => {
  const { ask, authenticate, accepts } = createScene();
  const { answered } = await ask("GET", path, {
    req: { rawHeaders: ["Host", "x", "HOST", "y"], headers: {}, httpVersion: "1.1" },
  });
  expect(answered).toEqual(error("invalid_request", "Host is given more than once"));
  expect([authenticate.mock.calls.length, accepts.mock.calls.length]).toEqual([0, 0]);
});

test("a request without a token is anonymous and counted by network", async () => {
  const missing = "Missing or invalid Authorization header";
  const { ask, hit } = createScene({ who: null });
  for (const [method, path] of [
    ["GET", "/a"],
    ["DELETE", "a"],
    ["POST", "/page"],
  ] as const) {
    expect((await ask(method, path)).answered).toEqual({
      status: 401,
      code: "unauthorized",
      headers: { "WWW-Authenticate": "Bearer" },
      body: JSON.stringify({ message: missing, error: { code: "unauthorized", message: missing } }),
    });
  }
  await ask("GET", "/a", { ip: undefined });
  expect(hit.mock.calls).toEqual([...Array.from({ length: 3 }, () => ["2001:db8:1:2::/64"]), [""]]);
  const often = createScene({ who: null, waitS: 7 });
  const message = "Too many failed authentications from this network";
  expect((await often.ask("GET", "/a")).answered).toEqual(
    refusal(429, "rate_limited", message, { "Retry-After": "7" }),
  );
  const accept = { host: "x", accept: "application/problem+json" };
  for (const scene of [often, createScene({ who: null }), createScene()]) {
    const { answered } = await scene.ask("DELETE", "/a", {}, accept);
    expect(answered).toMatchObject({ headers: { "Content-Type": "application/problem+json" } });
  }
});

test("a public page is served without a token, by GET alone", async () => {
  const { ask, accepts, authenticate, pagePlaces, places } = createScene();
  const health = await ask("GET", "/health");
  expect([health.answered, health.exchange.isPublic, pagePlaces.enter.mock.calls]).toEqual([page, false, []]);
  const shown = await ask("GET", "/page");
  expect([shown.answered, shown.exchange.isPublic]).toEqual([page, true]);
  expect(pagePlaces.enter.mock.calls).toEqual([[false, "2001:db8:1::/48"]]);
  shown.exchange.release();
  expect(pagePlaces.leave.mock.calls).toEqual([["2001:db8:1::/48"]]);
  await ask("GET", "/page", { ip: undefined });
  expect(pagePlaces.enter.mock.lastCall).toEqual([false, ""]);
  expect([authenticate.mock.calls.length, places.enter.mock.calls.length]).toEqual([0, 0]);
  accepts.mockReturnValue(false);
  expect((await ask("GET", "/page")).answered).toEqual(nothing);
  expect(authenticate).toHaveBeenCalledOnce();
});

test.each([
  [reader, false],
  [operator, true],
])("a request takes a place, an operator's from the reserve", async (who, isReserved) => {
  const { ask, places } = createScene({ who });
  const { exchange } = await ask("GET", "/a");
  expect([places.enter.mock.calls, places.wait.mock.calls]).toEqual([[[isReserved, "holder"]], []]);
  expect(places.leave.mock.calls).toEqual([]);
  exchange.release();
  expect(places.leave.mock.calls).toEqual([["holder"]]);
});

test("a request waits for a place and is refused when it gets none", async () => {
  const granted = createScene({ places: createPlaces(false, true) });
  const { answered, exchange } = await granted.ask("GET", "/a");
  expect([answered, exchange.hasPlace, granted.places.wait.mock.calls]).toEqual([reply, true, [["holder", undefined]]]);
  const refused = createScene({ places: createPlaces(false, false) });
  const late = await refused.ask("GET", "/a");
  expect([late.answered, late.exchange.hasPlace]).toEqual([error("overloaded", "Too many requests at once"), false]);
  expect(refused.handled).not.toHaveBeenCalled();
});

test("a client that left while it waited is not served", async () => {
  const { ask, handled } = createScene();
  const { answered, exchange } = await ask("GET", "/a", { isAborted: true });
  expect([answered, exchange.hasPlace, handled.mock.calls]).toEqual([null, true, []]);
});

test("a client gets its 100 Continue", async () => {
  const { ask } = createScene();
  const plain = await ask("POST", "/a");
  expect([plain.res.writeContinue.mock.calls.length, plain.res.setHeader.mock.calls.length]).toEqual([0, 0]);
  const waiting = await ask("POST", "/a", {}, { host: "x", expect: "100-continue" });
  expect([waiting.res.writeContinue.mock.calls.length, waiting.res.setHeader.mock.calls.length]).toEqual([1, 0]);
});

test.each([
  ["a public page", "/page", reader, [undefined]],
  ["an accepted token", "/a", reader, [reader]],
  ["a token that is being verified", "/a", Promise.resolve(reader), [reader]],
  ["a refused token", "/a", null, [undefined]],
  ["a token refused after a while", "/a", Promise.resolve(null), [undefined]],
])("the connection is charged for %s", async (_name, path, who, charged) => {
  const scene = createScene({ who });
  await scene.ask("GET", path);
  expect(scene.charged).toEqual(charged);
});
