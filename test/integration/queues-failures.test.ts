import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueSource, QueueSources } from "../../src/queues/queue.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { toBound } from "../support/bound.ts";
import type { JobTable } from "../support/job-backend.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";

const signal = () => AbortSignal.timeout(10_000);
let database: TestDatabase;
let runner: JobTable;
let river: JobTable;
let sources: QueueSources;
let all: readonly QueueSource[];

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "failures");
  runner = await createRunnerJobs(database);
  river = await createRiverJobs(database);
  const slow = { ...runner.config, name: "slow", table: "slow" } as typeof runner.config;
  await database.query("create view slow as select j.* from runner_jobs j, pg_sleep(30)");
  await runner.insert([{ queue: "a", state: "waiting" }]);
  await river.insert([{ queue: "b", state: "waiting" }]);
  const configs = [runner.config, river.config, slow];
  sources = createQueueSources({
    ttlMs: 0,
    databaseUrl: database.url,
    sources: configs,
    detect: false,
    env: null,
    logger: silentLogger,
  });
  all = await sources.all(signal());
});
afterAll(async () => {
  await sources.close();
  await database.drop();
});

const source = (name: string) => all.find((candidate) => candidate.name === name) as QueueSource;
const ours = "from pg_stat_activity where application_name = 'wallet-core-ops' and datname = current_database()";
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => "ok",
    (error: unknown) => (error instanceof OpsError ? error.code : error),
  );

it("terminated sessions under load: numbers or postgres_unavailable", async () => {
  const end = performance.now() + 1500;
  const outcomes = new Map<unknown, number>();
  const goesOn = () => performance.now() < end || (outcomes.get("ok") ?? 0) <= 20;
  const killer = async () => {
    while (goesOn()) {
      await database.query(`select pg_terminate_backend(pid) ${ours}`);
      await sleep(40);
    }
  };
  const reader = async () => {
    while (goesOn()) {
      const result = await outcome(source("runner").metrics(signal()));
      outcomes.set(result, (outcomes.get(result) ?? 0) + 1);
      await sleep(5);
    }
  };
  await Promise.all([killer(), reader(), reader(), reader()]);
  expect([...outcomes.keys()].filter((key) => key !== "ok" && key !== "postgres_unavailable")).toStrictEqual([]);
});

it("a new connection is opened when all idle ones were terminated", async () => {
  await Promise.all([
    source("runner").metrics(signal()),
    source("river").metrics(signal()),
    source("runner").failures(signal()),
  ]);
  await database.query(`select pg_terminate_backend(pid) ${ours}`);
  expect(await outcome(source("runner").metrics(signal()))).toBe("ok");
});

it("other sources answer while a migration locks the table of one", async () => {
  const migration = await database.connect();
  await migration.query("begin; lock table runner_jobs in access exclusive mode");
  const order: string[] = [];
  const answers = ["runner", "river"].map(async (name) =>
    order.push(`${name} ${String(await outcome(source(name).metrics(signal())))}`),
  );
  await Promise.all(answers);
  expect(order).toStrictEqual(["river ok", "runner queue_locked"]);
  await migration.end();
});

it("migrations never wait: no transaction stays open", async () => {
  await Promise.all(all.slice(0, 2).flatMap((each) => [each.metrics(signal()), each.failures(signal())]));
  const { rows } = await database.query(`select count(*)::int as n ${ours} and state <> 'idle'`);
  expect(rows).toStrictEqual([{ n: 0 }]);
});

it("a slow statement is stopped after 2 s, on the server as well", async () => {
  const start = performance.now();
  await expect(source("slow").metrics(signal())).rejects.toMatchObject({
    code: "postgres_unavailable",
    message: "PostgreSQL took longer than 2 s",
  });
  expect(performance.now() - start).toBeLessThan(toBound(3500));
  const running = `select pid ${ours} and query like '%slow%' and state = 'active'`;
  await expect.poll(async () => (await database.query(running)).rows, { timeout: toBound(500) }).toStrictEqual([]);
});

it("a caller that leaves returns no busy connection to the pool", async () => {
  const start = performance.now();
  expect(await outcome(source("slow").metrics(AbortSignal.timeout(100)))).toBe("queues_unavailable");
  expect(performance.now() - start).toBeLessThan(toBound(1500));
  for (let round = 0; round < 5; round += 1) {
    expect(await source("runner").metrics(signal())).toMatchObject([{ name: "a", depth: 1 }, { name: "configured" }]);
  }
});

it("a renamed column breaks only its source, which recovers", async () => {
  await database.query("alter table runner_jobs rename column last_error to failure");
  await expect(source("runner").failures(signal())).rejects.toMatchObject({
    code: "schema_mismatch",
    message: 'Column "last_error" does not exist in table public.runner_jobs',
    upstream: "queues:runner",
  });
  expect(await outcome(source("runner").metrics(signal()))).toBe("ok");
  expect(await outcome(source("river").failures(signal()))).toBe("ok");
  await database.query("alter table runner_jobs rename column failure to last_error");
  expect(await outcome(source("runner").failures(signal()))).toBe("ok");
});
