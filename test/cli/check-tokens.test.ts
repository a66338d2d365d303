import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { checkTokens } from "../../src/cli/check.ts";
import type { CommandContext } from "../../src/cli/command.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-13T09:40:00Z") }));
afterEach(() => void vi.useRealTimers());

const entry = (kid: string, expiresAt: string, notBefore = "2025-12-01T00:00:00Z") => ({
  kid,
  subject: `of-${kid}`,
  sha256: "0".repeat(64),
  scopes: ["ops:read"],
  environments: ["staging"],
  not_before: notBefore,
  expires_at: expiresAt,
});
const [good, soon, ended, early] = [
  entry("good", "2026-01-20T09:40:01Z"),
  entry("soon", "2026-01-20T09:40:00Z"),
  entry("ended", "2026-01-13T09:40:00Z"),
  entry("early", "2026-01-19T00:00:00Z", "2026-01-14T00:00:00Z"),
] as const;

function check(entries: readonly object[], auth: Partial<Parameters<typeof checkTokens>[0]> = {}) {
  const readFile = (path: string) => (path === "/t.json" ? JSON.stringify(entries) : "");
  return checkTokens({ token: null, jwt: null, oidc: null, tokensFile: "/t.json", ...auth }, { readFile } as CommandContext);
}

it("the check passes without a tokens file", () => {
  expect(check([], { tokensFile: null })).toBeNull();
});

it("valid tokens are listed; expired and expiring ones are warnings", () => {
  expect(check([good, early, soon, ended])).toEqual({
    name: "tokens",
    ok: true,
    detail: "2 of 4 valid, /t.json; of-soon (soon) expires 2026-01-20T09:40:00Z; of-good (good) expires 2026-01-20T09:40:01Z",
    warnings: [
      "of-ended (ended) expired 2026-01-13T09:40:00Z: remove its entry",
      "of-soon (soon) expires within 7 days, 2026-01-20T09:40:00Z: make a new one with `wallet-core-ops token`",
    ],
  });
  expect(check([good])).toMatchObject({ ok: true, warnings: [] });
});

it("the check fails when no token is active and there is no other way", () => {
  expect(check([])).toEqual({
    name: "tokens",
    ok: false,
    detail: "0 of 0 valid, /t.json: nobody can log in; make an entry with `wallet-core-ops token`",
    warnings: [],
  });
  const warnings = [
    "of-ended (ended) expired 2026-01-13T09:40:00Z: remove its entry",
    "only WALLET_CORE_OPS_TOKEN or WALLET_CORE_OPS_JWKS_URL let anybody in",
  ];
  const jwt = { jwksUrl: "https://idp", issuer: "i", audience: "a" };
  for (const auth of [{ token: "0123456789abcdef" }, { jwt }]) {
    expect(check([early, ended], auth)).toEqual({ name: "tokens", ok: true, detail: "0 of 2 valid, /t.json", warnings });
  }
});

it("a malformed tokens file throws", () => {
  expect(() => check([{}])).toThrow("/t.json: ");
});
