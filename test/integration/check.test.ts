import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import { startPostgres } from "../../script/services/postgres.ts";
import { variables } from "../../src/config/variables.ts";
import { runCli } from "../support/cli-process.ts";
import { createContainer, startContainer } from "../support/docker-containers.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";

let dockerd: Dockerd;
let database: TestDatabase;

/**
 * An engine of another product: three roles, two accessories, one container that somebody started,
 * an old release.
 */
beforeAll(async () => {
  dockerd = await startDockerd(join(inject("runFolder"), "check"), { bridge: false });
  const start = (name: string, labels: Record<string, string>) => startContainer(dockerd.socketPath, { name, labels });
  for (const role of ["web", "worker"])
    await start(`store-${role}-prod-v2`, { service: "store", role, destination: "prod" });
  for (const role of ["web", "worker"]) await start(`store-${role}-v2`, { service: "store", role });
  for (const name of ["store-redis", "store-db"]) await start(name, { service: name });
  await start("by-hand", {});
  const labels = { service: "store", role: "web" };
  await createContainer(dockerd.socketPath, { name: "store-web-v1", labels });
  database = await createTestDatabase(inject("postgresUrl"), "check");
});

afterAll(async () => {
  await dockerd?.stop();
  await database?.drop();
});

/** Runs `check` as a user does. */
async function check(more: Record<string, string> = {}, query = "") {
  const settings = {
    TOKEN: "check-token-0123456789",
    DOCKER_HOSTS: `own=unix://${dockerd.socketPath}${query}`,
    ...more,
  };
  const env = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value]));
  const { code, out } = await runCli(["check"], env);
  return { code, out, lines: out.trimEnd().split("\n") };
}

const find = (lines: readonly string[], start: string) => lines.filter((line) => line.startsWith(start));

test("an engine of another product is described, with what to set", async () => {
  const { code, lines, out } = await check();
  expect(code, out).toBe(0);
  expect(find(lines, "ok    docker:own")[0]).toMatch(
    /: API [\d.]+; 0 of 7 containers belong to wallet-core; services here: store; 2 of production, 5 of unknown environment; 1 more is not shown \(stopped, or one-off\); statistics: /,
  );
  // The page shows this output; its engine has another name, and one container more.
  const page = readFileSync("docs/configuration.md", "utf8");
  for (const line of lines.filter((one) => !/^ok {4}(?:docker|tokens)/.test(one)))
    expect(page).toContain(`\n${line}\n`);
  expect(find(lines, "warn")).toEqual([
    "warn  containers: no core container of wallet-core runs here, so lists are empty: if store is your product, set WALLET_CORE_OPS_SERVICE=store",
  ]);
});

test("parts that are not configured are skipped with what to set", async () => {
  const { lines, out } = await check();
  const skipped = find(lines, "skip");
  expect(skipped.map((line) => line.split(/ +|:/)[1])).toEqual(["queues", "prometheus", "deploy-info", "audit"]);
  for (const line of skipped) expect(line).toMatch(/: not configured.*WALLET_CORE_OPS_/);
  // Every name in full: nobody can set a short one.
  const names = Object.keys(variables).filter((name) => name.includes("_"));
  expect(out).not.toMatch(new RegExp(`(?<![A-Z_])(?:${names.join("|")})`));
});

test("what the check advises leaves nothing to do", async () => {
  const named = await check({ SERVICE: "store" });
  expect(find(named.lines, "ok    docker:own")[0]).toContain(
    "; 6 of 7 containers belong to store (4 core, 2 accessories); 2 of production, 5 of unknown environment; ",
  );
  expect(find(named.lines, "warn")).toEqual([
    "warn  docker:own: of unknown environment, so only tokens of every environment see them: store-web-v2, store-worker-v2, store-db, store-redis: " +
      "end the address of their engine in WALLET_CORE_OPS_DOCKER_HOSTS with ?env=staging or ?env=production, or set WALLET_CORE_OPS_ENV",
  ]);
  const done = await check({ SERVICE: "store" }, "?env=production");
  expect(find(done.lines, "ok    docker:own")[0]).toContain("; 7 of production; ");
  expect(find(done.lines, "warn")).toEqual([]);
  expect(done.code).toBe(0);
});

test("a service of a source that runs nowhere is a warning, with those known", async () => {
  const file = join(inject("runFolder"), "check-queues.json");
  const source = (name: string, service: string) => ({ name, kind: "river", schema: "public", by: "queue", service });
  const sources = [source("typo", "stroe"), source("right", "store"), source("named", "billing")];
  writeFileSync(file, JSON.stringify({ sources }));
  const { lines } = await check({ QUEUES_FILE: file, SERVICE: "shop,billing" });
  expect(find(lines, "warn  queues:")).toEqual([
    "warn  queues:typo: its service stroe runs on no engine, so no deploy is judged by its queues; known are billing, shop, store",
  ]);
});

test("a database without job tables is a failure", async () => {
  const { code, lines } = await check({ DATABASE_URL: database.url });
  expect(code).toBe(1);
  expect(find(lines, "FAIL")).toEqual([
    "FAIL  queues: no job system was found: check that WALLET_CORE_OPS_DATABASE_URL names the database with the job tables, or describe your job tables in WALLET_CORE_OPS_QUEUES_FILE (docs/queues.md)",
  ]);
});

test("the reason of a PostgreSQL that refuses us is passed on, no secret", async () => {
  const server = await startPostgres(join(inject("runFolder"), "check-refused"));
  try {
    writeFileSync(join(server.data, "pg_hba.conf"), "host all postgres 127.0.0.1/32 scram-sha-256\n");
    await server.restart();
    const url = new URL(server.url);
    const role = url.username;
    const fail = async (more: Record<string, string>) => {
      const { out, lines } = await check(more);
      expect(out).not.toContain("canary");
      expect(out).not.toContain(url.password);
      return find(lines, "FAIL");
    };
    const wrong = new URL(server.url);
    wrong.password = "canary-of-the-password";
    const login = `password authentication failed for user "${role}"`;
    expect(await fail({ DATABASE_URL: wrong.href })).toEqual([
      `FAIL  queues: PostgreSQL refused the login of WALLET_CORE_OPS_DATABASE_URL: ${login}: check WALLET_CORE_OPS_DATABASE_URL`,
    ]);
    expect(await fail({ RESTART: "on", STATE_URL: wrong.href })).toEqual([
      `FAIL  audit: nothing can be restarted or changed: PostgreSQL refused the login of WALLET_CORE_OPS_STATE_URL: ${login}`,
    ]);
    const plain = new URL(server.url);
    plain.searchParams.set("sslmode", "require");
    const noTls = (name: string) =>
      `PostgreSQL does not speak TLS: turn on ssl there, or change sslmode in WALLET_CORE_OPS_${name}`;
    expect(await fail({ DATABASE_URL: plain.href })).toEqual([`FAIL  queues: ${noTls("DATABASE_URL")}`]);
    expect(await fail({ RESTART: "on", STATE_URL: plain.href })).toEqual([
      `FAIL  audit: nothing can be restarted or changed: ${noTls("STATE_URL")}`,
    ]);
    wrong.username = "reader";
    const noEntry = `no pg_hba.conf entry for host "127.0.0.1", user "reader", database "${url.pathname.slice(1)}", no encryption`;
    expect(await fail({ DATABASE_URL: wrong.href })).toEqual([
      `FAIL  queues: PostgreSQL refused the login of WALLET_CORE_OPS_DATABASE_URL: its pg_hba.conf does not let in our address 127.0.0.1: ${noEntry}: allow that host, which is ours, in its pg_hba.conf, or check WALLET_CORE_OPS_DATABASE_URL`,
    ]);
  } finally {
    await server.stop();
  }
});

test("a missing right to connect is named, with its variable", async () => {
  const jobs = await createTestDatabase(inject("postgresUrl"), "check_connect");
  const role = await jobs.createRole();
  try {
    const name = new URL(jobs.url).pathname.slice(1);
    await createRiverJobs(jobs);
    await jobs.query(`revoke connect on database ${name} from public`);
    const denied = `may not connect to its database: grant it CONNECT on the database: permission denied for database "${name}"`;
    const read = await check({ DATABASE_URL: role.url });
    expect(find(read.lines, "FAIL")).toEqual([
      `FAIL  queues: The role of WALLET_CORE_OPS_DATABASE_URL ${denied}: check WALLET_CORE_OPS_DATABASE_URL`,
    ]);
    const control = await check({ DATABASE_URL: jobs.url, JOBS: "on", CONTROL_DATABASE_URL: role.url });
    expect(find(control.lines, "FAIL").filter((line) => line.startsWith("FAIL  queues:"))).toEqual([
      `FAIL  queues:river: The role of WALLET_CORE_OPS_CONTROL_DATABASE_URL ${denied}`,
    ]);
  } finally {
    await jobs.drop();
  }
});

test("what is configured and does not answer is a failure", async () => {
  const { code, lines } = await check({
    PROMETHEUS_URL: "http://prometheus.invalid:9090",
    DEPLOY_INFO_PATH: join(inject("runFolder"), "none", "deploy_info.json"),
  });
  expect(code).toBe(1);
  expect(find(lines, "FAIL").map((line) => line.split(/ +|:/)[1])).toEqual(["prometheus", "deploy-info"]);
});

test("check and serve refuse a misspelt variable by its right name", async () => {
  const line = "WALLET_CORE_OPS_PROMETEUS_URL is unknown: did you mean WALLET_CORE_OPS_PROMETHEUS_URL?\n";
  const env = { WALLET_CORE_OPS_TOKEN: "check-token-0123456789", WALLET_CORE_OPS_PROMETEUS_URL: "http://canary" };
  expect(await runCli(["check"], env)).toMatchObject({ code: 78, text: `FAIL  configuration: ${line}` });
  expect(await runCli(["serve"], env)).toMatchObject({ code: 78, text: line });
});
