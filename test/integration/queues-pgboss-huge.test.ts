import { PgBoss } from "pg-boss";
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { adviseIndexes } from "../../src/queues/index-advice.ts";
import { explain, toCost, toPlan } from "../../src/queues/postgres/planner.ts";
import { heavyCost } from "../../src/queues/postgres/reads.ts";
import type { HeavyOptions } from "../../src/queues/postgres/statements.ts";
import type { QueueMetrics, QueueSource } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { preparePgboss } from "../../src/queues/systems/pgboss/sql.ts";
import { type BossVersion, startBoss } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const signal = () => AbortSignal.timeout(20_000);
const config: QueueSourceConfig = { name: "boss", kind: "pgboss", schema: "pgboss" };
const rows = 150_000;

async function open(url: string, heavy: HeavyOptions = {}): Promise<QueueSource> {
  const options = {
    databaseUrl: url,
    sources: [config],
    detect: false,
    env: null,
    logger: silentLogger,
    ttlMs: 0,
    heavy,
  };
  const sources = createQueueSources(options);
  onTestFinished(() => sources.close());
  return (await sources.all(signal()))[0] as QueueSource;
}

const advise = (url: string) =>
  adviseIndexes(
    { databaseUrl: url, sources: [config], detect: false, env: null, logger: silentLogger },
    AbortSignal.timeout(30_000),
  );

const dropIndexes = `
  do $$ declare index record; begin
    for index in select schemaname, indexname from pg_indexes where schemaname = 'pgboss' and indexname ~ '^j.*_i1[456]$' loop
      execute format('drop index %I.%I', index.schemaname, index.indexname);
    end loop;
  end $$`;

/** Ended over 10 hours; one in a hundred failed, waits, or is to be tried again. */
const fill = `
  insert into pgboss.job (name, state, data, retry_delay, created_on, start_after, started_on, completed_on, output)
  select 'queue' || n % 3, state, jsonb_build_object('padding', repeat('x', 300)), 60, at, at, case when state <> 'created' then at end, case when state > 'active' then at + interval '1 second' end,
         case when state in ('failed', 'retry') then jsonb_build_object('message', 'error ' || n % 4) end
  from (
    select n, now() - n * interval '10 hours' / ${rows} as at,
           case n % 100 when 0 then 'created' when 1 then 'failed' when 2 then 'retry' else 'completed' end::pgboss.job_state as state
    from generate_series(1, ${rows}) as n) as job`;

describe.each<BossVersion>([10, 12])("pg-boss %i without the indexes of 12.38", (version) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), `bosshuge${version}`);
    const boss = await startBoss(version, database.url);
    for (const queue of ["queue0", "queue1", "queue2", "idle"]) await boss.createQueue(queue);
    await boss.stop();
    await database.query(dropIndexes);
    await database.query(fill);
    if (version === 10) {
      await database.query(`
        insert into pgboss.archive (id, name, priority, state, retry_limit, retry_count, retry_delay, retry_backoff, start_after, created_on, started_on,
                                    completed_on, expire_in, keep_until, output)
        select gen_random_uuid(), 'idle', 0, case when n < 3 then 'failed' else 'completed' end::pgboss.job_state, 0, 0, 0, false, now(), now(), now(),
               now(), '1 minute', now(), '{"message": "archived"}' from generate_series(1, 10) as n`);
    } else {
      await database.query("update pgboss.queue set deletion_seconds = 600 where name in ('queue2', 'idle')");
    }
    await database.query("vacuum analyze");
  });
  afterAll(() => database.drop());

  const ask = async (heavy: HeavyOptions) => {
    const source = await open(database.url, heavy);
    return { metrics: await source.metrics(signal()), failures: await source.failures(signal()) };
  };
  const counts = (metrics: readonly QueueMetrics[]) =>
    metrics.map(({ name, depth, deferred, retrying, active, dead }) => ({
      name,
      depth,
      deferred,
      retrying,
      active,
      dead,
    }));

  it("is read in parts with the whole's result, queues and archive included", async () => {
    const whole = await ask({ cost: Infinity });
    const parts = await ask({ cost: 100, firstPages: 64 });
    expect(parts.metrics.map(({ name }) => name)).toStrictEqual(["idle", "queue0", "queue1", "queue2"]);
    expect(counts(parts.metrics)).toStrictEqual(counts(whole.metrics));
    for (const [index, queue] of parts.metrics.entries()) {
      const other = whole.metrics[index] as QueueMetrics;
      expect([queue.exact, other.exact, queue.waitSeconds]).toStrictEqual([false, true, null]);
      // The windows go on between the two reads: one job fails in 25 s here, and four succeed in a
      // second.
      expect(queue.failuresLastHour === null).toBe(other.failuresLastHour === null);
      expect(Math.abs((queue.failuresLastHour ?? 0) - (other.failuresLastHour ?? 0))).toBeLessThan(5);
      expect(Math.abs((queue.processedPerSec ?? 0) - (other.processedPerSec ?? 0))).toBeLessThan(0.2);
    }
    const [idle, queue0, , queue2] = parts.metrics;
    expect(queue0?.failuresLastHour).toBeGreaterThan(50);
    // Version 12 deletes within the hour here, and has no archive.
    expect(idle).toMatchObject({
      failuresLastHour: version === 10 ? 2 : null,
      processedPerSec: version === 10 ? 8 / 300 : 0,
    });
    expect(queue2?.failuresLastHour === null).toBe(version === 12);
    const keys = ({ failures }: typeof whole) =>
      failures.map(({ queue, error, attempts }) => `${queue} ${error} ${attempts}`).toSorted();
    expect(keys(parts)).toStrictEqual(keys(whole));
    expect(keys(parts).filter((key) => key.startsWith("idle"))).toHaveLength(version === 10 ? 1 : 0);
    for (const { queue, error, count } of parts.failures) {
      const other = whole.failures.find((failure) => failure.queue === queue && failure.error === error);
      expect(Math.abs(count - (other?.count ?? 0))).toBeLessThan(5);
    }
  });

  it("is advised which indexes it lacks, and with these it scans nothing", async () => {
    const [answer] = await advise(database.url);
    expect(answer?.missing.map(({ serves }) => serves.split(",")[0])).toStrictEqual([
      "depth",
      "processed in 5 minutes",
    ]);
    for (const { statements } of answer?.missing ?? [])
      for (const statement of statements) await database.query(statement);
    await database.query("vacuum analyze");
    expect(await advise(database.url)).toMatchObject([{ table: "pgboss.job", missing: [], obstacle: null }]);
    const { metrics } = await ask({ cost: 30_000 });
    expect(metrics.every(({ exact }) => exact)).toBe(true);
    const { readings, failures } = await preparePgboss(
      "pgboss",
      async (statement) => (await database.query(statement)).rows as never,
    );
    for (const statement of [...readings.map(({ sql }) => sql), failures ?? ""]) {
      const { rows: lines } = await database.query(`explain (analyze, costs off, timing off) ${statement}`);
      const scans = lines.map((line) => String(line["QUERY PLAN"])).filter((line) => /Seq Scan on j/.test(line));
      // A partition of version 10 without a row is scanned whatever its indexes.
      expect(scans.filter((line) => !/rows=0/.test(line))).toStrictEqual([]);
    }
  });
});

describe("pg-boss 12.38", () => {
  let database: TestDatabase;
  const queues = 200;
  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "bossparts");
    const boss = new PgBoss({ connectionString: database.url, supervise: false, schedule: false, max: 2 });
    await boss.start();
    for (let n = 0; n < queues; n += 1) await boss.createQueue(`queue${n}`, { partition: true });
    await boss.createQueue("common");
    await boss.stop({ graceful: false });
  }, 60_000);
  afterAll(() => database.drop());

  const send = (queue: string) => database.query("insert into pgboss.job (name) values ($1)", [queue]);

  it("is not huge with hundreds of empty partitions", async () => {
    const source = await open(database.url);
    const depth = async () => (await source.metrics(signal())).reduce((sum, queue) => sum + queue.depth, 0);
    const fail = (n: number) =>
      database.query(`
      insert into pgboss.job (name, state, completed_on, output) values ('queue${n}', 'failed', now(), '{"message": "error ${n}"}')`);
    for (let n = 1; n <= 3; n += 1) {
      for (const queue of ["queue7", "common"]) await send(queue);
      await fail(n);
      expect(await depth()).toBe(2 * n);
      const metrics = await source.metrics(signal());
      expect(metrics.reduce((sum, queue) => sum + (queue.failuresLastHour ?? 0), 0)).toBe(n);
      expect(await source.failures(signal())).toHaveLength(n);
    }
  });

  it("is huge when one partition is", async () => {
    const read = async (statement: string) => (await database.query(statement)).rows as never;
    const { failures } = await preparePgboss("pgboss", read);
    const cost = async () => toCost(toPlan(await read(explain(failures ?? ""))));
    expect(await cost()).toBeLessThan(heavyCost / 2);
    // Jobs that are to be tried again, all of one partition.
    await database.query(
      "insert into pgboss.job (name, state, started_on) select 'common', 'retry', now() from generate_series(1, 60000)",
    );
    await database.query("analyze pgboss.job_common");
    expect(await cost()).toBeGreaterThan(heavyCost);
  });

  it("is advised nothing, because it has its own indexes", async () => {
    await database.query("delete from pgboss.job");
    await database.query(fill.replaceAll("'queue' || n % 3", "'common'"));
    await database.query("vacuum analyze");
    expect(await advise(database.url)).toMatchObject([{ table: "pgboss.job", missing: [], obstacle: null }]);
  });
});
