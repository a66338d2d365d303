import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueSource } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";

const signal = AbortSignal.timeout(60_000);
let database: TestDatabase;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "river");
  await createRiverJobs(database);
  // Attempts of one job: an array of [seconds ago, text]; River keeps them all in the row, whatever
  // became of the job.
  await database.query(`
    create function errors(variadic seconds int[]) returns jsonb[] language sql as $$
      select array_agg(jsonb_build_object('at', now() - s * interval '1 second', 'attempt', n, 'error', 'boom', 'trace', '') order by n)
      from unnest(seconds) with ordinality as t (s, n) $$;
    insert into river_job (id, kind, queue, state, scheduled_at, finalized_at, errors) values
      (1, 'mail', 'default', 'available', now(), null, null),
      (2, 'mail', 'bulk', 'scheduled', now() - interval '1 second', null, null),
      (3, 'mail', 'bulk', 'scheduled', now() + interval '1 hour', null, null),
      (4, 'mail', 'bulk', 'retryable', now() - interval '1 second', null, errors(4000, 3000, 20)),
      (5, 'mail', 'bulk', 'retryable', now() + interval '1 hour', null, errors(10)),
      (6, 'mail', 'bulk', 'pending', now(), null, null),
      (7, 'mail', 'bulk', 'running', now(), null, errors(30)),
      (8, 'mail', 'bulk', 'completed', now(), now(), errors(40)),
      (9, 'mail', 'bulk', 'discarded', now(), now(), errors(50, 5)),
      (10, 'mail', 'bulk', 'cancelled', now(), now(), errors(60)),
      (11, 'mail', 'bulk', 'discarded', now(), now() - interval '2 hours', errors(7200))`);
});
afterAll(async () => {
  for (const close of closers) await close();
  await database.drop();
});

async function open(sources: readonly QueueSourceConfig[] | null): Promise<readonly QueueSource[]> {
  const opened = createQueueSources({
    ttlMs: 0,
    databaseUrl: database.url,
    ...(sources ? { sources, detect: false } : {}),
    env: "production",
    logger: silentLogger,
  });
  closers.push(() => opened.close());
  return opened.all(signal);
}

it("due retries and schedules are depth; each failed attempt counts", async () => {
  const [source] = await open([{ name: "river", kind: "river", schema: "public", by: "kind" }]);
  expect(await source?.metrics(signal)).toMatchObject([
    {
      name: "mail",
      source: "river",
      depth: 3,
      processedPerSec: 1 / 300,
      failuresLastHour: 8,
      active: 1,
      deferred: 1,
      retrying: 2,
      dead: 2,
      exact: true,
    },
  ]);
  expect(await source?.failures(signal)).toMatchObject([
    { queue: "mail", jobIds: ["9", "5", "4", "7", "8"], error: "boom", count: 8 },
  ]);
});

it("jobs are grouped by River's queue on request", async () => {
  const [source] = await open([
    { name: "river", kind: "river", schema: "public", by: "queue", names: ["idle"], env: "staging" },
  ]);
  expect(source?.env).toBe("staging");
  const metrics = await source?.metrics(signal);
  expect(metrics?.map(({ name, depth }) => [name, depth])).toStrictEqual([
    ["bulk", 2],
    ["default", 1],
    ["idle", 0],
  ]);
});

it("available jobs that may not run yet or failed before are counted", async () => {
  // A retry or a snooze shorter than the scheduler's interval is available at once, with its time
  // ahead; what was retryable is available when its time comes.
  await database.query(`
    insert into river_job (id, kind, queue, state, scheduled_at, attempt, attempted_at, errors) values
      (21, 'short', 'short', 'available', now() + interval '4 seconds', 1, now(), errors(0)),
      (22, 'short', 'short', 'available', now() + interval '4 seconds', 0, now(), null),
      (23, 'short', 'short', 'available', now() - interval '9 seconds', 1, now() - interval '60 seconds', errors(60)),
      (24, 'short', 'short', 'available', now() - interval '2 seconds', 0, null, null),
      (25, 'short', 'short', 'scheduled', now() + interval '1 hour', 1, now(), errors(5))`);
  for (const by of ["kind", "queue"] as const) {
    const [source] = await open([{ name: "river", kind: "river", schema: "public", by }]);
    const short = (await source?.metrics(signal))?.find(({ name }) => name === "short");
    expect(short).toMatchObject({ depth: 2, deferred: 1, retrying: 3, active: 0, exact: true });
    expect(Math.abs((short?.oldestAgeSeconds ?? 0) - 9)).toBeLessThan(3);
  }
  await database.query("delete from river_job where kind = 'short'");
});

it("River is detected without a file, in each schema that has it", async () => {
  await createRiverJobs(database, "audit");
  const sources = await open(null);
  expect(sources.map(({ name, kind, env }) => [name, kind, env])).toStrictEqual([
    ["river", "river", "production"],
    ["river:audit", "river", "production"],
  ]);
  expect(await sources[0]?.metrics(signal)).toMatchObject([{ name: "mail", depth: 3 }]);
  expect(await sources[1]?.metrics(signal)).toStrictEqual([]);
});
