import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { freePort } from "../../script/services/process.ts";
import { until } from "../support/docker-containers.ts";
import { createStage } from "../support/stage.ts";

const folder = mkdtempSync(join(inject("runFolder"), "serve-"));
let stage: Awaited<ReturnType<typeof createStage>>;
beforeAll(async () => {
  stage = await createStage({
    dockerSocket: inject("dockerSocket"),
    postgresUrl: inject("postgresUrl"),
    prometheusUrl: inject("prometheusUrl"),
    runFolder: folder,
  });
});
afterAll(() => stage[Symbol.asyncDispose]());

function start(
  args: string[],
  env: Record<string, string>,
): { child: ChildProcess; out: () => string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, ["src/cli.ts", ...args], { env: { PATH: process.env["PATH"] ?? "", ...env } });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  child.stderr.on("data", (chunk) => (text += chunk));
  return { child, out: () => text, ended: once(child, "close").then(([code]) => code as number | null) };
}

async function run(args: string[], env: Record<string, string> = {}) {
  const { out, ended } = start(args, env);
  return { code: await ended, text: out() };
}

describe("cli.ts serve", () => {
  it("serves, logs one JSON line for each request, and finishes what is in flight at SIGTERM", async () => {
    const port = String(await freePort());
    const { child, out, ended } = start(["serve"], { ...stage.env, WALLET_CORE_OPS_PORT: port });
    await until(async () => out().includes('"listening"'));
    const base = `http://127.0.0.1:${port}`;
    const headers = { authorization: `Bearer ${stage.env.WALLET_CORE_OPS_TOKEN}` };
    // Stats need about a second: the signal comes in between.
    const inFlight = fetch(`${base}/api/v1/admin/ops/containers?include_stats=true&x=\n{"level":1}`, { headers });
    await fetch(`${base}/api/v1/admin/ops/deploy-info`, { headers });
    child.kill("SIGTERM");
    const response = await inFlight;
    expect(response.status).toBe(200);
    expect((await response.json())[0]).toMatchObject({ cpu_pct: expect.any(Number), mem_pct: expect.any(Number) });
    expect(await ended).toBe(0);
    await expect(fetch(`${base}/healthz`)).rejects.toThrow("fetch failed");
    const lines = out()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ msg }) => msg)).toEqual(["listening", "request", "draining", "request", "stopped"]);
    expect(lines[3]).toMatchObject({ method: "GET", route: "/containers", status: 200, subject: "default" });
    expect(out()).not.toContain(stage.env.WALLET_CORE_OPS_TOKEN);
  });

  it("refuses a bad configuration with 78, one clear line for each mistake and no secret", async () => {
    const none = await run(["serve"]);
    expect(none).toMatchObject({ code: 78, text: expect.stringMatching(/^no token is configured.*\n$/) });
    const tokensFile = join(folder, "tokens.json");
    writeFileSync(tokensFile, '[{"kid":"abcd"}]');
    const tokens = await run(["serve"], { WALLET_CORE_OPS_TOKENS_FILE: tokensFile });
    expect(tokens).toMatchObject({ code: 78, text: expect.stringContaining("WALLET_CORE_OPS_TOKENS_FILE") });
    const queuesFile = join(folder, "bad-queues.json");
    writeFileSync(queuesFile, '{"sources":[{"name":"a","kind":"table","waiting":[]},{"name":"b","kind":"sidekiq"}]}');
    const queues = await run(["serve"], { ...stage.env, WALLET_CORE_OPS_QUEUES_FILE: queuesFile });
    expect(queues.code).toBe(78);
    expect(queues.text).toContain("sources[0].table");
    expect(queues.text).toContain("sources[1].kind");
    expect(queues.text).not.toMatch(/ at |stage-token/);
  });

  it("says that its address is taken", async () => {
    const { port } = new URL(inject("prometheusUrl"));
    const { code, text } = await run(["serve"], { ...stage.env, WALLET_CORE_OPS_PORT: port });
    expect({ code, text }).toMatchObject({ code: 1, text: expect.stringContaining(`address already in use 127.0.0.1:${port}`) });
  });
});

describe("cli.ts check", () => {
  it("says in one line each that all is well", async () => {
    const { code, text } = await run(["check"], stage.env);
    const lines = text.trim().split("\n");
    expect(lines.filter((line) => line.startsWith("ok")).map((line) => line.split(/[ :]+/).slice(1, 3).join(" "))).toEqual([
      "configuration",
      "docker local",
      "queues runner",
      "queues payouts",
      "queues pos_settlement",
      expect.stringMatching(/^prometheus/),
      expect.stringMatching(/^deploy-info/),
    ]);
    // The test's role is a superuser: it is told to use a smaller one.
    expect(lines.some((line) => line.startsWith("warn  queues:runner"))).toBe(true);
    expect(code, text).toBe(0);
  });

  it("names what fails, why, and what to do, and ends with 1", async () => {
    const { code, text } = await run(["check"], {
      ...stage.env,
      WALLET_CORE_OPS_DOCKER_HOSTS: "gone=unix:///run/no-such.sock",
      WALLET_CORE_OPS_DATABASE_URL: "postgres://nobody:canary@127.0.0.1:1/none",
      WALLET_CORE_OPS_PROMETHEUS_URL: "http://127.0.0.1:1",
      WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "no-deploy.json"),
    });
    expect(code).toBe(1);
    for (const part of ["docker:gone", "queues", "prometheus", "deploy-info"])
      expect(text).toMatch(new RegExp(`^FAIL  ${part}.*: .{20,}`, "m"));
    expect(text).not.toContain("canary");
    expect((await run(["check"])).text).toContain("FAIL  configuration: no token");
  });
});

describe("cli.ts token", () => {
  it("makes a token that the gateway takes, and an entry without the secret", async () => {
    const { code, text } = await run([
      "token",
      "--subject",
      "grafana",
      "--scopes",
      "ops:read",
      "--environments",
      "staging",
      "--days",
      "7",
    ]);
    expect(code).toBe(0);
    const secret = /^ops_\S+$/m.exec(text)?.[0] ?? "";
    const entry = text.slice(text.indexOf("{"));
    expect(entry).not.toContain(secret);
    const tokensFile = join(folder, "made.json");
    writeFileSync(tokensFile, `[${entry}]`);
    chmodSync(tokensFile, 0o600);
    const port = String(await freePort());
    const { WALLET_CORE_OPS_TOKEN: _, ...env } = stage.env;
    const { child, out, ended } = start(["serve"], {
      ...env,
      WALLET_CORE_OPS_TOKENS_FILE: tokensFile,
      WALLET_CORE_OPS_PORT: port,
    });
    await until(async () => out().includes('"listening"'));
    const ask = (path: string) =>
      fetch(`http://127.0.0.1:${port}/api/v1/admin/ops${path}`, { headers: { authorization: `Bearer ${secret}` } });
    expect((await ask("/containers")).status).toBe(200);
    expect((await ask("/hosts")).status).toBe(403);
    expect((await ask(`/containers/${stage.service}-web-latest/logs`)).status).toBe(403);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(readFileSync(tokensFile, "utf8") + out()).not.toContain(secret);
  });

  it("says how it is used", async () => {
    for (const args of [
      [],
      ["--subject", "x"],
      ["--subject", "x", "--scopes", "ops:all", "--environments", "staging"],
      ["--nope"],
    ]) {
      expect(await run(["token", ...args])).toMatchObject({ code: 2, text: expect.stringContaining("usage: token") });
    }
    expect(await run(["nothing"])).toMatchObject({ code: 2, text: expect.stringContaining("serve") });
    expect(await run(["--help"])).toMatchObject({ code: 0 });
  });
});
