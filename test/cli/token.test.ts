import { hash } from "node:crypto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { tokenCommand } from "../../src/cli/token.ts";
import { runCommand } from "../support/command.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-13T09:40:00Z") }));
afterEach(() => void vi.useRealTimers());

const good = { subject: "ci", scopes: "ops:read", environments: "staging" };
const run = (given: Readonly<Record<string, string>>) =>
  runCommand(
    tokenCommand,
    Object.entries(given).map(([name, value]) => `--${name}=${value}`),
  );

it("a token is printed once, with the entry that holds its hash", async () => {
  const { code, out, err } = await run({ ...good, scopes: "ops:logs, ops:read,", environments: "prod,staging" });
  const [shown = "", entry = ""] = out;
  const token =
    /^token \(shown once, keep it secret\):\n(ops_\S+)\n\nentry for the list in WALLET_CORE_OPS_TOKENS_FILE:$/.exec(
      shown,
    )?.[1];
  expect([code, out.length, err]).toEqual([0, 2, []]);
  expect(JSON.parse(entry)).toEqual({
    kid: token?.split("_")[1],
    subject: "ci",
    sha256: hash("sha256", token ?? "", "hex"),
    scopes: ["ops:read", "ops:logs"],
    environments: ["staging", "production"],
    not_before: "2026-01-13T09:40:00Z",
    expires_at: "2026-02-12T09:40:00Z",
  });
  expect(entry).toContain('\n  "kid"');
});

it.each([
  ["1", "2026-01-14T09:40:00Z"],
  ["07", "2026-01-20T09:40:00Z"],
  ["90", "2026-04-13T09:40:00Z"],
])("a token for %s days expires at %s", async (days, end) => {
  expect(JSON.parse((await run({ ...good, days })).out[1] ?? "")).toMatchObject({ expires_at: end });
});

const subject = "--subject must be 1 to 64 of A-Z a-z 0-9 . _ @ : / -";
const days = "--days must be 1 to 90";
const scopes = "--scopes must be a comma list of ops:read, ops:logs, ops:operate, ops:introspect";
const environments = "--environments must be a comma list of staging, production";
it.each([
  [{ ...good, subject: "" }, subject],
  [{ ...good, subject: "a b" }, subject],
  [{ ...good, subject: "x!" }, subject],
  [{ ...good, subject: "!x" }, subject],
  [{ ...good, subject: "a".repeat(65) }, subject],
  [{ scopes: "ops:read", environments: "staging" }, subject],
  [{ ...good, days: "0" }, days],
  [{ ...good, days: "91" }, days],
  [{ ...good, days: "100" }, days],
  [{ ...good, days: "1d" }, days],
  [{ ...good, days: "x1" }, days],
  [{ ...good, days: "" }, days],
  [{ ...good, scopes: "ops:read,ops:all" }, scopes],
  [{ ...good, scopes: "" }, scopes],
  [{ ...good, scopes: " , " }, scopes],
  [{ subject: "ci", environments: "staging" }, scopes],
  [{ ...good, environments: "qa" }, environments],
  [{ subject: "ci", scopes: "ops:read" }, environments],
])("the arguments %j are refused", async (given: Readonly<Record<string, string>>, problem) => {
  const { code, out, err } = await run(given);
  expect([code, out, err[0]?.split("\n\n")[0]]).toEqual([2, [], problem]);
  expect(err[0]).toContain("\n\nusage: token --subject NAME --scopes LIST --environments LIST [--days N]\n");
});

it("a subject may have 64 characters of any kind", async () => {
  const long = `AZaz09._@:/-${"x".repeat(52)}`;
  expect(JSON.parse((await run({ ...good, subject: long })).out[1] ?? "")).toMatchObject({ subject: long });
});
