import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { freePort } from "../../script/services/process.ts";
import { makeToken } from "../../src/cli/token.ts";
import { toBound } from "../support/bound.ts";
import { runCli as run, startCli as start, startInTerminal } from "../support/cli-process.ts";
import { createStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

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

/** Not one that has ended and that nobody has asked for its exit code. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

describe("cli.ts serve", () => {
  it("serves, logs a JSON line for each request, and drains at SIGTERM", async () => {
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

  it("refuses a bad configuration with 78 and a line for each mistake", async () => {
    const none = await run(["serve"]);
    expect(none).toMatchObject({ code: 78, text: expect.stringMatching(/^no token is configured.*\n$/) });
    const tokensFile = join(folder, "tokens.json");
    writeFileSync(tokensFile, '[{"kid":"abcd"}]');
    const tokens = await run(["serve"], { WALLET_CORE_OPS_TOKENS_FILE: tokensFile });
    expect(tokens).toMatchObject({ code: 78, text: expect.stringContaining("WALLET_CORE_OPS_TOKENS_FILE") });
    const proxies = await run(["serve"], {
      ...stage.env,
      WALLET_CORE_OPS_TRUSTED_PROXIES: "10.0.0.0/8,proxy.internal",
    });
    expect(proxies).toMatchObject({
      code: 78,
      text: 'WALLET_CORE_OPS_TRUSTED_PROXIES: "proxy.internal" is not an IP address or a block such as 10.0.0.0/8\n',
    });
    const queuesFile = join(folder, "bad-queues.json");
    writeFileSync(queuesFile, '{"sources":[{"name":"a","kind":"table","waiting":[]},{"name":"b","kind":"sidekiq"}]}');
    const queues = await run(["serve"], { ...stage.env, WALLET_CORE_OPS_QUEUES_FILE: queuesFile });
    expect(queues.code).toBe(78);
    expect(queues.text).toContain("sources[0].table");
    expect(queues.text).toContain("sources[1].kind");
    expect(queues.text).not.toMatch(/ at |stage-token/);
  });

  it("drains at SIGHUP too, however often it comes", async () => {
    const port = String(await freePort());
    const { child, out, ended } = start(["serve"], { ...stage.env, WALLET_CORE_OPS_PORT: port });
    await until(async () => out().includes('"listening"'));
    const headers = { authorization: `Bearer ${stage.env.WALLET_CORE_OPS_TOKEN}` };
    const base = `http://127.0.0.1:${port}`;
    const inFlight = fetch(`${base}/api/v1/admin/ops/containers?include_stats=true`, { headers });
    await fetch(`${base}/api/v1/admin/ops/deploy-info`, { headers });
    child.kill("SIGHUP");
    await until(async () => out().includes('"draining"'));
    child.kill("SIGHUP");
    expect((await inFlight).status).toBe(200);
    expect(await ended).toBe(0);
    expect(out()).toContain('"stopped"');
  });

  it("drains and ends when its terminal is closed", async () => {
    const port = String(await freePort());
    const { child, out, ended } = startInTerminal(["serve"], { ...stage.env, WALLET_CORE_OPS_PORT: port });
    await until(async () => out().includes('"listening"'));
    const pid = Number.parseInt(out(), 10);
    const headers = { authorization: `Bearer ${stage.env.WALLET_CORE_OPS_TOKEN}` };
    const base = `http://127.0.0.1:${port}`;
    const inFlight = fetch(`${base}/api/v1/admin/ops/containers?include_stats=true`, { headers });
    await fetch(`${base}/api/v1/admin/ops/deploy-info`, { headers });
    child.kill("SIGKILL");
    await ended;
    expect((await inFlight).status).toBe(200);
    await expect.poll(() => isRunning(pid), { timeout: toBound(5000) }).toBe(false);
  });

  it("reports that its address is in use", async () => {
    const { port } = new URL(inject("prometheusUrl"));
    const { code, text } = await run(["serve"], { ...stage.env, WALLET_CORE_OPS_PORT: port });
    expect({ code, text }).toMatchObject({
      code: 1,
      text: expect.stringContaining(`address already in use 127.0.0.1:${port}`),
    });
  });

  it("says in one line that its host has no address", async () => {
    const { code, text } = await run(["serve"], { ...stage.env, WALLET_CORE_OPS_HOST: "999.1.1.1" });
    expect({ code, text }).toMatchObject({
      code: 1,
      text: expect.stringMatching(/^cannot start: getaddrinfo \w+ 999\.1\.1\.1\n$/),
    });
  });

  it("logs warnings of Node as JSON, so stderr stays empty", async () => {
    const warn = "process.on('SIGUSR2',()=>process.emitWarning('odd',{code:'ODD1'}))";
    const env = { ...stage.env, WALLET_CORE_OPS_PORT: "0", NODE_OPTIONS: `--import=data:text/javascript,${warn}` };
    const { child, out, err, ended } = start(["serve"], env);
    await until(() => out().includes('"listening"'));
    child.kill("SIGUSR2");
    await until(() => out().includes('"warning of Node.js"') || err() !== "");
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    const lines = out().split("\n");
    const line = JSON.parse(lines.find((text) => text.includes("warning of Node.js")) ?? "null") as unknown;
    expect([line, err()]).toMatchObject([{ level: "warn", warning: "Warning", code: "ODD1", detail: "odd" }, ""]);
  });

  it("logs once at start that nothing can be recorded, if it matters", async () => {
    const { child, out, ended } = start(["serve"], {
      ...stage.env,
      WALLET_CORE_OPS_PORT: "0",
      WALLET_CORE_OPS_RESTART: "on",
      WALLET_CORE_OPS_JOBS: "on",
      WALLET_CORE_OPS_CONTROL_DATABASE_URL: stage.env.WALLET_CORE_OPS_DATABASE_URL,
      WALLET_CORE_OPS_AUDIT_FILE: join(folder, "none", "audit.jsonl"),
    });
    await until(async () => out().includes('"listening"'));
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(out().match(/The audit record cannot be written/g)).toHaveLength(1);
  });
});

describe("cli.ts check", () => {
  it("reports each healthy upstream in one line", async () => {
    const { code, text } = await run(["check"], stage.env);
    const lines = text.trim().split("\n");
    expect(
      lines.filter((line) => line.startsWith("ok")).map((line) => line.split(/[ :]+/).slice(1, 3).join(" ")),
    ).toEqual([
      "configuration",
      expect.stringMatching(/^tokens/),
      "docker local",
      "queues runner",
      "queues payouts",
      "queues pos_settlement",
      expect.stringMatching(/^prometheus/),
      expect.stringMatching(/^deploy-info/),
      expect.stringMatching(/^audit/),
    ]);
    // The test's role is a superuser: it is told to use a smaller one.
    expect(lines.some((line) => line.startsWith("warn  queues:runner"))).toBe(true);
    expect(code, text).toBe(0);
  });

  it("names what fails, why and what to do, and exits with 1", async () => {
    const { code, text } = await run(["check"], {
      ...stage.env,
      WALLET_CORE_OPS_DOCKER_HOSTS: "gone=unix:///run/no-such.sock",
      WALLET_CORE_OPS_DATABASE_URL: "postgres://nobody:canary@127.0.0.1:1/none",
      WALLET_CORE_OPS_PROMETHEUS_URL: "http://127.0.0.1:1",
      WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "none", "deploy_info.json"),
    });
    expect(code).toBe(1);
    for (const part of ["docker:gone", "queues", "prometheus", "deploy-info"])
      expect(text).toMatch(new RegExp(`^FAIL  ${part}.*: .{20,}`, "m"));
    expect(text).not.toContain("canary");
  });

  it("exits with 78, as serve does, if the configuration is wrong", async () => {
    expect(await run(["check"])).toMatchObject({
      code: 78,
      text: expect.stringContaining("FAIL  configuration: no token"),
    });
    const queuesFile = join(folder, "unknown-kind.json");
    writeFileSync(queuesFile, '{"sources":[{"name":"b","kind":"sidekiq"}]}');
    for (const command of ["serve", "check", "indexes"]) {
      const { code, text } = await run([command], { ...stage.env, WALLET_CORE_OPS_QUEUES_FILE: queuesFile });
      expect({ code, text }, command).toMatchObject({ code: 78, text: expect.stringContaining("sources[0].kind") });
    }
  });

  it.each([
    ["none.json", "ENOENT"],
    [".", "EISDIR"],
  ])("and serve name an unreadable tokens file and the code: %s", async (name, reason) => {
    const path = join(folder, name);
    for (const command of ["serve", "check"]) {
      const { code, text } = await run([command], { WALLET_CORE_OPS_TOKENS_FILE: path });
      const line = `WALLET_CORE_OPS_TOKENS_FILE: ${path}: cannot be read (${reason})\n`;
      expect({ code, text }).toEqual({ code: 78, text: command === "check" ? `FAIL  configuration: ${line}` : line });
    }
  });

  it("lists the dates of tokens, and warns 14 days before and after", async () => {
    const tokensFile = join(folder, "ending-tokens.json");
    const at = (days: number) => new Date(Math.floor(Date.now() / 1000 + days * 86_400) * 1000);
    const make = (subject: string, kid: string, days: number) =>
      makeToken({ subject, kid, scopes: ["ops:read"], environments: ["staging"], expiresAt: at(days) }).entry;
    const [long, soon] = [make("ci", "long", 30), make("grafana", "soon", 13)];
    const ended = { ...make("old", "gone", 1), not_before: at(-2).toISOString(), expires_at: at(-1).toISOString() };
    writeFileSync(tokensFile, JSON.stringify([long, ended, soon]));
    const { code, out } = await run(["check"], { ...stage.env, WALLET_CORE_OPS_TOKENS_FILE: tokensFile });
    expect(code, out).toBe(0);
    expect(out).toContain(`ok    tokens: 2 of 3 tokens valid in ${tokensFile}\n`);
    expect(out).toContain(`ok    token ci (long): issued ${long.not_before}, expires ${long.expires_at} (in 29 d)\n`);
    expect(out).toContain(
      `warn  token grafana (soon): issued ${soon.not_before}, expires ${soon.expires_at} (in 12 d): make its`,
    );
    expect(out).toMatch(/^warn {2}token old \(gone\): issued .*, expired .*: remove its entry$/m);
    expect(out.match(/^warn {2}token /gm)).toHaveLength(2);
  });

  it("reports that nobody can log in", async () => {
    const tokensFile = join(folder, "no-tokens.json");
    writeFileSync(tokensFile, "[]");
    const { WALLET_CORE_OPS_TOKEN: token, ...env } = stage.env;
    const none = await run(["check"], { ...env, WALLET_CORE_OPS_TOKENS_FILE: tokensFile });
    expect(none).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^FAIL {2}tokens: 0 of 0 tokens valid in .*nobody can log in/m),
    });
    const other = await run(["check"], {
      ...env,
      WALLET_CORE_OPS_TOKEN: token,
      WALLET_CORE_OPS_TOKENS_FILE: tokensFile,
    });
    expect(other, other.out).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^warn {2}tokens: only WALLET_CORE_OPS_TOKEN/m),
    });
  });

  it("reads the audit record where it is needed, and writes nothing", async () => {
    const auditFile = join(folder, "checked.jsonl");
    const env = { ...stage.env, WALLET_CORE_OPS_RESTART: "on" };
    const good = await run(["check"], { ...env, WALLET_CORE_OPS_AUDIT_FILE: auditFile });
    expect(good, good.out).toMatchObject({
      code: 0,
      out: expect.stringContaining(`ok    audit: ${auditFile}, no entry yet\n`),
    });
    expect(existsSync(auditFile)).toBe(false);
    const bad = await run(["check"], { ...env, WALLET_CORE_OPS_AUDIT_FILE: join(folder, "none", "audit.jsonl") });
    expect(bad).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^FAIL {2}audit: .*ENOENT.*: let the gateway's user/m),
    });
  });
});

describe("cli.ts token", () => {
  it("makes a valid token and an entry without the secret", async () => {
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

  it("prints its usage", async () => {
    for (const args of [
      [],
      ["--subject", "x"],
      ["--subject", "x", "--scopes", "ops:all", "--environments", "staging"],
      ["--nope"],
    ]) {
      expect(await run(["token", ...args])).toMatchObject({ code: 2, text: expect.stringContaining("usage: token") });
    }
  });
});
