import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Authenticator, createAuthenticator } from "../../src/auth/authenticator.ts";
import { openTokensFile, TokensFileError } from "../../src/auth/tokens-file.ts";
import { makeToken } from "../../src/cli/token.ts";
import type { Logger } from "../../src/lib/logger.ts";

let folder: string;
let path: string;
let errors: string[];
let warnings: string[];
let authenticator: Authenticator | undefined;

let logger: Logger;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ops-tokens-"));
  path = join(folder, "tokens.json");
  // A look that an earlier test began may end now: it has the lists of that test.
  const ownErrors: string[] = [];
  const ownWarnings: string[] = [];
  logger = {
    debug() {},
    info() {},
    warn: (_fields, message) => ownWarnings.push(message),
    error: (_fields, message) => ownErrors.push(message),
  };
  errors = ownErrors;
  warnings = ownWarnings;
});

afterEach(() => {
  authenticator?.close();
  rmSync(folder, { recursive: true });
});

const dayMs = 24 * 3_600_000;

function make(subject: string, lifeMs = 30 * dayMs) {
  const expiresAt = new Date(Date.now() + lifeMs);
  return makeToken({ subject, scopes: ["ops:read"], environments: ["staging"], expiresAt });
}

/** As an editor or a secret manager does it: a new file in the place of the old one. */
function replace(...entries: object[]) {
  writeFileSync(`${path}.new`, JSON.stringify(entries));
  renameSync(`${path}.new`, path);
}

function subjectOf(token: string) {
  const principal = authenticator?.authenticate(`Bearer ${token}`, []);
  return principal instanceof Promise ? "promise" : principal?.subject;
}

test("rotation: both listed tokens work, a removed one fails, others never", async () => {
  const [old, next] = [make("old"), make("next")];
  replace(old.entry);
  authenticator = createAuthenticator({ tokensFile: path, logger, pollMs: 10 });
  expect([subjectOf(old.token), subjectOf(next.token)]).toEqual(["old", undefined]);
  replace(old.entry, next.entry);
  await expect.poll(() => subjectOf(next.token)).toBe("next");
  expect(subjectOf(old.token)).toBe("old");
  replace(next.entry);
  await expect.poll(() => subjectOf(old.token)).toBeUndefined();
  expect(subjectOf(next.token)).toBe("next");
  expect(errors).toEqual([]);
});

test("a truncated or missing file keeps the old tokens and logs once", async () => {
  const { entry } = make("kept");
  replace(entry);
  const file = openTokensFile({ path, logger, pollMs: 3_600_000 });
  const look = async () => {
    await file.reload();
    return [errors.length, file.find(entry.kid)?.principal.subject];
  };
  writeFileSync(path, JSON.stringify([entry]).slice(0, 40));
  for (const _ of [1, 2, 3]) expect(await look()).toEqual([1, "kept"]);
  rmSync(path);
  for (const _ of [1, 2, 3]) expect(await look()).toEqual([2, "kept"]);
  replace();
  expect(await look()).toEqual([2, undefined]);
  file.close();
});

test("a bad file at start is refused with its mistakes", () => {
  writeFileSync(path, '[{"kid": "x"}]');
  expect(() => createAuthenticator({ tokensFile: path, logger })).toThrow(TokensFileError);
});

test("an unreadable file at start is refused with its path and the code", () => {
  for (const [unreadable, code] of [
    [join(folder, "none.json"), "ENOENT"],
    [folder, "EISDIR"],
  ] as const) {
    const refused = expect.objectContaining({
      name: "TokensFileError",
      message: `${unreadable}: cannot be read (${code})`,
    });
    expect(() => createAuthenticator({ tokensFile: unreadable, logger })).toThrow(refused);
  }
});

test("an entry outside its time is not valid", () => {
  const early = make("early");
  const late = make("late");
  const hour = 3_600_000;
  replace(
    { ...early.entry, not_before: new Date(Date.now() + hour / 2).toISOString() },
    {
      ...late.entry,
      not_before: new Date(Date.now() - 2 * hour).toISOString(),
      expires_at: new Date(Date.now() - hour).toISOString(),
    },
  );
  authenticator = createAuthenticator({ tokensFile: path, logger });
  expect([subjectOf(early.token), subjectOf(late.token)]).toEqual([undefined, undefined]);
});

test("the file does not contain the secret", () => {
  const { token, entry } = make("someone");
  const secret = token.split("_")[2] as string;
  expect(JSON.stringify(entry)).not.toContain(secret.slice(0, 8));
});

test("start logs that nobody can log in when no entry is active", () => {
  const [before, after] = [-2000, -1000].map((ms) => new Date(Date.now() + ms).toISOString());
  const late = { ...make("late").entry, not_before: before, expires_at: after };
  const open = (...entries: object[]) => {
    replace(...entries);
    authenticator?.close();
    authenticator = createAuthenticator({ tokensFile: path, logger });
    return warnings.splice(0);
  };
  expect(open()).toEqual([expect.stringContaining("nobody can log in")]);
  expect(open(late)).toHaveLength(1);
  expect(open(late, make("good").entry)).toEqual([]);
  replace();
  createAuthenticator({ tokensFile: path, token: "0123456789abcdef", logger }).close();
  const jwt = { jwksUrl: "https://issuer.example/jwks", issuer: "https://issuer.example/", audience: "ops" };
  createAuthenticator({ tokensFile: path, jwt, logger }).close();
  expect(warnings).toEqual([]);
});

test("a token that expires within 7 days is logged once a day until then", async () => {
  const lines: string[] = [];
  const warn = (fields: object, message: string) => void lines.push(`${Object.values(fields).join(" ")}: ${message}`);
  const [soon, later] = [make("soon", 8 * dayMs), make("later", 8.5 * dayMs)];
  replace(soon.entry, later.entry);
  let time = Date.now();
  const file = openTokensFile({ path, logger: { ...logger, warn }, pollMs: 3_600_000, now: () => time });
  const pass = async (days: number) => {
    time += days * dayMs;
    await file.reload();
    return lines.splice(0).map((line) => line.replace(/^\w+ /, ""));
  };
  const line = ({ entry }: typeof soon) => `${entry.subject} ${entry.expires_at}: token expires within 7 days`;
  expect(await pass(0)).toEqual([]);
  expect(await pass(0.99)).toEqual([]);
  expect(await pass(0.02)).toEqual([line(soon)]);
  expect(await pass(0.5)).toEqual([line(later)]);
  expect(await pass(0.49)).toEqual([]);
  expect(await pass(0.02)).toEqual([line(soon)]);
  // The next one takes its place: nothing more is said of it.
  replace(make("soon").entry, later.entry);
  expect(await pass(0.5)).toEqual([line(later)]);
  expect(await pass(5.97)).toEqual([line(later)]);
  expect(await pass(1)).toEqual([]);
  file.close();
});

test("start logs which tokens expire soon", async () => {
  replace(make("soon", dayMs).entry);
  authenticator = createAuthenticator({ tokensFile: path, logger });
  expect(warnings).toEqual(["token expires within 7 days"]);
  expect(authenticator.tokenEnds()).toEqual([
    { kid: expect.any(String), subject: "soon", expiresAt: expect.any(Number) },
  ]);
});

test("a change and a failure are logged once, the first load never", async () => {
  const lines: unknown[][] = [];
  const note = (...line: unknown[]) => void lines.push(line);
  const [one, two] = [make("one"), make("two")];
  replace(one.entry);
  const file = openTokensFile({ path, logger: { ...logger, info: note, error: note }, pollMs: 3_600_000 });
  const look = async () => {
    await file.reload();
    return lines.splice(0);
  };
  expect([await look(), await look()]).toEqual([[], []]);
  replace(one.entry, two.entry);
  await Promise.all([file.reload(), file.reload()]);
  expect(lines.splice(0)).toEqual([[{ tokens: 2 }, "tokens file reloaded"]]);
  expect(await look()).toEqual([]);
  writeFileSync(path, "{");
  const message = "tokens file not reloaded: the old tokens stay valid";
  expect(await look()).toEqual([[{ err: expect.any(TokensFileError) }, message]]);
  expect(await look()).toEqual([]);
  rmSync(path);
  expect(await look()).toEqual([[{ err: expect.objectContaining({ code: "ENOENT" }) }, message]]);
  expect(await look()).toEqual([]);
  file.close();
});

test("the state of the tokens: their expiries, and whether one is active", () => {
  const [one, two] = [make("one", 1000), make("two", 3000)];
  replace(one.entry, two.entry);
  let time = Date.now();
  const file = openTokensFile({ path, logger, now: () => time });
  const toEnd = ({ entry }: typeof one) => ({
    kid: entry.kid,
    subject: entry.subject,
    expiresAt: Date.parse(entry.expires_at),
  });
  expect(file.ends()).toEqual([toEnd(one), toEnd(two)]);
  expect([file.find(two.entry.kid)?.principal.subject, file.find("none")]).toEqual(["two", undefined]);
  expect(file.isSpent()).toBe(false);
  time = Date.parse(one.entry.expires_at);
  expect(file.isSpent()).toBe(false);
  time = Date.parse(two.entry.expires_at);
  expect(file.isSpent()).toBe(true);
  file.close();
});

test.each([
  [undefined, 2000],
  [50, 50],
])("a file with the interval %j is checked every %d ms", async (pollMs, every) => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    replace();
    authenticator = createAuthenticator({ tokensFile: path, logger, ...(pollMs && { pollMs }) });
    const { token, entry } = make("next");
    replace(entry);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(every - 1);
    expect(subjectOf(token)).toBeUndefined();
    vi.advanceTimersByTime(1);
    await expect.poll(() => subjectOf(token)).toBe("next");
    authenticator.close();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("the log names the file when nobody can log in", () => {
  const lines: unknown[][] = [];
  replace();
  createAuthenticator({ tokensFile: path, logger: { ...logger, warn: (...line) => void lines.push(line) } }).close();
  expect(lines).toEqual([[{ path }, "no token of the tokens file is valid: nobody can log in"]]);
});

test("a file rewritten in place with the same length is read again", async () => {
  const [one, two] = [make("one"), make("two")];
  replace(one.entry);
  utimesSync(path, 1000, 1000);
  const file = openTokensFile({ path, logger, pollMs: 3_600_000 });
  await file.reload();
  writeFileSync(path, JSON.stringify([two.entry]));
  utimesSync(path, 1000, 1000.001);
  await file.reload();
  expect(file.ends().map(({ subject }) => subject)).toEqual(["two"]);
  file.close();
});
