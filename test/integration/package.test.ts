import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { freePort } from "../../script/services/process.ts";
import { sendJson, startAnswering } from "../support/answering.ts";
import { chromiumFlags } from "../support/chromium.ts";
import { startOtlpReceiver } from "../support/otlp-receiver.ts";
import { until } from "../support/until.ts";

const folder = mkdtempSync(join(inject("runFolder"), "package-"));
const home = join(folder, "product");
const installed = join(home, "node_modules", manifest.name);
const command = join(home, "node_modules/.bin/wallet-core-ops");
const searched = `${join(process.cwd(), "node_modules/.bin")}:${process.env["PATH"]}`;
const token = "package-token-0123456789";

/** A Node of this machine that is too old for the gateway. */
const oldNode = ["/usr/bin/node", "/usr/local/bin/node"].find(
  (program) => existsSync(program) && /^v2[0-3]\./.test(execFileSync(program, ["--version"], { encoding: "utf8" })),
);

function run(program: string, args: readonly string[], env: Record<string, string> = {}, cwd = home) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const options = { cwd, env: { PATH: searched, HOME: folder, ...env }, encoding: "utf8" as const, timeout: 120_000 };
    execFile(program, args, options, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
    );
  });
}

/** As `run`; rejects with its output when it fails. Returns what it prints. */
async function succeed(...args: Parameters<typeof run>): Promise<string> {
  const { code, out, err } = await run(...args);
  if (code !== 0) throw new Error(`${args[1].join(" ")} failed: ${out}${err}`);
  return out;
}

function git(checkout: string, ...args: string[]): string {
  return execFileSync("git", ["-C", checkout, ...args], { encoding: "utf8" }).trim();
}

/** The files of the repository that are needed to pack it, as a clone has them after `npm ci`. */
function makeClone(): string {
  const clone = join(folder, "clone");
  mkdirSync(clone);
  const names = [
    "src",
    "script",
    "schema",
    "test",
    "docs",
    "package.json",
    "tsconfig.json",
    ".gitignore",
    "README.md",
    "LICENSE",
  ];
  const filter = (path: string) => basename(path) !== "node_modules";
  for (const name of names) cpSync(name, join(clone, name), { recursive: true, filter });
  symlinkSync(join(process.cwd(), "node_modules"), join(clone, "node_modules"));
  git(clone, "init", "--quiet");
  git(clone, "add", "--all");
  git(
    clone,
    "-c",
    "user.name=test",
    "-c",
    "user.email=test@example.com",
    "commit",
    "--quiet",
    "--message",
    "Package it",
  );
  return clone;
}

let env: Record<string, string>;
let url: string;
let stop = async () => {};

beforeAll(async () => {
  const clone = makeClone();
  const out = await succeed("npm", ["pack", "--silent", "--pack-destination", folder], {}, clone);
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), '{"name": "product", "private": true}');
  const tarball = join(folder, out.trim().split("\n").at(-1) as string);
  await succeed("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball]);

  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const info = {
    current_tag: "v2",
    previous_tag: "v1",
    commit_sha: "",
    deployed_by: "ci",
    deployed_at: "2026-01-10T13:15:00Z",
  };
  writeFileSync(join(home, "deploy_info.json"), JSON.stringify(info));
  env = {
    WALLET_CORE_OPS_PORT: String(port),
    WALLET_CORE_OPS_TOKEN: token,
    WALLET_CORE_OPS_DOCKER_HOSTS: `own=unix://${inject("dockerSocket")}`,
    WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(home, "deploy_info.json"),
    WALLET_CORE_OPS_AUDIT_FILE: join(home, "audit.jsonl"),
  };
  const child = spawn(command, ["serve"], { cwd: home, env: { PATH: searched, ...env }, stdio: "ignore" });
  const ended = once(child, "close");
  stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  await until(async () => (await fetch(`${url}/readyz`).catch(() => null))?.status === 200, 20_000);
}, 180_000);
afterAll(() => stop());

it("the package has only what runs, and no dependencies", () => {
  const packed = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Record<string, unknown>;
  expect(packed).toMatchObject({
    name: manifest.name,
    version: manifest.version,
    private: true,
    engines: { node: ">=24" },
  });
  expect([packed["bin"], packed["dependencies"], packed["devDependencies"]]).toEqual([
    { "wallet-core-ops": "dist/cli.cjs" },
    undefined,
    undefined,
  ]);
  const files = globSync("**", { cwd: installed, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
  expect(names.filter((name) => !name.startsWith("dist/")).toSorted()).toEqual([
    "LICENSE",
    "README.md",
    "package.json",
  ]);
  expect(names.filter((name) => name.startsWith("dist/") && !name.startsWith("dist/console/")).toSorted()).toEqual(
    [
      "cli.cjs",
      "client.d.ts",
      "client.js",
      "gateway.cjs",
      "gateway.cjs.LEGAL.txt",
      "gateway.code",
      "graphiql.cjs",
      "mcp.cjs",
      "mcp.cjs.LEGAL.txt",
      "pattern.cjs",
      "pattern.cjs.LEGAL.txt",
      "tracing.cjs",
    ].map((name) => `dist/${name}`),
  );
  expect(names.filter((name) => name.endsWith(".map") || name.endsWith(".ts")).toSorted()).toEqual([
    "dist/client.d.ts",
  ]);
});

it("packing leaves the clone's package.json as it was", () => {
  expect(readFileSync(join(folder, "clone/package.json"), "utf8")).toBe(readFileSync("package.json", "utf8"));
  expect(existsSync(join(folder, "clone/package.json.clone"))).toBe(false);
});

it("the command says its version, commit and build time", async () => {
  const { code, out, err } = await run(command, ["--version"]);
  expect([code, err]).toEqual([0, ""]);
  const commit = git(join(folder, "clone"), "rev-parse", "--short=12", "HEAD");
  expect(out.replace(/\d{8}T\d{6}Z/, "TIME")).toBe(`${manifest.version}+${commit}.TIME\n`);
  expect(await run("npm", ["exec", "--no", "--", "wallet-core-ops", "--version"])).toMatchObject({
    code: 0,
    out,
  });
});

it("commands that need a clone say so in a line", async () => {
  for (const name of ["schema", "openapi"]) {
    const err = `there is no folder schema here: ${name} is for a clone of this project\n`;
    expect(await run(command, [name])).toEqual({ code: 1, out: "", err });
  }
});

it("serve answers with data, and with the console's page", async () => {
  const page = await fetch(url, { headers: { accept: "text/html" } });
  expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
  const [, script = ""] = /src="([^"]+\.js)"/.exec(await page.text()) ?? [];
  expect((await fetch(new URL(script, url))).status).toBe(200);
  const answer = await fetch(`${url}/api/v1/admin/ops/deploy-info`, { headers: { authorization: `Bearer ${token}` } });
  expect(await answer.json()).toMatchObject({ current_tag: "v2" });
});

it("traces name the gateway's own errors", async () => {
  await using receiver = await startOtlpReceiver();
  const port = await freePort();
  const traced = { ...env, WALLET_CORE_OPS_PORT: String(port), OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  const child = spawn(command, ["serve"], { cwd: home, env: { PATH: searched, ...traced }, stdio: "ignore" });
  const ended = once(child, "close");
  const base = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${base}/readyz`).catch(() => null))?.status === 200, 20_000);
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${base}/api/v1/admin/ops/containers/nobody/logs?follow=true`, { headers });
  child.kill("SIGTERM");
  await ended;
  expect(answer.status).toBe(404);
  const span = receiver.spans.find(({ name }) => name === "subscription ContainerLogsFollow");
  expect([span?.status, span?.attributes["error.type"]]).toEqual([0, undefined]);
});

it("check and token work", async () => {
  const check = await run(command, ["check"], { ...env, WALLET_CORE_OPS_AUDIT_FILE: join(home, "other.jsonl") });
  expect(check.out).toMatch(/^ok +configuration\nok +tokens: .*\nok +docker:own: API .*\n/);
  expect(check.out).toMatch(/^skip +queues: not configured: /m);
  expect(check.code, check.out).toBe(0);
  const made = await run(command, ["token", "--subject", "ci", "--scopes", "ops:read", "--environments", "staging"]);
  expect([made.code, made.out + made.err]).toEqual([0, expect.stringMatching(/ops_[\w-]{20,}/)]);
});

it("an older Node is named in one line, before anything else", async () => {
  const pretend = join(folder, "pretend.cjs");
  writeFileSync(
    pretend,
    `Object.defineProperty(process, "version", { value: "v20.1.0" });
     Object.defineProperty(process, "versions", { value: { node: "20.1.0" } });`,
  );
  const old = await run(process.execPath, ["--require", pretend, join(installed, "dist/cli.cjs"), "--version"]);
  expect(old).toEqual({ code: 1, out: "", err: "wallet-core-ops needs Node 24 or newer; this is v20.1.0\n" });
});

it.skipIf(!oldNode)("an older Node of this machine is refused by the command", async () => {
  const { code, out, err } = await run(oldNode as string, [join(installed, "dist/cli.cjs"), "serve"], env);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toMatch(/^wallet-core-ops needs Node 24 or newer; this is v2[0-3]\.\d+\.\d+\n$/);
});

const nodes = [process.execPath, ...(oldNode ? [oldNode] : [])];

it.each(nodes)("the client asks the gateway from %s", async (node) => {
  const program = join(home, "ask.mjs");
  writeFileSync(
    program,
    `import { Containers, createClient, FollowContainers, OpsError, Viewer } from "${manifest.name}/client";
    const ops = createClient({ url: process.env.URL, token: process.env.TOKEN });
    const { server } = await ops.query(Viewer);
    const { engines } = await ops.query(Containers);
    let snapshot;
    for await (const { containers } of ops.subscribe(FollowContainers)) {
      snapshot = containers.snapshot;
      break;
    }
    const error = await createClient({ url: process.env.URL, token: "wrong" }).query(Viewer).catch((reason) => reason);
    const end = new AbortController();
    const waiting = ops.subscribe(FollowContainers, {}, { signal: end.signal });
    await waiting.next();
    setTimeout(() => end.abort(new Error("enough")), 10);
    const { message } = await waiting.next().catch((reason) => reason);
    console.log(JSON.stringify([server.version, engines[0].name, snapshot, error instanceof OpsError, error.code, message]));`,
  );
  const { code, out, err } = await run(node, [program], { URL: url, TOKEN: token });
  expect([code, err]).toEqual([0, ""]);
  expect(JSON.parse(out)).toEqual([
    (await run(command, ["--version"])).out.trim(),
    "own",
    true,
    true,
    "unauthorized",
    "enough",
  ]);
});

it("the client asks from a browser, on a page of the same origin", async () => {
  const script = `import { createClient } from "/client.js";
    const ops = createClient({ url: location.origin, token: "abc" });
    const answer = await ops.query("{ a }");
    const messages = await Array.fromAsync(ops.subscribe("subscription { b }"));
    const error = await createClient({ url: location.origin + "/old", token: "abc" }).query("{ a }").catch((reason) => reason);
    document.title = JSON.stringify([answer, messages, error.code]);`;
  await using server = await startAnswering((response, { path, body }) => {
    if (path === "/old/graphql") return response.writeHead(302, { location: "/" }).end();
    if (path === "/graphql" && !body.includes("subscription")) return sendJson(response, { data: { a: 1 } });
    const [type, text] = {
      "/graphql": ["text/event-stream", 'event: next\ndata: {"data":{"b":2}}\n\nevent: complete\ndata:\n\n'],
      "/client.js": ["text/javascript", readFileSync(join(installed, "dist/client.js"), "utf8")],
    }[path] ?? ["text/html", `<script type="module">${script}</script>`];
    return response.writeHead(200, { "content-type": type as string }).end(text);
  });
  await using browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
  const page = await browser.newPage();
  await page.goto(server.url);
  await expect.poll(() => page.title(), { timeout: 10_000 }).toBe('[{"a":1},[{"b":2}],"not_a_gateway"]');
});

it("the client's types compile in a strict project", async () => {
  const source = (
    mistake: string,
  ) => `import { Containers, createClient, type ContainersQuery, FollowLogs, OpsError, Queue, type TypedDocument } from "${manifest.name}/client";
const ops = createClient({ url: "https://ops.example.com", token: async () => "a" });
const own = "{ server { version } }" as TypedDocument<{ server: { version: string } }, Record<string, never>>;
export async function ask(): Promise<string[]> {
  const answer: ContainersQuery = await ops.query(Containers, { env: "STAGING" });
  const { data, errors } = await ops.queryPartial(Queue, { name: "mail" });
  const codes: string[] = errors.map((error: OpsError) => error.code);
  const depth: number | undefined = data.queue?.depth ?? undefined;
  for await (const { logs } of ops.subscribe(FollowLogs, { role: "web" }, { signal: AbortSignal.timeout(10) })) codes.push(...(logs?.lines ?? []).map(({ message }) => message));
  const { server } = await ops.query(own);
  ${mistake}
  return [...codes, String(depth), server.version, ...(answer.containers ?? []).map(({ name }) => name)];
}
`;
  const compile = async (lib: string[], mistake: string) => {
    const compilerOptions = {
      module: "nodenext",
      target: "es2024",
      lib,
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    };
    writeFileSync(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["ask.ts"] }));
    writeFileSync(join(home, "ask.ts"), source(mistake));
    const { code, out } = await run("tsc", ["-p", home]);
    return [code, out];
  };
  expect(await compile(["es2024", "dom"], "")).toEqual([0, ""]);
  expect(await compile(["es2024", "dom"], 'await ops.query(Containers, { env: "MOON" });')).toEqual([
    expect.any(Number),
    expect.stringContaining("MOON"),
  ]);
  expect(await compile(["es2024", "dom"], "await ops.query(Queue);")).toEqual([
    expect.any(Number),
    expect.stringContaining("Expected"),
  ]);
});
