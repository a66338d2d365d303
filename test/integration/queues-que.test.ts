import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { queStatements } from "../../src/queues/systems/que.ts";
import { toQueueState } from "../../src/queues/state.ts";
import { describeQueueSource } from "../contracts/queue-source.ts";
import { toBound } from "../support/bound.ts";
import { createSqlBackend } from "../support/job-backend.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";
import { createQueJobs, createSchema } from "../support/preset-jobs.ts";
import { openSources, readQueue } from "../support/queue-source.ts";

describeQueueSource("que", () => createSqlBackend("que", createQueJobs));

describe("que", () => {
  const signal = AbortSignal.timeout(60_000);
  const config = { name: "q", kind: "que" as const, schema: "public", names: ["idle"] };
  let database: TestDatabase;
  let lockers: Client[];

  /** A session that is a locker of Que on this host. */
  const addLocker = async (host: string, queues: string, workers: number) => {
    const locker = await database.connect();
    lockers.push(locker);
    await locker.query(
      `insert into que_lockers (pid, worker_count, worker_priorities, ruby_pid, ruby_hostname, queues, listening)
       values (pg_backend_pid(), $3, '{10}', 1, $1, $2, true)`,
      [host, queues, workers],
    );
    return {
      lock: (id: number | string) => locker.query("select pg_advisory_lock($1)", [id]),
      unlockAll: () => locker.query("select pg_advisory_unlock_all()"),
      end: () => locker.end(),
    };
  };

  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "que");
    await createSchema(database, "que");
  });
  beforeEach(async () => {
    lockers = [];
    await database.query(`
      truncate que_jobs, que_lockers;
      insert into que_jobs (id, queue, job_class, job_schema_version, run_at, error_count, last_error_message, finished_at, expired_at)
      select id, queue, 'Mail', 2, now() - due * interval '1 second', errors, message, now() - finished * interval '1 second', now() - expired * interval '1 second'
      from (values
        (1::bigint, 'mail', 90, 0, null, null::float8, null::float8), (2, 'mail', -3600, 0, null, null, null),
        (3, 'mail', -60, 3, 'E: again', null, null), (4, 'mail', 5, 1, 'E: again', null, null), (5, 'mail', -100000, 2, 'E: far', null, null),
        (6, 'mail', 5, 0, null, null, null), (8000000000, 'mail', 5, 1, 'E: again', null, null),
        (8, 'mail', 50, 15, 'E: gave up', null, 50), (9, 'mail', 9000, 16, 'E: gave up', null, 3700), (10, 'mail', 20, 100000, 'E: often', null, null)
      ) as t (id, queue, due, errors, message, finished, expired)`);
  });
  afterEach(async () => {
    for (const locker of lockers) await locker.end();
  });
  afterAll(() => database.drop());

  it("finds the lockers of two locks, not of each waiting job", async () => {
    const locker = await addLocker("web-1", "{mail}", 6);
    // The planner knows nothing of the table.
    await database.query(`
      alter table que_jobs set (autovacuum_enabled = false);
      insert into que_jobs (id, queue, job_class, job_schema_version, run_at)
      select 1000 + n, 'mail', 'Mail', 2, now() from generate_series(1, 2000) as n`);
    for (const id of [6, 8_000_000_000]) await locker.lock(id);
    const { readings, running } = queStatements("public");
    for (const sql of [...readings.map((reading) => reading.sql), running?.jobs ?? ""]) {
      const { rows } = await database.query(`explain (analyze, timing off, format json) ${sql}`);
      const loops = [...JSON.stringify(rows).matchAll(/"Relation Name":"que_lockers".*?"Actual Loops":(\d+)/g)];
      for (const [, count] of loops) expect(Number(count), sql).toBeLessThan(10);
    }
  });

  it("counts each state once; a job that a locker locked is running", async () => {
    const locker = await addLocker("web-1", "{mail}", 6);
    await locker.lock(6);
    await locker.lock(8_000_000_000);
    await database.query("select pg_advisory_lock(1)"); // Somebody else's lock, of no locker.
    const [source] = await openSources(database, config);
    const mail = await readQueue(source, "mail");
    expect(mail).toMatchObject({
      depth: 3,
      deferred: 1,
      retrying: 4,
      active: 2,
      dead: 2,
      paused: null,
      waitSeconds: null,
      exact: false,
    });
    expect(Math.abs((mail?.oldestAgeSeconds ?? 0) - 90)).toBeLessThan(10);
    await database.query("select pg_advisory_unlock(1)");
  });

  it("dates failures by Que's default interval, expired jobs by their time", async () => {
    const [source] = await openSources(database, config);
    expect(await readQueue(source, "mail")).toMatchObject({ failuresLastHour: 4 });
    const failures = (await source?.failures(signal)) ?? [];
    expect(
      failures.map(({ error, count, attempts, jobIds, worker }) => [error, count, attempts, jobIds, worker]),
    ).toEqual([
      ["E: again", 3, 3, ["8000000000", "4", "3"], null],
      ["E: gave up", 1, 15, ["8"], null],
    ]);
    // 4 failed 1^4 + 3 seconds before its next attempt, 3 failed 3^4 + 3 before.
    const [last, first] = [failures[0]?.lastAt, failures[0]?.firstAt].map(
      (at) => (Date.now() - Date.parse(at ?? "")) / 1000,
    );
    expect(Math.abs((last ?? 0) - 9)).toBeLessThan(toBound(4));
    expect(Math.abs((first ?? 0) - 24)).toBeLessThan(toBound(4));
  });

  it("finds live lockers' worker threads and the jobs on their hosts", async () => {
    const one = await addLocker("web-1", "{mail,sms}", 6);
    const other = await addLocker("web-2", "{mail}", 4);
    await one.lock(6);
    await other.lock(4);
    const [source] = await openSources(database, config);
    expect(await readQueue(source, "mail")).toMatchObject({ workers: 10, active: 2 });
    expect(await readQueue(source, "sms")).toMatchObject({ workers: 6, depth: 0 });
    expect(await source?.running?.(["web-1"], signal)).toMatchObject({
      total: 1,
      unnamed: 0,
      jobs: [{ queue: "mail", jobId: "6", kind: "Mail", startedAt: null }],
    });
    expect(
      ((await source?.workerJobs?.(signal)) ?? []).map(({ host, count }) => `${host} ${count}`).toSorted(),
    ).toEqual(["web-1 1", "web-2 1"]);
    await one.end();
    await other.end();
    await expect.poll(() => readQueue(source, "mail")).toMatchObject({ workers: 0, active: 0 });
  });

  it("counts stored successes; queues that store none are unknown", async () => {
    const [source] = await openSources(database, config);
    await database.query(`
      insert into que_jobs (id, queue, job_class, job_schema_version, finished_at) values
        (101, 'sms', 'S', 2, now() - interval '10 minutes'), (102, 'sms', 'S', 2, null)`);
    expect(await readQueue(source, "sms")).toMatchObject({ processedPerSec: 0 });
    await database.query("update que_jobs set finished_at = now() where queue = 'sms' and finished_at is null");
    expect(await readQueue(source, "sms")).toMatchObject({ processedPerSec: 1 / 300 });
    expect([await readQueue(source, "mail"), await readQueue(source, "idle")]).toMatchObject([
      { processedPerSec: null },
      { processedPerSec: null },
    ]);
  });

  it("samples the table's deletions while there is only one queue", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const [source] = await openSources(database, { ...config, names: [] });
      expect(await readQueue(source, "mail")).toMatchObject({ processedPerSec: null, windowSeconds: null });
      await database.query("delete from que_jobs where id in (1, 6)");
      await database.query("select pg_stat_force_next_flush()");
      vi.advanceTimersByTime(120_000);
      const rate = async () => (await readQueue(source, "mail"))?.processedPerSec ?? null;
      await expect.poll(rate).toBeCloseTo(2 / 120);
      await addLocker("web-1", "{sms}", 1);
      expect(await rate()).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  it("needs only the right to read its tables to see lockers and locks", async () => {
    const locker = await addLocker("web-1", "{mail}", 6);
    await locker.lock(6);
    const role = await database.createRole();
    await database.query(`grant select on que_jobs, que_lockers to ${role.name}`);
    const [source] = await openSources(role, config);
    expect(await readQueue(source, "mail")).toMatchObject({ active: 1, workers: 6 });
    await database.query(`revoke all on que_jobs, que_lockers from ${role.name}`);
  });

  it.each(["", "\n \t"])("redacts secrets that Que cuts at 500 characters, after %j", async (blank) => {
    const text = `${blank}E: ${"x".repeat(470)} postgres://app:CANARYOFAPASSWORD@db/x`.slice(0, 500);
    await database.query("delete from que_jobs where id = 201");
    await database.query(
      `insert into que_jobs (id, queue, job_class, job_schema_version, error_count, last_error_message, expired_at) values (201, 'cut', 'S', 2, 1, $1, now())`,
      [text],
    );
    const [source] = await openSources(database, config);
    const failure = (await source?.failures(signal))?.find(({ queue }) => queue === "cut");
    expect(failure?.error).toBe(`E: ${"x".repeat(470)} `);
  });

  it("is detected", async () => {
    expect((await openSources(database, null)).map(({ name, kind }) => [name, kind])).toEqual([["que", "que"]]);
  });

  it("without a rate is of unknown state while its jobs fail", async () => {
    const [source] = await openSources(database, config);
    await addLocker("web-1", "{flaky,other}", 6);
    const fail = async (ids: string) =>
      database.query(`
        insert into que_jobs (id, queue, job_class, job_schema_version, run_at, error_count, expired_at)
        select n, 'flaky', 'F', 2, now() - interval '1 minute', 1, now() from generate_series(${ids}) as n`);
    await fail("2001, 2004");
    const few = await readQueue(source, "flaky");
    expect(few).toMatchObject({ processedPerSec: null, failuresLastHour: 4, failuresRecent: 4 });
    expect(few && toQueueState(few)).toBe("ok");
    await fail("2005, 2005");
    const flaky = await readQueue(source, "flaky");
    expect(flaky && toQueueState(flaky)).toBe("unknown");
    await database.query("delete from que_jobs where queue = 'flaky'");
  });

  describe("with an old job of low priority, under fake time", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "performance"] }));
    afterEach(() => void vi.useRealTimers());

    /** Reads the queue `low` a minute later: jobs become older with the clock. */
    const openLow = async (queues: string) => {
      const [source] = await openSources(database, { ...config, names: [] });
      const locker = await addLocker("web-1", queues, 6);
      await database.query("delete from que_jobs");
      await database.query(`
        insert into que_jobs (id, queue, job_class, job_schema_version, run_at)
        select 1000 + n, 'low', 'L', 2, now() - interval '40 minutes' from generate_series(1, 20) as n`);
      const later = async () => {
        vi.advanceTimersByTime(60_000);
        await database.query("update que_jobs set run_at = run_at - interval '1 minute' where finished_at is null");
        await database.query("select pg_stat_force_next_flush()");
        const low = await readQueue(source, "low");
        return low && { ...low, state: toQueueState(low) };
      };
      return { locker, later };
    };

    it("is not stalled after a minute of samples, but after five", async () => {
      const { later } = await openLow("{low}");
      const states = [];
      for (let minute = 0; minute <= 6; minute += 1) states.push((await later())?.state);
      expect(states).toEqual([...Array.from({ length: 5 }, () => "backlog"), "stalled", "stalled"]);
    });

    it("is not stalled while the jobs that run change", async () => {
      const { locker, later } = await openLow("{low,other}");
      const states: unknown[] = [];
      for (let minute = 0; minute <= 7; minute += 1) {
        // The last one is taken, done and deleted; two more come.
        await locker.unlockAll();
        await database.query("delete from que_jobs where id = (select max(id) from que_jobs)");
        await database.query(`
          insert into que_jobs (queue, job_class, job_schema_version) select 'low', 'L', 2 from generate_series(1, 3)`);
        const { rows } = await database.query("select max(id) as id from que_jobs");
        await locker.lock(rows[0]?.["id"] as string);
        const low = await later();
        expect(low).toMatchObject({ processedPerSec: null, active: 1 });
        states.push(low?.state);
      }
      expect(new Set(states)).toEqual(new Set(["backlog"]));
      for (let minute = 0; minute <= 4; minute += 1) states.push((await later())?.state);
      expect(states.at(-1)).toBe("stalled");
    });

    it("is not stalled where another class of its jobs leaves no row", async () => {
      const { later } = await openLow("{low}");
      await database.query(`
        insert into que_jobs (queue, job_class, job_schema_version, finished_at)
        values ('low', 'Kept', 2, now() - interval '50 minutes')`);
      const states: unknown[] = [];
      for (let minute = 0; minute <= 7; minute += 1) {
        await database.query(
          "delete from que_jobs where id = (select max(id) from que_jobs where finished_at is null)",
        );
        await database.query("insert into que_jobs (queue, job_class, job_schema_version) values ('low', 'L', 2)");
        const low = await later();
        expect(low).toMatchObject({ processedPerSec: 0, windowSeconds: null });
        states.push(low?.state);
      }
      expect(new Set(states)).toEqual(new Set(["backlog"]));
    });
  });

  it("without a rate is stalled when no job is taken for 5 minutes", async () => {
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    try {
      const [source] = await openSources(database, config);
      await addLocker("web-1", "{stuck}", 6);
      await database.query(`
        insert into que_jobs (id, queue, job_class, job_schema_version, run_at)
        select 1000 + n, 'stuck', 'S', 2, now() - interval '18 minutes' from generate_series(1, 409) as n`);
      /** The state a minute later: jobs become older with the clock. */
      const stateLater = async () => {
        vi.advanceTimersByTime(60_000);
        await database.query("update que_jobs set run_at = run_at - interval '1 minute' where queue = 'stuck'");
        const queue = await readQueue(source, "stuck");
        expect(queue).toMatchObject({ processedPerSec: null, active: 0, workers: 6 });
        return queue && toQueueState(queue);
      };
      const states: unknown[] = [];
      for (let minute = 0; minute <= 5; minute += 1) states.push(await stateLater());
      expect(states).toEqual([...Array.from({ length: 5 }, () => "backlog"), "stalled"]);
      await database.query("delete from que_jobs where id = 1001");
      expect(await stateLater()).toBe("backlog");
      await database.query("delete from que_jobs where queue = 'stuck'");
      expect(await stateLater()).toBe("ok");
    } finally {
      vi.useRealTimers();
    }
  });
});
