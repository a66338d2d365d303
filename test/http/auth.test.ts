import { expect, test } from "vitest";
import { createAuthenticator } from "../../src/http/auth.ts";
import { silentLogger } from "../../src/logger.ts";

const token = "0123456789abcdef~._+/-0123456789==";
const authenticator = createAuthenticator({ token, logger: silentLogger });
const check = (header: string | undefined, rawHeaders: string[] = []) => authenticator.authenticate(header, rawHeaders);

test("the plain token stands for everything", () => {
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
])("%j is nobody", (header) => {
  expect(check(header)).toBeNull();
});

test("two Authorization headers are refused, whatever their case, also when both are right", () => {
  const value = `Bearer ${token}`;
  expect(check(value, ["Host", "x", "Authorization", value])).not.toBeNull();
  expect(check(value, ["Authorization", value, "authorization", value])).toBeNull();
  expect(check(value, ["AUTHORIZATION", value, "Host", "x", "Authorization", "Bearer other"])).toBeNull();
});

test("what could never work is refused at the start", () => {
  for (const bad of ["", "short", "fifteen-chars-x", "has a space in it 123", "ümlaut-0123456789abc"]) {
    expect(() => createAuthenticator({ token: bad, logger: silentLogger })).toThrow(/16 to 4096/);
  }
  expect(() => createAuthenticator({ logger: silentLogger })).toThrow(/no token/);
});
