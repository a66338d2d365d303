import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { HeavyOptions } from "../../src/queues/postgres/statements.ts";
import type { QueueMetrics, QueueSource } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { toBound } from "../support/bound.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

const rows = 400_000;
const signal = () => AbortSignal.timeout(60_000);
/**
 * So many are huge here; whole reads of them stay far from their 2 s, however busy the machine is.
 */
const heavy: HeavyOptions = { cost: 4_000, everyMs: 60_000 };
const config = {
  ...runnerMapping,
  started_at: "started_at",
  attempts: "attempts",
  table: "public.jobs",
} as QueueSourceConfig;
let database: TestDatabase;
let role: { name: string; url: string };

const columns = `id bigint, type text, status text not null, run_at timestamptz, started_at timestamptz, finished_at timestamptz,
                 attempts int, last_error text`;
/**
 * 5 % waiting (a tenth of them deferred), 5 % failed and 1 % running of `count`, the others done;
 * ended over 10 hours.
 */
const fill = (table: string, count: number, from = 0) => `
  insert into ${table}
  select n, case when n % 1000 = 13 then null else 'type_' || n % 7 end, status,
         case when status = 'pending' and n % 200 = 0 then now() + interval '1 day' else now() - ago end,
         now() - ago, case when status in ('done', 'failed') then now() - ago end, n % 5, case when status = 'failed' then 'error ' || n % 3 end
  from (select n, n * interval '10 hours' / ${count} as ago,
               case n % 20 when 0 then 'pending' when 1 then 'failed' when 2 then 'running' else 'done' end as status
        from generate_series(${from} + 1, ${from} + ${count}) as n) as job`;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "huge");
  await database.query(
    `create table jobs (${columns}) with (autovacuum_enabled = off); ${fill("jobs", rows)}; analyze jobs`,
  );
  role = await database.createRole();
  await database.query(`grant select on jobs to ${role.name}`);
});
afterAll(() => database.drop());

interface Using {
  readonly options?: HeavyOptions;
  readonly url?: string;
  readonly table?: string;
  readonly statuses?: Partial<QueueSourceConfig>;
}

async function using<T>(
  use: (source: QueueSource) => Promise<T>,
  { options = heavy, url = role.url, table = "public.jobs", statuses = {} }: Using = {},
): Promise<T> {
  const sources = createQueueSources({
    databaseUrl: url,
    sources: [{ ...config, ...statuses, table } as QueueSourceConfig],
    detect: false,
    env: null,
    logger: silentLogger,
    ttlMs: 0,
    heavy: options,
  });
  try {
    const [source] = await sources.all(signal());
    return await use(source as QueueSource);
  } finally {
    await sources.close();
  }
}

const ask = async (source: QueueSource) => ({
  metrics: await source.metrics(signal()),
  failures: await source.failures(signal()),
});
const counts = (metrics: readonly QueueMetrics[]) =>
  metrics.map(({ name, depth, deferred, active, oldestAgeSeconds }) => [
    name,
    depth,
    deferred,
    active,
    Math.round((oldestAgeSeconds ?? 0) / 100),
  ]);
/** How often a whole scan of the table began. A session tells of its own at its end. */
async function wholeScans(table = "jobs"): Promise<number> {
  await expect
    .poll(
      async () =>
        (
          await database.query(
            "select 1 from pg_stat_activity where application_name = 'wallet-core-ops' and datname = current_database()",
          )
        ).rows,
    )
    .toStrictEqual([]);
  const { rows: found } = await database.query(
    `select seq_scan::int as n from pg_stat_user_tables where relname = '${table}'`,
  );
  return Number(found[0]?.["n"]);
}

describe("a huge table without an index", () => {
  it("is read in parts with the whole's result, and is no snapshot", async () => {
    const whole = await using(ask, { options: { cost: Infinity } });
    const before = await wholeScans();
    const parts = await using(ask, { options: { ...heavy, firstPages: 32 } });
    expect(await wholeScans()).toBe(before);
    expect(counts(parts.metrics)).toStrictEqual(counts(whole.metrics));
    expect(parts.metrics.map(({ name }) => name)).toStrictEqual([
      "type_0",
      "type_1",
      "type_2",
      "type_3",
      "type_4",
      "type_5",
      "type_6",
    ]);
    expect(parts.metrics.reduce((sum, { depth }) => sum + depth, 0)).toBeGreaterThan(8_000);
    for (const [index, queue] of parts.metrics.entries()) {
      const other = whole.metrics[index] as QueueMetrics;
      // The windows go on between the two reads: 11 jobs end a second here.
      expect(Math.abs((queue.failuresLastHour ?? 0) - (other.failuresLastHour ?? 0))).toBeLessThan(30);
      expect(Math.abs((queue.processedPerSec ?? 0) - (other.processedPerSec ?? 0))).toBeLessThan(0.5);
      expect(queue.processedPerSec).toBeGreaterThan(1);
      expect([queue.exact, other.exact, queue.waitSeconds]).toStrictEqual([false, true, null]);
      expect(other.waitSeconds).not.toBeNull();
    }
    const keys = (answer: typeof whole) =>
      answer.failures.map(({ queue, error, attempts }) => `${queue} ${error} ${attempts}`).toSorted();
    expect(keys(parts)).toStrictEqual(keys(whole));
    expect(parts.failures.length).toBe(21);
    for (const failure of parts.failures) {
      const other = whole.failures.find(({ queue, error }) => queue === failure.queue && error === failure.error);
      expect(failure.jobIds).toStrictEqual(other?.jobIds);
      expect(Math.abs(failure.count - (other?.count ?? 0))).toBeLessThan(10);
    }
  });

  it("is read once a minute, and the answer has its age", async () => {
    await using(async (source) => {
      const [first] = (await source.metrics(signal())) as [QueueMetrics];
      await database.query("insert into jobs values (0, 'new', 'pending')");
      await expect
        .poll(async () => Date.now() - Date.parse(first.observedAt), { timeout: toBound(5000) })
        .toBeGreaterThan(2000);
      const later = await Promise.all(Array.from({ length: 100 }, () => source.metrics(signal())));
      for (const metrics of later) expect(metrics[0]).toStrictEqual(first);
    });
    await database.query("delete from jobs where id = 0");
  });

  it("is read to its end while rows change and the table grows", async () => {
    await using(
      async (source) => {
        const reading = source.metrics(signal());
        const session = await database.connect();
        const end = new AbortController();
        const changing = (async () => {
          for (let n = 0; !end.signal.aborted; n += 1) {
            await session.query(
              `update jobs set attempts = attempts + 1 where ctid >= '(${n % 100},0)'::tid and ctid < '(${(n % 100) + 1},0)'::tid`,
            );
          }
        })();
        const metrics = await reading;
        end.abort();
        await changing;
        await session.end();
        const depth = metrics.reduce((sum, queue) => sum + queue.depth, 0);
        const { rows: found } = await database.query(
          "select count(*)::int as n from jobs where status = 'pending' and run_at <= now() and type is not null",
        );
        const exact = Number(found[0]?.["n"]);
        // Only what changed meanwhile may be missed, or counted twice.
        expect(Math.abs(depth - exact)).toBeLessThan(exact / 20);
      },
      { options: { ...heavy, firstPages: 32 } },
    );
  });

  it("reads at once what an index serves, and the rest in parts", async () => {
    await database.query("create index jobs_waiting on jobs (type, run_at) where status = 'pending'");
    await database.query("vacuum analyze jobs");
    await using(async (source) => {
      const [first] = (await source.metrics(signal())) as [QueueMetrics];
      await database.query(`insert into jobs values (0, '${first.name}', 'pending', now() - interval '1 minute')`);
      const [second] = (await source.metrics(signal())) as [QueueMetrics];
      expect([second.depth, second.active, second.exact]).toStrictEqual([first.depth + 1, first.active, false]);
      expect(second.observedAt).toBe(first.observedAt);
    });
    await database.query("delete from jobs where id = 0");
    await database.query("drop index jobs_waiting");
  });

  it("is read in parts after a statement ran out of time", async () => {
    // The planner does not know that comparing a failed job takes 20 ms: few long waits, which are
    // as long beside other work.
    await database.query(`
      create type slow_status as (value text);
      create function slow_equal(slow_status, slow_status) returns boolean language plpgsql immutable cost 0.0001 as
        $$ begin if ($1).value = 'failed' then perform pg_sleep(0.02); end if; return ($1).value = ($2).value; end $$;
      create operator = (function = slow_equal, leftarg = slow_status, rightarg = slow_status);
      create table slow as select id, type, row(status)::slow_status as status, run_at, started_at, finished_at, attempts, repeat('x', 600) as last_error
        from jobs where id <= 600;
      analyze slow;
      grant select on slow to ${role.name}`);
    await using(
      async (source) => {
        await expect(source.metrics(signal())).rejects.toMatchObject({ message: "PostgreSQL took longer than 2 s" });
        const metrics = await source.metrics(signal());
        expect(metrics.map(({ exact }) => exact)).toStrictEqual(metrics.map(() => false));
        expect(metrics.reduce((sum, { depth }) => sum + depth, 0)).toBe(27);
      },
      {
        options: { firstPages: 4, waitMs: 60_000 },
        table: "public.slow",
        statuses: { waiting: ["(pending)"], active: ["(running)"], done: ["(done)"], failed: ["(failed)"] },
      },
    );
  });
});

describe("a source that is not one table", () => {
  it("with partitions is read in ranges of all of them", async () => {
    await database.query(`
      create table parted (${columns}) partition by hash (id);
      create table parted_0 partition of parted for values with (modulus 2, remainder 0);
      create table parted_1 partition of parted for values with (modulus 2, remainder 1);
      ${fill("parted", 200_000)};
      analyze parted;
      grant select on parted to ${role.name}`);
    const options = { cost: 100, firstPages: 32 };
    const [whole, parts] = [
      await using(ask, { table: "public.parted", options: { cost: Infinity } }),
      await using(ask, { table: "public.parted", options }),
    ];
    expect(counts(parts.metrics)).toStrictEqual(counts(whole.metrics));
    expect(parts.metrics.every(({ exact }) => !exact)).toBe(true);
    expect(parts.failures.length).toBe(whole.failures.length);
  });

  it("that is a view has no pages: one whole read a minute", async () => {
    await database.query(`create view seen as select * from jobs; grant select on seen to ${role.name}`);
    const whole = await using(ask, { table: "public.seen", options: { cost: Infinity } });
    const before = await wholeScans();
    await using(
      async (source) => {
        const first = await ask(source);
        expect(counts(first.metrics)).toStrictEqual(counts(whole.metrics));
        expect(first.metrics.every(({ exact, waitSeconds }) => exact && waitSeconds === null)).toBe(true);
        expect(first.failures.length).toBe(21);
        for (let n = 0; n < 10; n += 1) await ask(source);
      },
      { table: "public.seen" },
    );
    expect((await wholeScans()) - before).toBe(2);
  });

  it("is empty after a truncate, and reported when it is gone", async () => {
    await database.query(
      `create table gone (like jobs); ${fill("gone", 100_000)}; analyze gone; grant select on gone to ${role.name}`,
    );
    await using(
      async (source) => {
        expect((await source.metrics(signal())).length).toBe(7);
        await database.query("truncate gone");
        await expect
          .poll(async () => (await source.metrics(signal())).map(({ depth }) => depth), { timeout: toBound(5000) })
          .toStrictEqual(Array.from({ length: 7 }, () => 0));
        await database.query("drop table gone");
        await expect
          .poll(() => source.metrics(signal()).catch((error: unknown) => (error as { code: string }).code), {
            timeout: toBound(5000),
          })
          .toBe("schema_mismatch");
      },
      { table: "public.gone", options: { cost: 100, everyMs: 300, firstPages: 32 } },
    );
  });

  it("reports a missing right as such", async () => {
    const other = await database.createRole();
    await using(
      (source) =>
        expect(source.metrics(signal())).rejects.toMatchObject({
          code: "schema_mismatch",
          message: expect.stringContaining("may not read"),
        }),
      { url: other.url },
    );
  });
});
