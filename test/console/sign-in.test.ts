import { expect, test } from "vitest";
import type { Grant, SignIn } from "../../src/auth/oidc.ts";
import { createSignInPages } from "../../src/console/sign-in.ts";
import { bearer, startEdge } from "../support/edge.ts";

const invitation = {
  authorizationEndpoint: "https://provider.example/authorize",
  clientId: "console",
  scope: "openid",
  resource: null,
};
const tokens = { accessToken: "access", refreshToken: "refresh", expiresIn: 60 };
const path = "/console/sign-in";
const json = { "content-type": "application/json" };

function start(signIn: SignIn | null) {
  return startEdge({ publicPages: createSignInPages(signIn) });
}

function createFake(): SignIn & { readonly grants: Grant[] } {
  const grants: Grant[] = [];
  return { grants, invite: async () => invitation, exchange: async (grant) => (grants.push(grant), tokens) };
}

test("without a provider the page says so, and no code is taken", async () => {
  await using edge = await start(null);
  expect(JSON.parse((await edge.send("GET", path)).text)).toEqual({ oidc: null });
  expect((await edge.send("POST", path, json, "{}")).status).toBe(401);
});

test("a browser learns where to sign in, without a token", async () => {
  await using edge = await start(createFake());
  const { status, headers, text } = await edge.send("GET", path);
  expect([status, JSON.parse(text)]).toEqual([200, { oidc: invitation }]);
  expect(headers["cache-control"]).toBe("no-store");
});

test("a code and a refresh token are passed on, and tokens come back", async () => {
  const fake = createFake();
  await using edge = await start(fake);
  const code = { code: "c", verifier: "v", redirectUri: "https://ops.example/" };
  for (const grant of [code, { refreshToken: "r" }]) {
    const { status, text } = await edge.send("POST", path, json, JSON.stringify(grant));
    expect([status, JSON.parse(text)]).toEqual([200, tokens]);
  }
  expect(fake.grants).toEqual([code, { refreshToken: "r" }]);
});

test.each([
  ["another type", { "content-type": "text/plain" }, '{"refreshToken":"r"}', 415],
  ["no type", {}, '{"refreshToken":"r"}', 415],
  ["no JSON", json, "{", 400],
  ["a grant without its verifier", json, '{"code":"c"}', 400],
  ["a field too many", json, '{"refreshToken":"r","client_secret":"s"}', 400],
  ["an empty token", json, '{"refreshToken":""}', 400],
  ["more than 16 kB", json, JSON.stringify({ refreshToken: "r".repeat(20_000) }), 413],
])("a request with %s is refused", async (_what, headers, body, status) => {
  const fake = createFake();
  await using edge = await start(fake);
  expect((await edge.send("POST", path, headers, body)).status).toBe(status);
  expect(fake.grants).toEqual([]);
});

test("a flood of sign-ins does not reach the provider", async () => {
  const fake = createFake();
  await using edge = await start(fake);
  const statuses: number[] = [];
  for (let index = 0; index < 90; index += 1) statuses.push((await edge.send("POST", path, json, '{"refreshToken":"r"}')).status);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
  expect(fake.grants.length).toBe(statuses.filter((status) => status === 200).length);
});

test("other methods are refused with what is allowed", async () => {
  await using edge = await start(createFake());
  const { status, headers } = await edge.send("OPTIONS", path, bearer);
  expect([status, headers["allow"]]).toEqual([405, "GET, HEAD, POST"]);
});
