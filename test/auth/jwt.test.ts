import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, type GenerateKeyPairResult, SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { createJwtVerifier } from "../../src/auth/jwt.ts";
import { toHolder } from "../../src/auth/principal.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";

const issuer = "https://issuer.example/";
const audience = "wallet-core-ops";
let pair: GenerateKeyPairResult;
let stranger: GenerateKeyPairResult;
let server: Server;
let url: string;
let fetches: number;
let answer: () => Promise<{ status: number; body: string; headers?: Record<string, string> }>;

beforeAll(async () => {
  pair = await generateKeyPair("ES256", { extractable: true });
  stranger = await generateKeyPair("ES256", { extractable: true });
});

beforeEach(async () => {
  fetches = 0;
  answer = async () => ({
    status: 200,
    body: JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "k1", alg: "ES256" }] }),
  });
  server = createServer((_req, res) => {
    fetches += 1;
    void respond(res);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
});

afterEach(() => server.close().closeAllConnections());

async function respond(res: ServerResponse): Promise<void> {
  const { status, body, headers } = await answer();
  res.writeHead(status, { "Content-Type": "application/json", ...headers }).end(body);
}

interface Change {
  header?: object;
  claims?: object;
  without?: string;
  key?: CryptoKey | Uint8Array;
}

function sign({ header = {}, claims = {}, without = "", key = pair.privateKey }: Change = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all = {
    sub: "agent-7",
    iss: issuer,
    aud: audience,
    iat: now,
    exp: now + 300,
    scope: "openid ops:read ops:logs",
    ops_environments: ["staging"],
    ...claims,
  };
  const payload = Object.fromEntries(Object.entries(all).filter(([name]) => name !== without));
  return new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: "k1", typ: "at+jwt", ...header }).sign(key);
}

test("a valid token has its known scopes and its environments", async () => {
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  const exp = Math.floor(Date.now() / 1000) + 300;
  expect(await verify(await sign({ claims: { exp } }))).toEqual({
    subject: "agent-7",
    kid: "jwt:k1",
    issuer,
    auth: "jwt",
    scopes: new Set(["ops:read", "ops:logs"]),
    environments: new Set(["staging"]),
    expiresAt: exp * 1000,
  });
  const bare = await verify(await sign({ claims: { ops_environments: "production", scope: ["ops:operate"] } }));
  expect(bare).toMatchObject({ scopes: new Set(), environments: new Set() });
});

test("a token expires 24 hours after it was issued, at the latest", async () => {
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  const iat = Math.floor(Date.now() / 1000) - 60;
  const found = await verify(await sign({ claims: { iat, exp: 1e15 } }));
  expect(found?.expiresAt).toBe((iat + 86_400) * 1000);
});

test("an invalid token authenticates nobody", async () => {
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  const now = Math.floor(Date.now() / 1000);
  const pem = new TextEncoder().encode(await exportSPKI(pair.publicKey));
  const good = await sign();
  const bad: Record<string, string> = {
    "wrong audience": await sign({ claims: { aud: "other" } }),
    "wrong issuer": await sign({ claims: { iss: "https://evil.example/" } }),
    "an ID token": await sign({ header: { typ: "JWT" } }),
    "no sub": await sign({ without: "sub" }),
    "no exp": await sign({ without: "exp" }),
    "no iat": await sign({ without: "iat" }),
    expired: await sign({ claims: { exp: now - 60 } }),
    "not yet": await sign({ claims: { nbf: now + 120 } }),
    "too old": await sign({ claims: { iat: now - 90_000 } }),
    "another's key": await sign({ key: stranger.privateKey }),
    "HS256 with the public key as secret": await sign({ header: { alg: "HS256" }, key: pem }),
    "alg none": `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url")}.${good.split(".")[1]}.`,
    "a changed claim": [
      good.split(".")[0],
      Buffer.from('{"sub":"root"}').toString("base64url"),
      good.split(".")[2],
    ].join("."),
    "a subject with a line feed": await sign({ claims: { sub: "a\nb" } }),
  };
  for (const [name, token] of Object.entries(bad)) expect([name, await verify(token)]).toEqual([name, null]);
  expect(await verify(good)).not.toBeNull();
});

test("only the issuer's RS256, ES256 and EdDSA keys verify a token", async () => {
  const algorithms = ["RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA"];
  const pairs = await Promise.all(algorithms.map((alg) => generateKeyPair(alg, { extractable: true })));
  const keys = await Promise.all(
    pairs.map(async ({ publicKey }, index) => ({
      ...(await exportJWK(publicKey)),
      kid: `k-${index}`,
      alg: algorithms[index],
    })),
  );
  answer = async () => ({ status: 200, body: JSON.stringify({ keys }) });
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  const accepted = await Promise.all(
    pairs.map(async ({ privateKey: key }, index) =>
      verify(await sign({ header: { alg: algorithms[index], kid: `k-${index}` }, key })),
    ),
  );
  expect(algorithms.filter((_, index) => accepted[index] !== null)).toEqual(["RS256", "ES256", "EdDSA"]);
});

test("50 unknown kids are not 50 requests to the issuer", async () => {
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  await verify(await sign());
  for (let index = 0; index < 50; index += 1)
    expect(await verify(await sign({ header: { kid: `k-${index}` } }))).toBeNull();
  expect(fetches).toBe(1);
});

test.each([
  ["down", async () => ({ status: 500, body: "" })],
  ["a redirect", async () => ({ status: 302, body: "", headers: { location: "http://127.0.0.1:1/" } })],
  ["2 MB", async () => ({ status: 200, body: JSON.stringify({ keys: [], pad: "x".repeat(2_000_000) }) })],
  ["not JSON", async () => ({ status: 200, body: "<html>" })],
])("key set %s: auth_unavailable, one fetch in 5 s; own tokens work", async (_name, broken) => {
  answer = broken;
  const own = "own-token-0123456789";
  const jwt = { jwksUrl: url, issuer, audience };
  const authenticator = createAuthenticator({ token: own, jwt, logger: silentLogger });
  const token = await sign();
  for (let index = 0; index < 3; index += 1) {
    const error = await Promise.resolve(authenticator.authenticate(`Bearer ${token}`, [])).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(OpsError);
    expect(error).toMatchObject({ code: "auth_unavailable", status: 503 });
  }
  expect(fetches).toBeLessThanOrEqual(2);
  expect(authenticator.authenticate(`Bearer ${own}`, [])).toMatchObject({ subject: "default" });
});

test("fetched keys stay valid when the issuer goes down", async () => {
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  expect(await verify(await sign())).not.toBeNull();
  answer = async () => ({ status: 500, body: "" });
  expect(await verify(await sign())).not.toBeNull();
  expect(await verify(await sign({ header: { kid: "k2" } }))).toBeNull();
});

test("a key set must come by https", () => {
  expect(() => createJwtVerifier({ jwksUrl: "http://issuer.example/jwks", issuer, audience })).toThrow(/https/);
  expect(() => createJwtVerifier({ jwksUrl: "file:///etc/passwd", issuer, audience })).toThrow(/https/);
});

test.each([
  ["a".repeat(128), "a".repeat(128)],
  ["a".repeat(129), undefined],
  ["", undefined],
  ["a b", undefined],
  ["!~", "!~"],
])("the subject %s", async (sub, subject) => {
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  expect((await verify(await sign({ claims: { sub } })))?.subject).toBe(subject);
});

test.each([
  ["k1", "jwt:k1"],
  [undefined, "jwt"],
  ["a b", "jwt"],
  ["", "jwt"],
])("the key %j is displayed as %s", async (kid, shown) => {
  const key = { ...(await exportJWK(pair.publicKey)), ...(kid !== undefined && { kid }), alg: "ES256" };
  answer = async () => ({ status: 200, body: JSON.stringify({ keys: [key] }) });
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  expect((await verify(await sign({ header: { kid } })))?.kid).toBe(shown);
});

test("a subject stays the same holder when the signing key is rotated", async () => {
  const keys = ["k1", "k2"].map((kid) => ({ kid, pair: kid === "k1" ? pair : stranger }));
  const published = keys.map(async ({ kid, pair: { publicKey } }) => ({
    ...(await exportJWK(publicKey)),
    kid,
    alg: "ES256",
  }));
  answer = async () => ({ status: 200, body: JSON.stringify({ keys: await Promise.all(published) }) });
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  const principals = await Promise.all(
    keys.map(async ({ kid, pair: { privateKey: key } }) => verify(await sign({ header: { kid }, key }))),
  );
  expect(principals.map((principal) => principal?.kid)).toEqual(["jwt:k1", "jwt:k2"]);
  const [before, after] = principals.map((principal) => principal && toHolder(principal));
  expect([before, after]).toEqual([`jwt ${issuer} agent-7`, `jwt ${issuer} agent-7`]);
});

test("scopes and environments are the known ones of valid claims", async () => {
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  const granted = async (claims: object) => {
    const principal = await verify(await sign({ claims }));
    return [[...(principal?.scopes ?? [])], [...(principal?.environments ?? [])]];
  };
  const environments = ["production", "qa", 7, "staging"];
  expect(await granted({ scope: "ops:operate x ops:read ops:logs", ops_environments: environments })).toEqual([
    ["ops:read", "ops:logs", "ops:operate"],
    ["staging", "production"],
  ]);
  expect(await granted({ scope: "ops:read,ops:logs", ops_environments: { 0: "staging" } })).toEqual([[], []]);
  expect(await granted({ scope: undefined, ops_environments: undefined })).toEqual([[], []]);
});

test("a token's times have 30 s of tolerance, its age 24 h", async () => {
  const now = Date.UTC(2026, 0, 13, 9, 40);
  vi.useFakeTimers({ toFake: ["Date"], now });
  try {
    const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
    const isGood = async (claims: object) => (await verify(await sign({ claims }))) !== null;
    const seconds = now / 1000;
    const day = 86_400;
    expect(await isGood({ exp: seconds - 29 })).toBe(true);
    expect(await isGood({ exp: seconds - 30 })).toBe(false);
    expect(await isGood({ nbf: seconds + 30 })).toBe(true);
    expect(await isGood({ nbf: seconds + 31 })).toBe(false);
    expect(await isGood({ iat: seconds - day - 30 })).toBe(true);
    expect(await isGood({ iat: seconds - day - 31 })).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});

test("a bad token is refused without keys; other failures are reported", async () => {
  answer = async () => ({ status: 500, body: "" });
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const good = await sign();
  const [head = "", , signature = ""] = good.split(".");
  const faults: Record<string, string> = {
    "no JWS": "a.b",
    "a header that is no JSON": `eyJ.${part({})}.${signature}`,
    "another algorithm": await sign({ header: { alg: "HS256" }, key: new Uint8Array(32) }),
    "an unknown extension that is critical": `${part({ alg: "ES256", typ: "at+jwt", crit: ["x"], x: 1 })}.${part({})}.${signature}`,
  };
  for (const [name, token] of Object.entries(faults)) {
    const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
    expect([name, await verify(token)]).toEqual([name, null]);
  }
  const verify = createJwtVerifier({ jwksUrl: url, issuer, audience });
  await expect(verify(`${head}.${part([])}.${signature}`)).rejects.toMatchObject({
    code: "auth_unavailable",
    message: "The keys of the token issuer cannot be fetched",
    cause: expect.objectContaining({ message: "the key set answered 500" }),
  });
});

test.each(["http://localhost:1/jwks", "http://127.0.0.1/jwks", "http://[::1]:1/jwks", "https://issuer.example/jwks"])(
  "the key set may be at %s",
  (jwksUrl) => {
    expect(createJwtVerifier({ jwksUrl, issuer, audience })).toBeTypeOf("function");
  },
);

test.each(["http://issuer.example/jwks", "http://127.0.0.2/jwks", "ftp://localhost/jwks", "ftp://issuer.example/jwks"])(
  "the key set may not be at %s",
  (jwksUrl) => {
    expect(() => createJwtVerifier({ jwksUrl, issuer, audience })).toThrow(
      "the JWKS URL must be https (http only on loopback)",
    );
  },
);
