import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it, vi } from "vitest";
import { type RunningPostgres, startPostgres } from "../../script/services/postgres.ts";
import { freePort } from "../../script/services/process.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { toBound } from "../support/bound.ts";
import { createTestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";

const signal = () => AbortSignal.timeout(10_000);
let server: RunningPostgres;
let port: number;

beforeAll(async () => {
  port = await freePort();
  server = await startPostgres(join(inject("runFolder"), "outage"), { port, settings: ["max_connections=12"] });
});
afterAll(() => server.stop());

const open = (databaseUrl: string | null, sources: readonly QueueSourceConfig[] | null) =>
  createQueueSources({
    databaseUrl,
    ...(sources ? { sources, detect: false } : {}),
    env: null,
    logger: silentLogger,
    ttlMs: 0,
  });

it("a restart is survived, an outage reported and recovered from", async () => {
  const database = await createTestDatabase(server.url, "outage");
  const jobs = await createRunnerJobs(database);
  await jobs.insert([{ queue: "a", state: "waiting" }]);
  const sources = open(database.url, [jobs.config]);
  const [source] = await sources.all(signal());
  const a = { name: "a", depth: 1 };
  expect(await source?.metrics(signal())).toMatchObject([a, {}]);

  await server.restart();
  expect(await source?.metrics(signal())).toMatchObject([a, {}]);

  await server.restart(async () => {
    const down = {
      code: "postgres_unavailable",
      message:
        "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_DATABASE_URL",
      upstream: "queues:runner",
    };
    await expect(source?.metrics(signal())).rejects.toMatchObject(down);
    await expect(source?.failures(signal())).rejects.toMatchObject(down);
  });
  expect(await source?.metrics(signal())).toMatchObject([a, {}]);
  await sources.close();
});

it("a job system that is created later is found at the next detection", async () => {
  const database = await createTestDatabase(server.url, "later");
  const sources = open(database.url, null);
  vi.useFakeTimers({ toFake: ["performance"] });
  expect(await sources.all(signal())).toStrictEqual([]);
  await createRiverJobs(database);
  vi.advanceTimersByTime(59_000);
  expect(await sources.all(signal())).toStrictEqual([]);
  vi.advanceTimersByTime(1000);
  expect(await sources.all(signal())).toMatchObject([{ name: "river" }]);
  vi.useRealTimers();
  await sources.close();
});

const two: QueueSourceConfig[] = ["one", "other"].map((name) => ({
  name,
  kind: "river",
  schema: "public",
  by: "kind",
  names: [],
}));

it("connection errors name neither the password nor the address", async () => {
  const refused = new URL(server.url);
  refused.port = String(await freePort());
  const login = new URL(server.url);
  login.password = "wrong-password";
  const missing = new URL(server.url);
  missing.pathname = "/nowhere";
  const cases: [url: string, message: string, why: string][] = [
    [
      refused.href,
      "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_DATABASE_URL",
      "",
    ],
    [
      login.href,
      "PostgreSQL refused the login of WALLET_CORE_OPS_DATABASE_URL",
      ': password authentication failed for user "postgres": check WALLET_CORE_OPS_DATABASE_URL',
    ],
    [
      missing.href,
      "The database of WALLET_CORE_OPS_DATABASE_URL does not exist",
      ': database "nowhere" does not exist: check WALLET_CORE_OPS_DATABASE_URL',
    ],
    ["postgres://user:secret@host:notaport/db", "WALLET_CORE_OPS_DATABASE_URL is not a connection string", ""],
  ];
  for (const [url, message, why] of cases) {
    const sources = open(url, null);
    const error = await sources.all(signal()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "OpsError", code: "postgres_unavailable", message });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("secret");
    await sources.close();
    const line = {
      name: "queues",
      ok: false,
      detail: `${message}${why}`,
      warnings: [],
    };
    const options = { databaseUrl: url, env: null, logger: silentLogger };
    expect(await probeQueueSources(options, signal())).toEqual([line]);
    // Once, however many sources there are.
    expect(await probeQueueSources({ ...options, sources: two }, signal())).toEqual([line]);
  }
  const unset = { databaseUrl: null, env: null, logger: silentLogger, sources: two };
  expect(await probeQueueSources(unset, signal())).toMatchObject([
    { name: "queues", detail: expect.stringContaining("not set") },
  ]);
});

it("a server that accepts and never answers is given up", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const sources = open(`postgres://u:p@127.0.0.1:${(silent.address() as AddressInfo).port}/db`, null);
  const start = performance.now();
  const mute = { code: "postgres_unavailable", message: "PostgreSQL accepted no connection in time" };
  await expect(sources.all(signal())).rejects.toMatchObject(mute);
  expect(performance.now() - start).toBeLessThan(toBound(3500));
  await sources.close();
  silent.close();
});

it("a server that hangs is an error for all callers, then recovers", async () => {
  const database = await createTestDatabase(server.url, "hangs");
  for (const schema of ["a", "b", "c", "d", "e", "f"]) await createRiverJobs(database, schema);
  const sources = open(database.url, null);
  const all = await sources.all(signal());
  const readAll = async () => {
    const answers = await Promise.allSettled(
      all.flatMap((source) => [source.metrics(signal()), source.failures(signal())]),
    );
    return new Set(
      answers.map((answer) => (answer.status === "fulfilled" ? "read" : (answer.reason as Error).message)),
    );
  };
  expect(await readAll()).toEqual(new Set(["read"]));
  const client = await database.connect();
  const { rows } = await client.query("select pid from pg_stat_activity where application_name = 'wallet-core-ops'");
  const pids = [server.pid, ...rows.map(({ pid }) => Number(pid))];
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  const start = performance.now();
  const messages = await readAll().finally(() => {
    for (const pid of pids) process.kill(pid, "SIGCONT");
  });
  // Whoever gets a turn when the first have given up tries a connection of its own.
  for (const message of messages)
    expect(message).toMatch(/^PostgreSQL (?:did not answer|accepted no connection) in time$/);
  expect(performance.now() - start).toBeLessThan(toBound(9000));
  expect(await readAll()).toEqual(new Set(["read"]));
  await client.end();
  await sources.close();
});

it("an exhausted server is reported as such", async () => {
  const database = await createTestDatabase(server.url, "full");
  const role = await database.createRole("connection limit 0");
  const sources = open(role.url, null);
  const full = {
    code: "postgres_unavailable",
    message: "PostgreSQL has no connection left for the role of WALLET_CORE_OPS_DATABASE_URL",
  };
  await expect(sources.all(signal())).rejects.toMatchObject(full);
  await sources.close();
});

it("a missing database rejects with queues_unavailable", async () => {
  const sources = open(null, null);
  await expect(sources.all(signal())).rejects.toMatchObject({
    code: "queues_unavailable",
    message: "WALLET_CORE_OPS_DATABASE_URL is not set",
  });
  await sources.close();
});
