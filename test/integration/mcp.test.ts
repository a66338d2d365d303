import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as Database } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { buildBundle } from "../../script/build.ts";
import { freePort } from "../../script/services/process.ts";
import { tools } from "../../src/mcp/tools.ts";
import { assertNoCrash } from "../support/crash.ts";
import { agent, connectMcp, generations, type McpClient, toClient } from "../support/mcp.ts";
import { runnerMapping, toQueueMapping } from "../support/queue-mappings.ts";
import { createStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

// The bundle as it is shipped, over a real engine and a real database.
const slow = 300_000;
let stage: Awaited<ReturnType<typeof createStage>>;
let gateway: { readonly url: string; readonly token: string; stop(): Promise<void> };
let program: string;

beforeAll(async () => {
  stage = await createStage({
    dockerSocket: inject("dockerSocket"),
    postgresUrl: inject("postgresUrl"),
    prometheusUrl: "http://127.0.0.1:1",
    runFolder: inject("runFolder"),
  });
  const dist = join(stage.folder, "dist");
  await buildBundle(dist);
  program = join(dist, "cli.cjs");
  const port = await freePort();
  const more = {
    WALLET_CORE_OPS_PORT: String(port),
    WALLET_CORE_OPS_MCP: "on",
    WALLET_CORE_OPS_MCP_ACTIONS: "on",
    WALLET_CORE_OPS_JOBS: "on",
    WALLET_CORE_OPS_CONTROL_DATABASE_URL: stage.env.WALLET_CORE_OPS_DATABASE_URL,
    WALLET_CORE_OPS_QUEUES_FILE: await nameWorkers(),
  };
  const child = spawn(process.execPath, [program, "serve"], { env: { ...stage.env, ...more } });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const ended = once(child, "exit");
  await until(async () => text.includes('"listening"') || child.exitCode !== null);
  gateway = {
    url: `http://127.0.0.1:${port}`,
    token: stage.env.WALLET_CORE_OPS_TOKEN,
    stop: async () => {
      child.kill();
      await ended;
      assertNoCrash(text);
    },
  };
}, slow);
afterAll(async () => {
  await gateway.stop();
  await stage[Symbol.asyncDispose]();
}, slow);

/** Runs SQL in the database of the stage. */
async function query(sql: string): Promise<readonly Record<string, unknown>[]> {
  const database = new Database(stage.env.WALLET_CORE_OPS_DATABASE_URL);
  await database.connect();
  try {
    return (await database.query(sql)).rows;
  } finally {
    await database.end();
  }
}

/**
 * Payouts name the container that ran them, and may be retried. Returns the path of the file of
 * queues.
 */
async function nameWorkers(): Promise<string> {
  await query(`alter table payouts add worker text;
               update payouts set settled_at = now(), worker = '${stage.host}:1' where id = 'job_456'`);
  const payouts = {
    ...toQueueMapping("payouts"),
    active: ["running"],
    worker: { column: "worker", form: "{host}:{n}" },
    control: { retry: { status: "queued", reset: ["settled_at", "failure"] } },
  };
  const path = join(stage.folder, "agents-queues.json");
  writeFileSync(path, JSON.stringify({ sources: [runnerMapping, payouts, toQueueMapping("pos_settlement")] }));
  return path;
}

/**
 * The command of the page, with the bundle in place of an installed program, and the gateway by its
 * address in place of a context.
 */
async function connectOverStdio(): Promise<McpClient> {
  const [, block = ""] = /```json\n(.*?)\n```/s.exec(readFileSync("docs/mcp.md", "utf8")) ?? [];
  const { command, args } = JSON.parse(block).mcpServers.ops as { command: string; args: readonly string[] };
  expect([command, args]).toEqual(["wallet-core-ops", ["mcp", "--context", "production"]]);
  const client = new Client(agent, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  const env = { PATH: process.env["PATH"] ?? "", OPS_URL: gateway.url, OPS_TOKEN: gateway.token };
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [program, "mcp", "--actions"], env }),
  );
  return toClient(client, "stdio");
}

describe.each([...generations, "stdio"] as const)("the shipped program, by %s", (way) => {
  const connect = () => (way === "stdio" ? connectOverStdio() : connectMcp(gateway.url, way, gateway.token));

  it("leads from a problem to a job's error and a container's lines", { timeout: slow }, async () => {
    await using client = await connect();
    expect((await client.list()).map(({ name }) => name)).toEqual(tools.map(({ name }) => name));
    const read = async (name: string, args = {}) => (await client.call(name, args)).structuredContent ?? {};

    expect((await read("problems"))["problems"].length).toBeGreaterThan(0);
    const { errors: groups } = await read("errors", { queue: "pos_settlement" });
    expect(groups[0]).toMatchObject({ count: 2, error: expect.stringContaining("pq: serialization failure") });
    const failure = await read("explain_failure", { fingerprint: groups[0].fingerprint });
    expect(failure).toMatchObject({
      job: { job_id: "job_123", queue: "pos_settlement" },
      attempt: { error: expect.stringContaining("pq:") },
    });

    const { containers } = await read("list_containers", { role: "web" });
    expect(containers).toEqual([
      expect.objectContaining({ name: `${stage.service}-web-latest`, status: "running", env: "staging" }),
    ]);
    expect((await read("read_logs", { role: "web" }))["log"]).toMatch(/ stderr c1\| err-1\n/);
    expect((await read("search_logs", { text: "OUT-2" }))["log"]).toMatch(/\| out-2\n/);
    const { deploys } = await read("deploys");
    expect(deploys).toContainEqual(expect.objectContaining({ tag: "deploy-20260110-130322-prod", by: "ops-user" }));
    expect(await read("preview_restart", { name: `${stage.service}-web-latest` })).toMatchObject({
      allowed: true,
      last_healthy: true,
    });
    const { isError, content } = await client.call("hosts");
    expect([isError, JSON.parse(content[0]?.text ?? "").error.code]).toEqual([true, "prometheus_unavailable"]);
  });

  it("restarts a container once, and the record names the agent", { timeout: slow }, async () => {
    await using client = await connect();
    const args = { name: `${stage.service}-web-latest`, reason: `stuck ${way}`, idempotency_key: `key-of-${way}` };
    const both = [await client.call("restart", args), await client.call("restart", args)];
    for (const { structuredContent } of both)
      expect(structuredContent).toMatchObject({ restarted: true, status: "running" });
    const lines = readFileSync(stage.env.WALLET_CORE_OPS_AUDIT_FILE, "utf8").trim().split("\n");
    const own = lines.map((line) => JSON.parse(line)).filter(({ reason }) => reason === args.reason);
    const name = way === "2025-11-25" ? "earlier/1.0" : "night-shift 3.1";
    expect(own.map(({ outcome, agent: by }) => [outcome, by])).toEqual([
      ["intent", name],
      ["ok", name],
    ]);
  });
});

describe("a failed job of a worker", () => {
  it("leads to the container that ran it, and its log at that second", { timeout: slow }, async () => {
    await using client = await connectMcp(gateway.url, "2026-07-28", gateway.token);
    const { structuredContent = {} } = await client.call("explain_failure", { queue: "payouts" });
    expect(structuredContent["unknown"]).toBeUndefined();
    expect(structuredContent).toMatchObject({
      job: { job_id: "job_456", source: "payouts", state: "failed" },
      attempt: {
        error: expect.stringContaining("timeout contacting provider"),
        version: "deploy-20260110-130322-prod",
      },
      container: { name: `${stage.service}-web-latest`, status: "running" },
      log: expect.stringContaining("| out-2\n"),
    });
  });

  it("is retried once, and the record names the agent", { timeout: slow }, async () => {
    await using client = await connectMcp(gateway.url, "2026-07-28", gateway.token);
    const { structuredContent = {} } = await client.call("errors", { queue: "payouts" });
    const [{ fingerprint }] = structuredContent["errors"];
    const args = {
      source: "payouts",
      queue: "payouts",
      fingerprint,
      reason: "bank is back",
      idempotency_key: "key-of-payouts",
    };
    const row = () => query("select state, settled_at, failure from payouts where id = 'job_456'");
    const done = { retried: 1, jobs: ["job_456"] };
    expect((await client.call("retry_group", args)).structuredContent).toMatchObject({ ...done, left: 0 });
    expect(await row()).toEqual([{ state: "queued", settled_at: null, failure: null }]);

    await query(
      "update payouts set state = 'rejected', settled_at = now(), failure = 'timeout contacting provider' where id = 'job_456'",
    );
    expect((await client.call("retry_group", args)).structuredContent).toMatchObject({ ...done, left: 1 });
    expect(await row()).toMatchObject([{ state: "rejected" }]);
    const lines = readFileSync(stage.env.WALLET_CORE_OPS_AUDIT_FILE, "utf8").trim().split("\n");
    const own = lines.map((line) => JSON.parse(line)).filter(({ action }) => action === "job.retry_group");
    expect(own.map(({ outcome, agent: by, reason, job }) => [outcome, by, reason, job.ids])).toEqual([
      ["intent", "night-shift 3.1", "bank is back", ["job_456"]],
      ["ok", "night-shift 3.1", "bank is back", ["job_456"]],
    ]);
  });
});
