import { hash } from "node:crypto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeToken } from "../../src/cli/token.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-13T09:40:00.999Z") }));
afterEach(() => void vi.useRealTimers());

const request = {
  subject: "ci",
  scopes: ["ops:read"],
  environments: ["staging"],
  expiresAt: new Date("2026-02-01T00:00:00.500Z"),
} as const;

test("an entry has the token's hash, and its times in whole seconds", () => {
  const { token, entry } = makeToken({ ...request, kid: "ab12" });
  expect(token).toMatch(/^ops_ab12_\w{40,}$/);
  expect(entry).toEqual({
    kid: "ab12",
    subject: "ci",
    sha256: hash("sha256", token, "hex"),
    scopes: ["ops:read"],
    environments: ["staging"],
    not_before: "2026-01-13T09:40:00Z",
    expires_at: "2026-02-01T00:00:00Z",
  });
});

test("a generated id has eight letters and digits", () => {
  const kids = Array.from({ length: 50 }, () => makeToken(request).entry.kid);
  for (const kid of kids) expect(kid).toMatch(/^[a-z0-9]{8}$/);
  expect(new Set(kids).size).toBe(50);
  // All of the 36 signs: 400 of them miss one with a chance of 1 in 1,000.
  expect(new Set(kids.join("")).size).toBeGreaterThan(30);
  expect(() => makeToken({ ...request, kid: "A" })).toThrow(RangeError);
});
