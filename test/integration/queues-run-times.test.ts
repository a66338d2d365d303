import { afterEach, describe, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { HeavyOptions } from "../../src/queues/postgres/statements.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { toQueueState } from "../../src/queues/state.ts";
import type { Job, JobTable } from "../support/job-backend.ts";
import { createBossJobs } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";
import { createGoodJobs, createObanJobs } from "../support/preset-jobs.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A job system in a database of its own, and gateways that were just started. */
async function open(create: (database: TestDatabase) => Promise<JobTable>) {
  const database = await createTestDatabase(inject("postgresUrl"), "run_times");
  closers.push(() => database.drop());
  const jobs = await create(database);
  const start = (heavy: HeavyOptions = {}) => {
    const options = { databaseUrl: database.url, sources: [jobs.config], detect: false, env: null, ttlMs: 0, heavy };
    const sources = createQueueSources({ ...options, logger: silentLogger });
    closers.push(() => sources.close());
    return async (queue: string) => {
      const signal = AbortSignal.timeout(10_000);
      const [source] = await sources.all(signal);
      const found = (await source?.metrics(signal))?.find(({ name }) => name === queue);
      if (!found) throw new Error("no such queue");
      return found;
    };
  };
  return { database, jobs, start };
}

async function createRunners(database: TestDatabase): Promise<JobTable> {
  const { config, ...jobs } = await createRunnerJobs(database);
  await database.query(`alter table ${jobs.table} add column started_at timestamptz`);
  return { ...jobs, config: { ...config, started_at: "started_at" } as JobTable["config"] };
}

const done = (count: number, endedAgo: number, queue = "mail") =>
  Array.from({ length: count }, (): Job => ({ queue, state: "done", endedAgo }));

describe.each([
  ["river", createRiverJobs, "attempted_at = finalized_at", "state = 'completed'"],
  ["table", createRunners, "started_at = finished_at", "status = 'done'"],
  ["oban", createObanJobs, "attempted_at = completed_at", "state = 'completed'"],
  ["good-job", createGoodJobs, "performed_at = finished_at", "finished_at is not null"],
  [
    "pgboss 12",
    (database: TestDatabase) => createBossJobs(database, 12),
    "started_on = completed_on",
    "state = 'completed'",
  ],
  [
    "pgboss 10",
    (database: TestDatabase) => createBossJobs(database, 10),
    "started_on = completed_on",
    "state = 'completed'",
  ],
] as const)("a gateway that was just started, and %s", (_name, create, start, isDone) => {
  it("knows usual run times of jobs from before, and asks once", async () => {
    const { database, jobs, start: startGateway } = await open(create);
    const run = (seconds: number) =>
      database.query(`update ${jobs.table} set ${start} - interval '${seconds} seconds' where ${isDone}`);
    await jobs.insert([...done(20, 600), { queue: "mail", state: "running" }, { queue: "other", state: "waiting" }]);
    await run(2);
    const read = startGateway();
    expect(await read("mail")).toMatchObject({ runSeconds: null, usualRunSeconds: 2 });
    expect(await read("other")).toMatchObject({ usualRunSeconds: null });
    await run(50);
    expect(await read("mail")).toMatchObject({ usualRunSeconds: 2 });
    expect(await startGateway()("mail")).toMatchObject({ usualRunSeconds: 50 });
    // Where that would cost too much it is not read.
    expect(await startGateway({ cost: 0.001 })("mail")).toMatchObject({ usualRunSeconds: null });
  });
});

it("reports a queue as stalled whose worker hung before the start", async () => {
  const { database, jobs, start } = await open(createRiverJobs);
  await jobs.insert([
    ...done(200, 600),
    { queue: "mail", state: "running" },
    { queue: "mail", state: "waiting", dueAgo: 530 },
  ]);
  await database.query(
    "update river_job set attempted_at = finalized_at - interval '1 second' where state = 'completed'",
  );
  await database.query("update river_job set attempted_at = now() - interval '540 seconds' where state = 'running'");
  expect(toQueueState(await start()("mail"))).toBe("stalled");
});

it("does not report a batch as failing whose failures ended last", async () => {
  const { database, jobs, start } = await open(createRiverJobs);
  const failed = Array.from({ length: 6 }, (): Job => ({ queue: "mail", state: "failed", endedAgo: 270 }));
  await jobs.insert([...done(194, 290), ...failed]);
  const read = start();
  expect(toQueueState(await read("mail"))).toBe("ok");
  await database.query("update river_job set finalized_at = finalized_at - interval '15 seconds'");
  expect(await read("mail")).toMatchObject({ processedPerSec: 0, failuresRecent: 6 });
  expect(toQueueState(await read("mail"))).toBe("idle");
  expect(toQueueState(await start()("mail"))).toBe("failing");
  await jobs.insert(failed);
  expect(toQueueState(await read("mail"))).toBe("failing");
});
