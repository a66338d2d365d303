import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative as relativePath } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  ContextError,
  type Contexts,
  findPlace,
  readContexts,
  readToken,
  toContextsPath,
  writeContexts,
} from "../../src/terminal/contexts.ts";
import { startGateway, token } from "../support/gateway.ts";
import { createTerminalSources } from "../support/terminal.ts";
import { runTerminal } from "../support/terminal-run.ts";

let folder: string;
let env: Record<string, string>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ops-contexts-"));
  env = { OPS_CONFIG: join(folder, "own", "contexts.json") };
});
afterEach(() => rmSync(folder, { recursive: true }));

const place = (name: string) => ({ url: `https://${name}.example.com`, token: `secret-${name}` });
const two: Contexts = { current: "one", contexts: { one: place("one"), two: place("two") } };

it("the file of contexts is its owner's alone, and is replaced whole", () => {
  const path = toContextsPath(env);
  expect(readContexts(env)).toEqual({ current: null, contexts: {} });
  writeContexts(env, two);
  writeContexts(env, { ...two, current: "two" });
  expect(readContexts(env)).toEqual({ ...two, current: "two" });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "own")).mode & 0o777).toBe(0o700);
});

it("a file that cannot be written is named", () => {
  writeFileSync(join(folder, "own"), "no folder");
  expect(() => writeContexts(env, two)).toThrow(ContextError);
  expect(() => writeContexts(env, two)).toThrow(`${toContextsPath(env)} cannot be written: `);
});

it.each([0o640, 0o604, 0o620])("a file of mode %o is refused with the remedy", (mode) => {
  writeContexts(env, two);
  chmodSync(toContextsPath(env), mode);
  expect(() => readContexts(env)).toThrow(/others can read it: run chmod 600/);
});

it.each([
  ["{", /is not valid JSON: correct it/],
  ['{"current":null}', /contexts/],
  ['{"current":null,"contexts":{"a":{"url":"ftp://x"}}}', /url/],
  ['{"current":null,"contexts":{"a":{"url":"http://x","password":"secret"}}}', /password/],
])("a file with %s is refused by its path", (text, problem) => {
  writeContexts(env, two);
  writeFileSync(toContextsPath(env), text);
  expect(() => readContexts(env)).toThrow(ContextError);
  expect(() => readContexts(env)).toThrow(problem);
  expect(() => readContexts(env)).toThrow(toContextsPath(env));
});

it.each([
  [{ OPS_CONFIG: "/a/b.json", HOME: "/h" }, "/a/b.json"],
  [{ XDG_CONFIG_HOME: "/x", HOME: "/h" }, "/x/wallet-core-ops/contexts.json"],
  [{ HOME: "/h" }, "/h/.config/wallet-core-ops/contexts.json"],
])("with %j the file is %s", (given, path) => {
  expect(toContextsPath(given)).toBe(path);
});

it("--context comes before OPS_CONTEXT, OPS_URL and the current one", () => {
  writeContexts(env, two);
  const url = { OPS_URL: "https://env.example.com", OPS_TOKEN: "t" };
  const find = (name: string | null, more = {}) => findPlace({ name, env: { ...env, ...more } }).url;
  expect(find(null)).toBe(two.contexts["one"]?.url);
  expect(find(null, url)).toBe(url.OPS_URL);
  expect(find(null, { ...url, OPS_CONTEXT: "one" })).toBe(two.contexts["one"]?.url);
  expect(find("two", { ...url, OPS_CONTEXT: "one" })).toBe(two.contexts["two"]?.url);
  expect(findPlace({ name: null, env: { ...url, OPS_TOKEN_FILE: "/f" } })).toEqual({ url: url.OPS_URL, token: "t" });
  expect(findPlace({ name: null, env: { ...url, OPS_TOKEN: "", OPS_TOKEN_FILE: "/f" } })).toEqual({
    url: url.OPS_URL,
    tokenFile: "/f",
  });
});

it("a place that is missing or wrong is an error that says what to do", () => {
  const find =
    (name: string | null, more = {}) =>
    () =>
      findPlace({ name, env: { ...env, ...more } });
  expect(find(null)).toThrow(/run `wallet-core-ops login NAME --url URL`, or set OPS_URL/);
  expect(find(null, { OPS_URL: "ops" })).toThrow(/OPS_URL must be an address/);
  expect(find(null, { OPS_URL: "https://x" })).toThrow(/OPS_URL needs OPS_TOKEN/);
  expect(find("three")).toThrow("There is no context named three");
  writeContexts(env, two);
  expect(find("toString")).toThrow("There is no context named toString: there are one, two");
});

it("a token is of its place, of a file, or what a command prints", () => {
  expect(readToken({ url: "", token: " a.b-c= \n" }, () => "")).toBe("a.b-c=");
  expect(readToken({ url: "", tokenFile: "/f" }, (path) => `of${path.replace("/", "-")}\n`)).toBe("of-f");
  expect(readToken({ url: "", tokenCommand: ["printf", "%s", "printed"] }, () => "")).toBe("printed");
});

it.each<[Parameters<typeof readToken>[0], RegExp]>([
  [{ url: "", token: "se\u001bcret" }, /^The token is empty or contains a character that is not allowed$/],
  [{ url: "", tokenCommand: ["false"] }, /^The command for the token failed: false \(exit code 1\)$/],
  [{ url: "", tokenCommand: ["/no/such", "secret"] }, /^The command for the token failed: \/no\/such \(ENOENT\)$/],
  [{ url: "" }, /run `wallet-core-ops login` again/],
])("the token of %j is refused without being shown", (own, problem) => {
  expect(() => readToken(own, () => "")).toThrow(problem);
});

describe("login and context", () => {
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  beforeAll(async () => {
    gateway = await startGateway(createTerminalSources("x").sources);
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  it("a login from stdin is stored and asked, and the token is never shown", async () => {
    const login = await runTerminal("login", ["own", "--url", gateway.url], { env, stdin: `${token}\n` });
    expect([login.code, login.out]).toEqual([0, ""]);
    expect(login.err).toMatch(/^own: \S+ at http:\/\/127.0.0.1:\d+, .*ops:read, staging production/);
    expect(readContexts(env)).toEqual({ current: "own", contexts: { own: { url: gateway.url, token } } });
    const asked = await runTerminal("ps", ["-o", "name"], { env });
    expect([asked.code, asked.out]).toEqual([0, expect.stringContaining("shop-web-v2")]);
    const command = ["own", "--url", gateway.url, "--token-command", `printf %s ${token}`];
    const shown = [login, await runTerminal("context", [], { env }), await runTerminal("context", ["show"], { env })];
    shown.push(await runTerminal("login", command, { env }), await runTerminal("context", [], { env }));
    expect(shown.map(({ out, err }) => out + err).join("")).not.toContain(token);
    expect(shown[1]?.out).toMatch(/^ +NAME +URL +TOKEN\n\* +own +http:\S+ +stored\n$/);
  });

  it("a token that the gateway refuses is not stored", async () => {
    const { code, err } = await runTerminal("login", ["--url", gateway.url], { env, stdin: "w".repeat(30) });
    expect([code, err]).toEqual([1, expect.stringContaining("(unauthorized)")]);
    expect(existsSync(toContextsPath(env))).toBe(false);
  });

  it("a file or a command gives the token at each use", async () => {
    const readFile = (path: string) => (path === "/t" ? token : "");
    // Relative to where it was said.
    const relative = join(relativePath(process.cwd(), "/"), "t");
    await runTerminal("login", ["file", "--url", gateway.url, "--token-file", relative], { env, readFile });
    const command = `printf %s ${token}`;
    await runTerminal("login", ["command", "--url", gateway.url, "--token-command", command], { env });
    for (const name of ["file", "command"])
      expect(await runTerminal("ps", ["--context", name, "-o", "name"], { env, readFile })).toMatchObject({ code: 0 });
    expect(readContexts(env)).toEqual({
      current: "command",
      contexts: {
        file: { url: gateway.url, tokenFile: "/t" },
        command: { url: gateway.url, tokenCommand: ["printf", "%s", token] },
      },
    });
  });

  it("contexts are used, shown and removed by their name", async () => {
    writeContexts(env, two);
    const context = (...args: string[]) => runTerminal("context", args, { env });
    expect(await context("show", "two")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/\ntwo +https:\/\/two\S+ +stored\n$/),
    });
    expect(await context("use", "two")).toMatchObject({
      code: 0,
      err: "two is now in use: https://two.example.com\n",
    });
    expect(await context("show", "-o", "name")).toMatchObject({ code: 0, out: "two\n" });
    const rows = ["one", "two"].map((name) => ({
      name,
      url: `https://${name}.example.com`,
      isCurrent: name === "two",
      token: "stored",
    }));
    expect(JSON.parse((await context("-o", "json")).out)).toEqual(rows);
    expect(JSON.parse((await context("show", "one", "-o", "jsonl")).out)).toEqual(rows[0]);
    expect(await context("remove", "two")).toMatchObject({ code: 0, err: "two is removed\n" });
    expect(readContexts(env)).toEqual({ current: null, contexts: { one: place("one") } });
    for (const [args, code, text] of [
      [["use", "two"], 78, "There is no context named two: there are one"],
      [["use"], 2, "Which context?"],
      [["remove"], 2, "Which context?"],
      [["paint"], 2, "'paint' is not list, use, show or remove"],
      [["use", "one", "two"], 2, "Too many arguments"],
      [["list", "one"], 2, "Too many arguments"],
      [["-o", "xml"], 2, "--output must be one of table, wide, json"],
    ] as const)
      expect(await context(...args)).toMatchObject({ code, err: expect.stringMatching(`^${text}`) });
  });

  it("a login with a wrong name or address is refused", async () => {
    for (const [args, text] of [
      [[], "The gateway's address is required"],
      [["--url", "ops"], "--url must be an address"],
      [["--url", "https://kim:secret@ops.example.com"], "--url must be an address"],
      [["a/b", "--url", gateway.url], "A name consists of letters"],
      [["a", "b"], "One name at most"],
      [["--url", gateway.url, "--token-file", "a", "--token-command", "b"], "Use either --token-file"],
    ] as const)
      expect(await runTerminal("login", args, { env })).toMatchObject({
        code: 2,
        err: expect.stringMatching(`^${text}`),
      });
    const empty = await runTerminal("login", ["--url", gateway.url], { env, stdin: "" });
    expect(empty).toMatchObject({ code: 78, err: expect.stringContaining("The token is empty") });
  });
});
