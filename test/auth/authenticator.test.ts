import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { createToken } from "../../src/auth/token.ts";
import { makeToken } from "../../src/cli/token.ts";
import { silentLogger } from "../../src/lib/logger.ts";

const token = "0123456789abcdef~._+/-0123456789==";
const authenticator = createAuthenticator({ token, logger: silentLogger });
const check = (header: string | undefined, rawHeaders: string[] = []) => authenticator.authenticate(header, rawHeaders);

test("the plain token has all scopes and environments", () => {
  expect(check(`Bearer ${token}`)).toEqual({
    subject: "default",
    kid: "default",
    auth: "token",
    scopes: new Set(["ops:read", "ops:logs", "ops:operate", "ops:introspect"]),
    environments: new Set(["staging", "production"]),
  });
});

test.each([
  undefined,
  "",
  "Bearer",
  "Bearer ",
  `bearer ${token}`,
  `BEARER ${token}`,
  `Bearer  ${token}`,
  `Bearer\t${token}`,
  ` Bearer ${token}`,
  `Bearer ${token} `,
  `Bearer ${token}\n`,
  `Bearer ${token}\0`,
  `Bearer ${token}, Bearer ${token}`,
  `Basic ${token}`,
  token,
  `Bearer ${token.slice(0, -3)}`,
  `Bearer ${token.slice(1)}`,
  `Bearer x${token.slice(1)}`,
  `Bearer ${"x".repeat(8192)}`,
  "Bearer short",
  "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.AAAA",
])("the header %j authenticates nobody", (header) => {
  expect(check(header)).toBeNull();
});

test("two Authorization headers are refused, even when both are right", () => {
  const value = `Bearer ${token}`;
  expect(check(value, ["Host", "x", "Authorization", value])).not.toBeNull();
  expect(check(value, ["Authorization", value, "authorization", value])).toBeNull();
  expect(check(value, ["AUTHORIZATION", value, "Host", "x", "Authorization", "Bearer other"])).toBeNull();
});

test("a configuration that can never authenticate fails at start", () => {
  for (const bad of ["", "short", "fifteen-chars-x", "has a space in it 123", "ümlaut-0123456789abc"]) {
    expect(() => createAuthenticator({ token: bad, logger: silentLogger })).toThrow(
      "the token must have 16 to 4096 characters of A-Z a-z 0-9 . _ ~ + / -, then `=` if any",
    );
  }
  expect(() => createAuthenticator({ logger: silentLogger })).toThrow("no token is configured");
});

const folder = mkdtempSync(join(tmpdir(), "ops-auth-"));
afterAll(() => rmSync(folder, { recursive: true }));

function openFile(name: string, ...made: readonly ReturnType<typeof makeToken>[]) {
  const tokensFile = join(folder, name);
  writeFileSync(tokensFile, JSON.stringify(made.map(({ entry }) => entry)));
  return createAuthenticator({ token, tokensFile, logger: silentLogger });
}
const make = (kid: string, expiresAt = new Date(Date.now() + 3_600_000)) =>
  makeToken({ kid, subject: kid, scopes: ["ops:read"], environments: ["staging"], expiresAt });

test("a token with another's kid and its own secret authenticates nobody", () => {
  const [alice, bob] = [make("alice"), make("bobby")];
  const listed = openFile("forged.json", alice, bob);
  const ask = (text: string) => listed.authenticate(`Bearer ${text}`, []);
  expect(ask(alice.token)).toMatchObject({ subject: "alice", auth: "tokens_file" });
  expect(ask(bob.token)).toMatchObject({ subject: "bobby" });
  expect(ask(createToken("alice", randomBytes(32)))).toBeNull();
  expect(ask(createToken("alice", new Uint8Array(32)))).toBeNull();
  expect(ask(createToken("nobody", randomBytes(32)))).toBeNull();
  // The digest of the file is no token.
  expect(ask(alice.entry.sha256)).toBeNull();
  listed.close();
});

test("a token of the file is valid until, but not at, its expiry", () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-13T09:00:00Z") });
  try {
    const end = Date.parse("2026-01-13T10:00:00Z");
    const alice = make("alice", new Date(end));
    const listed = openFile("ends.json", alice);
    const ask = () => listed.authenticate(`Bearer ${alice.token}`, []);
    vi.setSystemTime(end - 1);
    expect(ask()).toMatchObject({ subject: "alice" });
    vi.setSystemTime(end);
    expect(ask()).toBeNull();
    listed.close();
  } finally {
    vi.useRealTimers();
  }
});

test("a token has 16 to 4096 characters", () => {
  for (const text of ["a".repeat(16), `${"a".repeat(4096)}===`]) {
    const own = createAuthenticator({ token: text, logger: silentLogger });
    expect(own.authenticate(`Bearer ${text}`, [])).toMatchObject({ subject: "default" });
    expect(own.tokenEnds()).toEqual([]);
    own.close();
  }
  for (const bad of ["a".repeat(15), "a".repeat(4097)]) {
    expect(() => createAuthenticator({ token: bad, logger: silentLogger })).toThrow("16 to 4096 characters");
  }
});

test("the plain token is valid beside a tokens file", () => {
  const alice = make("alice");
  const listed = openFile("beside.json", alice);
  expect(listed.authenticate(`Bearer ${token}`, [])).toMatchObject({ subject: "default" });
  expect(listed.tokenEnds()).toEqual([
    { kid: "alice", subject: "alice", expiresAt: Date.parse(alice.entry.expires_at) },
  ]);
  listed.close();
});

test("the plain token is checked first, also when it looks like a JWT", async () => {
  const text = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.AAAA";
  const jwt = { jwksUrl: "https://issuer.example/jwks", issuer: "https://issuer.example/", audience: "ops" };
  const own = createAuthenticator({ token: text, jwt, logger: silentLogger });
  expect(own.authenticate(`Bearer ${text}`, [])).toMatchObject({ subject: "default", auth: "token" });
  // What does not look like one is no reason to ask for keys.
  for (const other of ["eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0", `x${text}`, `${text}.A`, `${text}~`]) {
    expect(own.authenticate(`Bearer ${other}`, []), other).toBeNull();
  }
  expect(await own.authenticate(`Bearer ${text.replace("AAAA", "")}AAAB`, [])).toBeNull();
  own.close();
});
