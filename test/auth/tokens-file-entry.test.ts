import { expect, test } from "vitest";
import { endsSoon, isInForce, parseTokensFile, TokensFileError } from "../../src/auth/tokens-file.ts";

const now = Date.parse("2026-01-13T09:40:00Z");
const entry = {
  kid: "grafana1",
  subject: "grafana",
  sha256: "ab".repeat(32),
  scopes: ["ops:read"],
  environments: ["staging"],
  expires_at: "2026-03-01T00:00:00Z",
};

function parse(...entries: object[]) {
  return parseTokensFile("tokens.json", JSON.stringify(entries), now);
}

function problemsOf(text: string): readonly string[] {
  try {
    parseTokensFile("tokens.json", text, now);
  } catch (error) {
    if (error instanceof TokensFileError) return error.problems;
    throw error;
  }
  return [];
}

test("a valid entry is accepted", () => {
  const found = parse({ ...entry, not_before: "2026-01-01T00:00:00+02:00" }).get("grafana1");
  expect(found?.principal).toEqual({
    subject: "grafana",
    kid: "grafana1",
    auth: "tokens_file",
    scopes: new Set(["ops:read"]),
    environments: new Set(["staging"]),
    expiresAt: Date.UTC(2026, 2, 1),
  });
  expect(found?.expiresAt).toBe(Date.UTC(2026, 2, 1));
  expect(found?.notBefore).toBe(Date.UTC(2025, 11, 31, 22));
});

test("two active tokens of one subject and an empty list are accepted", () => {
  expect(parse(entry, { ...entry, kid: "grafana2" }).size).toBe(2);
  expect(parse().size).toBe(0);
});

test("all mistakes are reported at once, with their places", () => {
  const text = JSON.stringify([
    { ...entry, environments: undefined },
    { ...entry, kid: "b2b2", scopes: ["ops:everything"], scope: "x", expires_at: "tomorrow" },
    { ...entry, kid: "UPPER", sha256: "AB" },
  ]);
  const problems = problemsOf(text).join("\n");
  for (const place of ["[0].environments", "[1].scopes[0]", '"scope"', "[1].expires_at", "[2].kid", "[2].sha256"]) {
    expect(problems).toContain(place);
  }
});

test.each([
  [{ scopes: [] }, "[0].scopes"],
  [{ environments: [] }, "[0].environments"],
  [{ environments: ["*"] }, "[0].environments[0]"],
  [{ expires_at: "2026-06-01T00:00:00Z" }, "more than 90 days away"],
  [{ not_before: "2026-03-02T00:00:00Z" }, "not after not_before"],
  [{ subject: "a b\n" }, "[0].subject"],
  [{ expires_at: undefined }, "[0].expires_at"],
])("the entry %j is refused", (change, place) => {
  expect(problemsOf(JSON.stringify([{ ...entry, ...change }])).join("\n")).toContain(place);
});

test("a repeated kid is refused", () => {
  expect(problemsOf(JSON.stringify([entry, entry]))).toEqual(["[1].kid: used twice"]);
});

test("broken JSON is not quoted, because it may hold a secret", () => {
  expect(problemsOf('[{"token": "ops_secret')).toEqual(["not valid JSON"]);
  expect(problemsOf("{}").join()).toContain("the file");
});

test("a token is active from notBefore until expiry; it warns 7 days before", () => {
  const day = 24 * 3_600_000;
  const [one] = [...parse({ ...entry, not_before: "2026-01-01T00:00:00Z" }).values()];
  if (!one) throw new Error("no entry");
  const { notBefore, expiresAt } = one;
  const moments = [notBefore - 1, notBefore, expiresAt - 1, expiresAt];
  expect(moments.map((at) => isInForce(one, at))).toEqual([false, true, true, false]);
  const warned = [expiresAt - 7 * day - 1, expiresAt - 7 * day, expiresAt - 1, expiresAt];
  expect(warned.map((at) => endsSoon(one, at))).toEqual([false, true, true, false]);
});

test("a token lasts at most 90 days and one hour", () => {
  const most = (90 * 24 + 1) * 3_600_000;
  const at = (ms: number) => new Date(ms).toISOString();
  const problems = (more: object) => problemsOf(JSON.stringify([{ ...entry, ...more }]));
  const begin = now + 5 * 3_600_000;
  const tooLate = ["[0].expires_at: more than 90 days away"];
  expect(problems({ expires_at: at(now + most) })).toEqual([]);
  expect(problems({ expires_at: at(now + most + 1000) })).toEqual(tooLate);
  expect(problems({ not_before: at(begin), expires_at: at(begin + most) })).toEqual([]);
  expect(problems({ not_before: at(begin), expires_at: at(begin + most + 1000) })).toEqual(tooLate);
  expect(problems({ not_before: at(begin), expires_at: at(begin) })).toEqual(["[0].expires_at: not after not_before"]);
});
