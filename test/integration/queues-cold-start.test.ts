import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type RunningPostgres, startPostgres } from "../../script/services/postgres.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { createSchema } from "../support/preset-jobs.ts";
import { startSlowProxy } from "../support/slow-proxy.ts";

const signal = () => AbortSignal.timeout(60_000);
let server: RunningPostgres;
let database: TestDatabase;

beforeAll(async () => {
  server = await startPostgres(join(inject("runFolder"), "cold"));
  database = await createTestDatabase(server.url, "cold");
  for (const schema of ["a", "b", "c", "d"]) await createRiverJobs(database, schema);
  for (const system of ["oban", "good-job", "solid-queue", "que"])
    await createSchema(database, system, system.replace("-", "_"));
});
afterAll(() => server.stop());

it("a fresh gateway reads eight slow systems with three connections", async () => {
  await using proxy = await startSlowProxy(database.url, 150);
  const sources = createQueueSources({ databaseUrl: proxy.url, env: null, logger: silentLogger });
  const all = await sources.all(signal());
  expect(all).toHaveLength(8);
  const answers = await Promise.allSettled(
    all.flatMap((source) => [
      source.metrics(signal()),
      source.failures(signal()),
      Promise.resolve(source.workerJobs?.(signal())),
    ]),
  );
  expect(answers.filter(({ status }) => status === "rejected")).toEqual([]);
  expect(proxy.mostConnections()).toBe(3);
  await sources.close();
});
