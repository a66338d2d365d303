import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { checkTokens } from "../../src/cli/check.ts";
import type { CommandContext } from "../../src/cli/command.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-13T09:40:00Z") }));
afterEach(() => void vi.useRealTimers());

const entry = (kid: string, expiresAt: string, notBefore: string | null = "2025-12-01T00:00:00Z") => ({
  kid,
  subject: `of-${kid}`,
  sha256: "0".repeat(64),
  scopes: ["ops:read"],
  environments: ["staging"],
  ...(notBefore !== null && { not_before: notBefore }),
  expires_at: expiresAt,
});
const [good, soon, ended, early, undated] = [
  entry("good", "2026-01-27T09:40:01Z"),
  entry("soon", "2026-01-27T09:40:00Z"),
  entry("ended", "2026-01-13T09:40:00Z"),
  entry("early", "2026-01-19T00:00:00Z", "2026-01-14T00:00:00Z"),
  entry("undated", "2026-03-01T00:00:00Z", null),
] as const;

function check(entries: readonly object[], auth: Partial<Parameters<typeof checkTokens>[0]> = {}) {
  const readFile = (path: string) => (path === "/t.json" ? JSON.stringify(entries) : "");
  return checkTokens({ token: null, jwt: null, oidc: null, tokensFile: "/t.json", ...auth }, {
    readFile,
  } as CommandContext);
}

const remedy = "make its holder a new one with `wallet-core-ops token`";
const ok = (name: string, detail: string) => ({ name, ok: true, detail, warnings: [] });
const warned = (name: string, warning: string) => ({ name, ok: true, detail: null, warnings: [warning] });
const plain = ok("tokens", "WALLET_CORE_OPS_TOKEN has every right and never expires");

it("the check has no line without a tokens file or token", () => {
  expect(check([], { tokensFile: null })).toEqual([]);
  expect(check([], { tokensFile: null, token: "0123456789abcdef" })).toEqual([plain]);
});

it("tokens have their dates; expired and expiring ones are warnings", () => {
  expect(check([good, early, undated, soon, ended])).toEqual([
    ok("tokens", "3 of 5 tokens valid in /t.json"),
    warned("token of-ended (ended)", "issued 2025-12-01T00:00:00Z, expired 2026-01-13T09:40:00Z: remove its entry"),
    ok("token of-early (early)", "valid from 2026-01-14T00:00:00Z, expires 2026-01-19T00:00:00Z (in 5 d)"),
    warned("token of-soon (soon)", `issued 2025-12-01T00:00:00Z, expires 2026-01-27T09:40:00Z (in 14 d): ${remedy}`),
    ok("token of-good (good)", "issued 2025-12-01T00:00:00Z, expires 2026-01-27T09:40:01Z (in 14 d)"),
    ok("token of-undated (undated)", "expires 2026-03-01T00:00:00Z (in 46 d)"),
  ]);
});

it("the check fails when no token is active and there is no other way", () => {
  const nobody = "0 of 0 tokens valid in /t.json: nobody can log in; make an entry with `wallet-core-ops token`";
  expect(check([])).toEqual([{ ...ok("tokens", nobody), ok: false }]);
  expect(check([ended])[0]).toMatchObject({ ok: false });
  const jwt = { jwksUrl: "https://idp", issuer: "i", audience: "a" };
  const file = (warning: string) => ({ ...ok("tokens", "0 of 2 tokens valid in /t.json"), warnings: [warning] });
  const [token, jwks] = ["WALLET_CORE_OPS_TOKEN", "WALLET_CORE_OPS_JWKS_URL"];
  expect(check([early, ended], { token: "0123456789abcdef" }).slice(0, 2)).toEqual([
    plain,
    file(`only ${token} let anybody in`),
  ]);
  expect(check([early, ended], { jwt })[0]).toEqual(file(`only ${jwks} let anybody in`));
  expect(check([early, ended], { token: "0123456789abcdef", jwt })[1]).toEqual(
    file(`only ${token} and ${jwks} let anybody in`),
  );
});

it("a malformed tokens file throws", () => {
  expect(() => check([{}])).toThrow("/t.json: ");
});
