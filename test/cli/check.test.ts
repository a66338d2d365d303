import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkCommand } from "../../src/cli/check.ts";
import { indexesCommand } from "../../src/cli/indexes.ts";
import { makeToken } from "../../src/cli/token.ts";
import { variables } from "../../src/config/variables.ts";
import { runCommand } from "../support/command.ts";
import { fullId, inspected, json, listed, startFakeEngine } from "../support/docker-fake.ts";

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "ops-check-"))));
afterAll(() => rmSync(folder, { recursive: true }));

/** Where nothing listens, and nothing is. */
const away = (more: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(
    Object.entries({
      TOKEN: "token-of-the-check-tests",
      DOCKER_HOSTS: "a=unix:///nowhere/a.sock,b=tcp://127.0.0.1:1",
      PROMETHEUS_URL: "http://127.0.0.1:1",
      DEPLOY_INFO_PATH: "/nowhere/deploy_info.json",
      AUDIT_FILE: join(folder, "audit.jsonl"),
      ...more,
    }).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value]),
  );

const asking = "asking each upstream, at most 10 s ...";
const tokens = "ok    tokens: WALLET_CORE_OPS_TOKEN has every right and never expires";
const queues =
  "skip  queues: not configured: for job tables set WALLET_CORE_OPS_DATABASE_URL to the URL of a role with SELECT on them, for brokers WALLET_CORE_OPS_RABBITMQ_URL or WALLET_CORE_OPS_REDIS_URL";
const audit =
  "skip  audit: not configured: nothing is restarted or changed, so nothing is recorded; WALLET_CORE_OPS_RESTART=on, WALLET_CORE_OPS_JOBS=on or WALLET_CORE_OPS_HEALTH_EXEC=on allows it";
const prometheus =
  "FAIL  prometheus: Prometheus is not reachable (ECONNREFUSED): start it, or set WALLET_CORE_OPS_PROMETHEUS_URL to its address as seen from here";
const deploy =
  "FAIL  deploy-info: deploy_info.json not found on host: install deploy/kamal/post-deploy, or set WALLET_CORE_OPS_DEPLOY_INFO_PATH";
const engines = [
  "FAIL  docker:a: Docker engine a: its socket does not exist: is Docker running, and is its socket mounted at this path? (WALLET_CORE_OPS_DOCKER_HOSTS)",
  "FAIL  docker:b: Docker engine b: nothing listens there: is Docker running? A socket that was mounted before Docker made a new one is dead: restart the gateway (WALLET_CORE_OPS_DOCKER_HOSTS)",
];

it("each upstream that is down has a line with the remedy", async () => {
  expect(await runCommand(checkCommand, [], { env: away() })).toEqual({
    code: 1,
    out: ["ok    configuration", tokens, ...engines, queues, prometheus, deploy, audit],
    err: [asking],
  });
});

it.each(["RESTART", "HEALTH_EXEC"])("the audit record is checked with %s", async (name) => {
  const { code, out } = await runCommand(checkCommand, [], { env: away({ [name]: "on" }) });
  expect([code, out.slice(0, -1)]).toEqual([
    1,
    ["ok    configuration", tokens, ...engines, queues, prometheus, deploy],
  ]);
  expect(out.at(-1)).toMatch(/^ok {4}audit: /);
});

it("upstreams that answer are listed with those that do not, tokens first", async () => {
  await using engine = await startFakeEngine();
  const id = fullId("a");
  engine.on("/version", json({ Version: "29.0.0", ApiVersion: "1.52", MinAPIVersion: "1.44", Os: "linux" }));
  engine.on("/containers/json", json([listed(id, "wallet-core-web-1")]));
  engine.on(`${id}/json`, json(inspected(id, "wallet-core-web-1")));
  const { address } = engine.options;
  const day = 86_400_000;
  const make = (kid: string, days: number) => {
    const expiresAt = new Date(Date.now() + days * day + 60_000);
    return makeToken({ kid, subject: "ci", scopes: ["ops:read"], environments: ["staging"], expiresAt }).entry;
  };
  const [soon, late] = [make("soon", 13), make("late", 20)];
  const env = away({
    DOCKER_HOSTS: `fake=unix://${address.kind === "unix" ? address.socketPath : ""}`,
    TOKENS_FILE: "/tokens.json",
    QUEUES_FILE: "/queues.json",
  });
  const files: Readonly<Record<string, string>> = {
    "/tokens.json": JSON.stringify([late, soon]),
    "/queues.json": '{"sources":[{"kind":"rabbitmq","name":"mq"}]}',
  };
  const { code, out } = await runCommand(checkCommand, [], { env, readFile: (path) => files[path] ?? "" });
  expect(code).toBe(1);
  expect(out.slice(0, 5)).toEqual([
    "ok    configuration",
    tokens,
    "ok    tokens: 2 of 2 tokens valid in /tokens.json",
    `warn  token ci (soon): issued ${soon.not_before}, expires ${soon.expires_at} (in 13 d): make its holder a new one with \`wallet-core-ops token\``,
    `ok    token ci (late): issued ${late.not_before}, expires ${late.expires_at} (in 20 d)`,
  ]);
  expect(out[5]).toMatch(/^ok {4}docker:fake: API 1\.\d+; 1 of 1 container belongs to wallet-core \(1 core\); 1 of /);
  expect(out.filter((line) => line.startsWith("FAIL"))).toEqual([
    "FAIL  queues:mq: WALLET_CORE_OPS_RABBITMQ_URL is not set",
    prometheus,
    deploy,
  ]);
});

it("parts that a user does not have are no failure", async () => {
  await using engine = await startFakeEngine();
  engine.on("/version", json({ Version: "29.0.0", ApiVersion: "1.52", MinAPIVersion: "1.44", Os: "linux" }));
  engine.on("/containers/json", json([]));
  const { address } = engine.options;
  const DOCKER_HOSTS = `fake=unix://${address.kind === "unix" ? address.socketPath : ""}`;
  const env = { ...away({ DOCKER_HOSTS }), WALLET_CORE_OPS_PROMETHEUS_URL: "", WALLET_CORE_OPS_DEPLOY_INFO_PATH: "" };
  const { code, out } = await runCommand(checkCommand, [], { env });
  expect(code).toBe(0);
  expect(out.filter((line) => !line.startsWith("ok"))).toEqual([
    queues,
    "skip  prometheus: not configured, http://prometheus:9090 does not resolve here: set WALLET_CORE_OPS_PROMETHEUS_URL to a Prometheus that scrapes node-exporters",
    "skip  deploy-info: not configured, ./deploy_info.json does not exist: install deploy/kamal/post-deploy, or set WALLET_CORE_OPS_DEPLOY_INFO_PATH",
    audit,
  ]);
});

it("a log history is asked where there is one", async () => {
  const { out } = await runCommand(checkCommand, [], { env: away({ LOG_HISTORY_URL: "http://127.0.0.1:1" }) });
  const history =
    "FAIL  log-history: The log history is not reachable (ECONNREFUSED): start VictoriaLogs, or set WALLET_CORE_OPS_LOG_HISTORY_URL to its address as seen from here";
  expect(out).toEqual(["ok    configuration", tokens, ...engines, queues, prometheus, history, deploy, audit]);
});

it("every variable stands in the usage in full", async () => {
  const { code, out } = await runCommand(checkCommand, ["--help"], { env: {} });
  expect(code).toBe(0);
  for (const name of Object.keys(variables))
    expect(out.join("\n")).toMatch(new RegExp(`^    WALLET_CORE_OPS_${name}( \\(or ..._FILE, a path\\))?$`, "m"));
});

it("configuration mistakes have a line each; nothing is asked", async () => {
  const env = away({ PORT: "x", QUEUES_FILE: "/q.json" });
  const issue = "WALLET_CORE_OPS_PORT must be a port, 0 to 65535";
  expect(await runCommand(checkCommand, [], { env })).toEqual({
    code: 78,
    out: [`FAIL  configuration: ${issue}`],
    err: [],
  });
  expect(await runCommand(indexesCommand, [], { env })).toEqual({
    code: 78,
    out: [],
    err: [`FAIL  configuration: ${issue}`],
  });
  const files = away({ QUEUES_FILE: "/q.json" });
  const { code, out } = await runCommand(checkCommand, [], { env: files, readFile: () => "[]" });
  expect(code).toBe(78);
  expect(out[0]).toMatch(/^FAIL {2}configuration: WALLET_CORE_OPS_QUEUES_FILE: \/q\.json: /);
});

it("a check without a database advises on no indexes", async () => {
  expect(await runCommand(indexesCommand, [], { env: away() })).toEqual({
    code: 1,
    out: [],
    err: ["FAIL  queues: WALLET_CORE_OPS_DATABASE_URL is not set"],
  });
});
