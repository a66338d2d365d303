import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { terminalCommands } from "../../src/terminal/commands.ts";
import { outputFormats } from "../../src/terminal/output/print.ts";
import { startGateway } from "../support/gateway.ts";
import { sampleContainer } from "../support/containers.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { acting, createTerminalSources, hostile, tamed } from "../support/terminal.ts";
import { asking, runTerminal } from "../support/terminal-run.ts";
import { createTokens } from "../support/tokens.ts";
import { until } from "../support/until.ts";

const lists = ["problems", "ps", "queues", "errors", "jobs", "hosts", "deploys", "drift", "timeline", "audit-log"];

const tokens = createTokens({
  all: { scopes: ["ops:read", "ops:logs", "ops:operate"] },
  none: { scopes: ["ops:logs"] },
});
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(createTerminalSources().sources, { tokensFile: tokens.file });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

const run = (name: string, ...args: string[]) => runTerminal(name, args, { env: asking(gateway.url) });

describe.concurrent.each(lists)("%s", (name) => {
  it("prints its rows in each format, and nothing acts in the terminal", async () => {
    const parsed = new Map<string, unknown>();
    for (const format of outputFormats) {
      const { code, out, err } = await run(name, "-o", format);
      expect([format, code]).toEqual([format, 0]);
      expect(out, format).not.toBe("");
      expect(out + err, format).not.toMatch(acting);
      if (format === "json") parsed.set(format, JSON.parse(out));
      if (format === "yaml") parsed.set(format, parse(out));
      if (format === "jsonl")
        parsed.set(
          format,
          out
            .trimEnd()
            .split("\n")
            .map((line): unknown => JSON.parse(line)),
        );
    }
    const count = (parsed.get("json") as unknown[]).length;
    expect(count).toBeGreaterThan(0);
    expect(parsed.get("jsonl")).toHaveLength(count);
    expect(parsed.get("yaml")).toHaveLength(count);
    // What is escaped is the same text to who parses it.
    const texts = [...parsed.values()].map((value) =>
      JSON.stringify(value).includes(JSON.stringify(hostile).slice(1, -1)),
    );
    expect(texts).toEqual([true, true, true]);
  });

  it("has a line of heads, unless it is asked for none", async () => {
    const [whole, bare] = [await run(name), await run(name, "--no-headers")];
    const [head, ...rows] = whole.out.trimEnd().split("\n");
    expect(head).toMatch(/^[A-Z0-9 ]+$/);
    expect(bare.out.trimEnd().split("\n")).toHaveLength(rows.length);
    expect(whole.out).toContain(tamed.slice(0, 20));
  });

  it.each([80, 60, 20, 5])("fits a terminal of %i columns", async (columns) => {
    const { out } = await runTerminal(name, [], { env: asking(gateway.url), columns });
    const widths = stripVTControlCharacters(out)
      .trimEnd()
      .split("\n")
      .map((line) => stringWidth(line));
    expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
  });

  it("is shown again with --watch until the stop", async () => {
    const stop = new AbortController();
    let looks = 0;
    const onWrite = () => {
      looks += 1;
      if (looks === 2) stop.abort();
    };
    const args = ["--watch", "--interval", "1s", "-o", "name"];
    const { code, out } = await runTerminal(name, args, { env: asking(gateway.url), stop: stop.signal, onWrite });
    const half = out.slice(0, out.length / 2);
    expect([code, looks, out]).toEqual([0, 2, half + half]);
  });

  it("says what is wrong and what to do, with its own exit code", async () => {
    const cases: [number, RegExp, Awaited<ReturnType<typeof run>>][] = [
      [
        1,
        /cannot be reached .*unreachable\)\nCheck the address/s,
        await runTerminal(name, [], { env: asking("http://127.0.0.1:1") }),
      ],
      [
        1,
        /\(unauthorized\)\nThe token is wrong or has expired/,
        await runTerminal(name, [], { env: asking(gateway.url, "w".repeat(40)) }),
      ],
      [
        1,
        /ops:(?:read|operate).*\(forbidden\)\nAsk for a token with the required/,
        await runTerminal(name, [], { env: asking(gateway.url, tokens.of("none")) }),
      ],
      [
        78,
        /^No gateway is chosen: run `wallet-core-ops login/,
        await runTerminal(name, [], { env: { OPS_CONFIG: "/nowhere/contexts.json" } }),
      ],
      [2, /^Unknown option '--nosuch'.*usage: wallet-core-ops/s, await run(name, "--nosuch")],
      [2, /^--output must be one of table, wide,/, await run(name, "-o", "xml")],
      [2, /^--interval must be from 1s to 1h/, await run(name, "--watch", "--interval", "0")],
      [2, /^--interval must be from 1s to 1h/, await run(name, "--watch", "--interval", "61m")],
    ];
    for (const [code, pattern, seen] of cases) {
      expect([code, seen.code, seen.out]).toEqual([code, code, ""]);
      expect(seen.err).toMatch(pattern);
    }
  });

  it("has a page of help with its summary and every option", async () => {
    const entry = terminalCommands.find((one) => one.name === name);
    const { form } = (await entry?.load()) ?? {};
    const { code, out } = await run(name, "--help");
    expect([code, form?.summary]).toEqual([0, entry?.summary]);
    expect(out).toContain(form?.summary);
    for (const option of Object.keys(form?.options ?? {})) expect(out).toContain(`--${option}`);
  });
});

it("arguments that a command has no use for are refused", async () => {
  const wrong = [
    ["problems", "x"],
    ["problems", "--env", "moon"],
    ["errors", "--first", "51"],
    ["jobs", "a", "b"],
    ["jobs", "--state", "asleep"],
    ["timeline", "--kind", "party"],
    ["deploys", "--first", "0"],
    ["audit-log", "--first", "1.5"],
  ] as const;
  for (const [name, ...args] of wrong) {
    const { code, out, err } = await run(name, ...args);
    expect([name, code, out]).toEqual([name, 2, ""]);
    expect(err).toMatch(/usage: wallet-core-ops/);
  }
});

it("a filter leaves what it names", async () => {
  const names = async (...args: [string, ...string[]]) => (await run(...args, "-o", "name")).out.trimEnd().split("\n");
  expect(await names("ps", "web")).toEqual(["shop-web-v2"]);
  expect(await names("ps", "--all")).toContain("shop-redis");
  expect(await names("queues", "mail")).toEqual(["mail"]);
  expect(await names("queues", "--trouble")).toHaveLength(1);
  expect(await names("deploys", "--tag", "v2")).toEqual(["v2"]);
  const missing = await run("ps", "web", "nothing");
  expect([missing.code, missing.err]).toEqual([
    1,
    expect.stringContaining("error: There is no container or role named nothing (not_found)"),
  ]);
  expect(await run("ps", "-u", "web", "-o", "json").then(({ out }) => JSON.parse(out))).toMatchObject([
    { cpuPct: 12.4 },
  ]);
});

it("a container that restarts in a loop looks bad wherever it is listed", async () => {
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const [createdAt, startedAt] = [ago(600), ago(2)];
  const common = { service: "shop", role: "job", createdAt, startedAt, health: "healthy" as const };
  const containers = ["looping", "calm"].map((name) =>
    sampleContainer({ ...common, name, restarts: name === "looping" ? 9 : 0 }),
  );
  await using other = await startGateway(createMemorySources({ containers }).sources, { tokensFile: tokens.file });
  const ask = (name: string, ...args: string[]) =>
    runTerminal(name, ["--color", "always", ...args], { env: asking(other.url) }).then(({ out }) => out.split("\n"));
  const red = "\u001b[31m";
  const rows = await ask("ps");
  expect(rows.find((line) => line.includes("looping"))).toContain(`${red}restarts in a loop`);
  expect(rows.find((line) => line.includes("calm"))).not.toContain(red);
  const state = (await ask("explain", "looping")).find((line) => line.includes("State"));
  expect(state).toContain(`${red}running, healthy`);
  expect((await ask("explain", "job")).find((line) => line.includes("looping on"))).toMatch(/9 restarts$/);
});

it("a queue and its problems name the service that works on it", async () => {
  for (const name of ["queues", "problems"]) {
    const { out } = await run(name, "-o", "wide");
    const [head, ...rows] = out.split("\n");
    const row = rows.find((line) => line.includes("payouts"));
    const at = head?.indexOf("SERVICE") ?? -1;
    expect(at).toBeGreaterThan(0);
    expect(row?.slice(at, at + 5)).toBe("shop ");
  }
});

it("the record says by which program somebody acted", async () => {
  const own = await startGateway(createTerminalSources("x").sources);
  const { out } = await runTerminal("audit-log", ["-o", "wide"], { env: asking(own.url) });
  expect(out).toMatch(/ restart +ok +shop-worker-v2-x +lee x with night-shift x +because x /);
  await own[Symbol.asyncDispose]();
});

it("--watch goes on while the gateway is away, and ends at a reader's end", async () => {
  const own = await startGateway(createTerminalSources("x").sources);
  const stop = new AbortController();
  let seen = "";
  const watching = runTerminal("ps", ["-w", "-n", "1", "-o", "name"], {
    env: asking(own.url),
    stop: stop.signal,
    onWrite: (text) => (seen += text),
  });
  await until(async () => seen !== "");
  await own[Symbol.asyncDispose]();
  setTimeout(() => stop.abort(), 4000);
  const { code, err } = await watching;
  expect([code, err]).toEqual([1, expect.stringContaining("(unreachable)")]);
  const gone = await runTerminal("ps", ["-w", "-n", "1", "-o", "name"], {
    env: asking(gateway.url),
    onWrite: (_, stdout) => void stdout.destroy(Object.assign(new Error("closed"), { code: "EPIPE" })),
  });
  expect(gone).toMatchObject({ code: 0, err: "" });
});

it("commands start without what only the gateway needs", () => {
  const seen = new Set<string>();
  const follow = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const source = readFileSync(file, "utf8");
    for (const [, path = ""] of source.matchAll(/^(?:import|export)(?! type)[^;]*? from "(\.[^"]+\.ts)"/gm))
      follow(normalize(join(dirname(file), path)));
  };
  follow("src/cli.ts");
  expect([...seen].toSorted()).toEqual([
    "src/cli.ts",
    "src/lib/build.ts",
    "src/lib/text.ts",
    "src/terminal/commands.ts",
  ]);
  for (const [, path = ""] of readFileSync("src/terminal/commands.ts", "utf8").matchAll(/import\("(\.[^"]+)"\)/g))
    // It runs as long as its agent does, over the documents of the gateway.
    if (path !== "./mcp.ts") follow(join("src/terminal", path));
  const folders = new Set([...seen].map((file) => file.split("/")[1]));
  expect([...folders].toSorted((one = "", other = "") => one.localeCompare(other))).toEqual([
    "cli",
    "cli.ts",
    "client",
    "facts",
    "generated",
    "lib",
    "queues",
    "terminal",
  ]);
  // The rules of a queue's state and its owners, and their words, which need nothing else.
  expect([...seen].filter((file) => file.startsWith("src/queues/")).toSorted()).toEqual([
    "src/queues/owners.ts",
    "src/queues/reason.ts",
    "src/queues/state.ts",
  ]);
  expect([...seen].filter((file) => file.startsWith("src/cli/"))).toEqual(["src/cli/command.ts"]);
});
