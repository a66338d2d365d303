import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../script/services/postgres.ts";
import { silentLogger } from "../src/lib/logger.ts";
import type { QueueSource } from "../src/queues/queue.ts";
import { createQueueSources } from "../src/queues/source.ts";
import { createTestDatabase, type TestDatabase } from "../test/support/postgres-database.ts";
import { createRiverJobs } from "../test/support/postgres-jobs.ts";
import { createReport, quartiles } from "./statistics.ts";

const [services, jobs, rounds] = [11, 102_000, 7];
/** To read whose jobs they are may take this much longer than to read all jobs. */
const limits = { ratio: 1.3 };

/**
 * What verdicts read: the windows before and after a deploy of 11 services in one database, of the
 * jobs that the service's own hosts ended, beside the same windows of all jobs. River, as its names
 * of workers end with a time, which a pattern takes off.
 */
export async function benchHistories(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
  const postgres = await startPostgres(join(folder, "postgres"));
  const report = createReport("histories");
  try {
    const database = await createTestDatabase(postgres.url, "bench");
    await createRiverJobs(database);
    await fill(database);
    const sources = createQueueSources({
      ttlMs: 0,
      databaseUrl: database.url,
      sources: [{ name: "jobs", kind: "river", schema: "public", by: "kind" }],
      detect: false,
      env: null,
      logger: silentLogger,
    });
    const [source] = await sources.all(AbortSignal.timeout(60_000));
    if (!source) throw new Error("no source");
    const times: { all: number[]; own: number[] } = { all: [], own: [] };
    for (let round = 0; round < rounds; round += 1) {
      times.all.push(await time(source, false));
      times.own.push(await time(source, true));
    }
    const [all, own] = [quartiles(times.all).median, quartiles(times.own).median];
    report.say(`${2 * services} windows over ${jobs} jobs`, all, "ms");
    report.say("the same, of the jobs of some hosts", own, "ms");
    report.say("of some hosts / of all", own / all, "", limits.ratio);
    await sources.close();
    await database.drop();
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return report.isWithin();
}

/** Jobs that ended in the last hour, one of twenty with a failure. */
async function fill(database: TestDatabase): Promise<void> {
  await database.query(
    `insert into river_job (kind, state, attempt, attempted_by, scheduled_at, attempted_at, finalized_at, errors)
     select 'kind' || n % $1, (case when n % 20 = 0 then 'discarded' else 'completed' end)::river_job_state, 1,
            array['host-' || n % $1 || '_2026_11_25T02_03_04_' || n % 40],
            ended - interval '2 seconds', ended - interval '1 second', ended,
            case when n % 20 = 0
              then array[jsonb_build_object('at', ended, 'attempt', 1, 'error', 'boom', 'trace', '')] end
     from (select n, now() - make_interval(secs => 3590 * random()) as ended
           from generate_series(1, $2::int) as n) as job`,
    [services, jobs],
  );
  await database.query("vacuum analyze river_job");
}

/** Reads the two windows of each service at once, ms. */
async function time(source: QueueSource, isOnHosts: boolean): Promise<number> {
  const signal = AbortSignal.timeout(60_000);
  const now = Math.floor(Date.now() / 1000);
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: 2 * services }, async (_, index) => {
      const service = Math.floor(index / 2);
      const [step, queues] = [1800, [`kind${service}`]];
      const range = { from: now - step * (1 + (index % 2)), step, steps: 1 };
      return isOnHosts
        ? source.historyOn?.([`host-${service}`], queues, range, signal)
        : source.history?.(queues, range, signal);
    }),
  );
  return performance.now() - begin;
}
