import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRunnerJobs } from "../support/postgres-jobs.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "viewers");
});
afterAll(() => database.drop());

/** Whatever reads the jobs takes so long, as that of a large table does. */
const readSeconds = 0.15;

it("viewers of a range share a turn; numbers are answered meanwhile", async () => {
  const jobs = await createRunnerJobs(database, "jobs_rows");
  await jobs.insert([{ queue: "mail", state: "done", dueAgo: 20, endedAgo: 10 }]);
  await database.query(`
    create view slow_jobs as
      select jobs_rows.* from jobs_rows, (select pg_sleep(${readSeconds}) offset 0) as slept`);
  const sources = createQueueSources({
    databaseUrl: database.url,
    sources: [
      { ...runnerMapping, name: "slow", table: "public.slow_jobs", queue: { column: "type" } },
      { ...runnerMapping, name: "quick", table: "public.jobs_rows", queue: { column: "type" } },
    ],
    detect: false,
    env: null,
    logger: silentLogger,
  });
  try {
    const signal = AbortSignal.timeout(25_000);
    const [slow, quick] = await sources.all(signal);
    const now = Math.floor(Date.now() / 1000);
    const ask = async (viewer: number) =>
      slow?.history?.(null, { from: now - 3600 + viewer * 60, step: 60, steps: 60 - viewer }, signal);
    const begin = performance.now();
    // Eight viewers, each with a range of its own; four panels of each ask the same.
    const asked = Promise.all(Array.from({ length: 32 }, (_, panel) => ask(panel % 8)));
    const numbers = await quick?.metrics(signal);
    const toldMs = performance.now() - begin;
    expect(numbers?.map(({ name }) => name)).toContain("mail");
    const answers = await asked;
    expect(answers.every((answer) => answer?.has("mail"))).toBe(true);
    expect(new Set(answers).size).toBe(8);
    // They did wait for one another, longer than a busy pool waits for a connection; the numbers
    // did not.
    const tookMs = performance.now() - begin;
    expect(tookMs).toBeGreaterThan(8 * readSeconds * 1000);
    expect(toldMs).toBeLessThan(tookMs / 2);
  } finally {
    await sources.close();
  }
});
