import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createSignIn } from "../../src/auth/oidc.ts";

/** The provider: what it answers, and what it was asked. */
let answers: Record<string, { status?: number; body: unknown }>;
let asked: { method: string; path: string; body: string }[];
let issuer = "";

const server = createServer((req, res) => void answer(req, res));

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const text = await readText(req);
  asked.push({ method: req.method ?? "", path: req.url ?? "", body: text });
  const { status = 200, body } = answers[req.url ?? ""] ?? { status: 404, body: {} };
  res.writeHead(status, { "content-type": "application/json" });
  res.end(typeof body === "string" ? body : JSON.stringify(body));
}

async function readText(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const discovery = "/.well-known/openid-configuration";

beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
  answers = {
    [discovery]: { body: { issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token` } },
    "/token": { body: { access_token: "access", refresh_token: "refresh", expires_in: 300, token_type: "Bearer" } },
  };
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const create = (audience = "https://ops.example") =>
  createSignIn({ issuer, clientId: "console", scope: "openid ops:read", audience });
const codeGrant = { code: "the-code", verifier: "the-verifier", redirectUri: "https://ops.example/" };

test("the invitation has the provider's endpoint and our scope", async () => {
  expect(await create().invite()).toEqual({
    authorizationEndpoint: `${issuer}/authorize`,
    clientId: "console",
    scope: "openid ops:read",
    resource: "https://ops.example",
  });
  expect((await create("ops").invite()).resource).toBeNull();
});

test("a code is changed into tokens with its verifier", async () => {
  expect(await create().exchange(codeGrant)).toEqual({
    accessToken: "access",
    refreshToken: "refresh",
    expiresIn: 300,
  });
  expect(Object.fromEntries(new URLSearchParams(asked.at(-1)?.body))).toEqual({
    client_id: "console",
    grant_type: "authorization_code",
    code: "the-code",
    code_verifier: "the-verifier",
    redirect_uri: "https://ops.example/",
    resource: "https://ops.example",
  });
});

test("a refresh token is changed into tokens", async () => {
  answers["/token"] = { body: { access_token: "access-2" } };
  expect(await create("ops").exchange({ refreshToken: "r" })).toEqual({
    accessToken: "access-2",
    refreshToken: null,
    expiresIn: null,
  });
  const sent = Object.fromEntries(new URLSearchParams(asked.at(-1)?.body));
  expect(sent).toEqual({ client_id: "console", grant_type: "refresh_token", refresh_token: "r" });
});

test("the configuration is read once for all sign-ins", async () => {
  const signIn = create();
  await Promise.all([signIn.invite(), signIn.invite()]);
  await signIn.exchange(codeGrant);
  expect(asked.filter(({ path }) => path === discovery)).toHaveLength(1);
});

test.each([
  [
    "refuses the grant",
    400,
    { error: "invalid_grant", error_description: "secret detail" },
    "invalid_request",
    "(invalid_grant)",
  ],
  ["refuses in markup", 401, { error: "<b>no</b>" }, "invalid_request", "(error)"],
  ["fails", 500, { error: "server_error" }, "auth_unavailable", "answered 500"],
  ["gives no token", 200, { token_type: "Bearer" }, "auth_unavailable", "answered 200"],
  ["answers no JSON", 200, "<html>", "auth_unavailable", "answered 200"],
])("a provider that %s is an error with a code", async (_what, status, body, code, words) => {
  answers["/token"] = { status, body };
  await expect(create().exchange(codeGrant)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(words) as string,
  });
  await expect(create().exchange(codeGrant)).rejects.not.toMatchObject({
    message: expect.stringContaining("secret") as string,
  });
});

test.each([
  ["names another issuer", { issuer: "https://other.example" }, "another issuer"],
  ["has an open endpoint", { token_endpoint: "http://provider.example/token" }, "token endpoint is not an https"],
  ["has no endpoint", { authorization_endpoint: undefined }, "authorization endpoint is not an https"],
])("a configuration that %s is refused", async (_what, change, words) => {
  answers[discovery] = { body: { ...(answers[discovery]?.body as object), ...change } };
  await expect(create().invite()).rejects.toMatchObject({
    code: "auth_unavailable",
    message: expect.stringContaining(words) as string,
  });
});

test("an issuer that is neither https nor loopback is refused", () => {
  expect(() => createSignIn({ issuer: "http://provider.example", clientId: "c", scope: "s", audience: "a" })).toThrow(
    "https",
  );
});

test("an absent provider is auth_unavailable, and asked again later", async () => {
  const signIn = createSignIn({ issuer: "http://127.0.0.1:1", clientId: "c", scope: "s", audience: "a" });
  await expect(signIn.invite()).rejects.toMatchObject({ code: "auth_unavailable" });
  await expect(signIn.exchange(codeGrant)).rejects.toMatchObject({ code: "auth_unavailable" });
});
