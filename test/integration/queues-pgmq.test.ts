import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { describeQueueSource } from "../contracts/queue-source.ts";
import { createSqlBackend } from "../support/job-backend.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";
import { createPgmqJobs, createSchema } from "../support/preset-jobs.ts";
import { openSources, readQueue } from "../support/queue-source.ts";

describeQueueSource("pgmq", () => createSqlBackend("pgmq", createPgmqJobs));

describe("pgmq", () => {
  const signal = AbortSignal.timeout(60_000);
  const config = { name: "p", kind: "pgmq" as const, names: ["idle"] };
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "pgmq");
    await createSchema(database, "pgmq");
  });
  beforeEach(() => database.query("select pgmq.drop_queue(queue_name) from pgmq.meta"));
  afterAll(() => database.drop());

  it("separates read from delayed messages, with the oldest's age", async () => {
    await database.query(`
      select pgmq."create"('Mail Out');
      select pgmq.send('Mail Out', '{}') from generate_series(1, 5);
      select pgmq.read('Mail Out', 30, 2);
      select pgmq.read('Mail Out', -50, 1);
      select pgmq.send('Mail Out', '{}', 3600) from generate_series(1, 3)`);
    const [source] = await openSources(database, config);
    const mail = await readQueue(source, "Mail Out");
    expect(mail).toMatchObject({
      depth: 3,
      active: 2,
      deferred: 3,
      retrying: null,
      dead: null,
      paused: null,
      workers: null,
    });
    expect(mail).toMatchObject({ processedPerSec: null, failuresLastHour: null, exact: false });
    expect(Math.abs((mail?.oldestAgeSeconds ?? 0) - 50)).toBeLessThan(10);
    expect(await source?.failures(signal)).toEqual([]);
    expect(source).not.toHaveProperty("running");
    expect(await readQueue(source, "idle")).toMatchObject({ depth: 0 });
  });

  it("follows queues that come and go", async () => {
    const [source] = await openSources(database, { ...config, names: [] });
    expect(await source?.metrics(signal)).toEqual([]);
    await database.query(`select pgmq."create"('one'); select pgmq.send('one', '{}')`);
    expect(await readQueue(source, "one")).toMatchObject({ depth: 1 });
    await database.query(`select pgmq."create"('two'); select pgmq.drop_queue('one')`);
    expect(await source?.metrics(signal)).toMatchObject([
      { name: "one", depth: 0, oldestAgeSeconds: null },
      { name: "two", depth: 0 },
    ]);
    await database.query("drop table pgmq.q_two");
    expect(await readQueue(source, "two")).toMatchObject({ depth: 0 });
    await database.query("delete from pgmq.meta");
  });

  it("counts all messages of a partitioned queue", async () => {
    await database.query(`
      create table pgmq.q_parts (msg_id bigint not null, read_ct int not null default 0, vt timestamptz not null) partition by range (msg_id);
      create table pgmq.q_parts_1 partition of pgmq.q_parts for values from (0) to (100);
      create table pgmq.q_parts_2 partition of pgmq.q_parts for values from (100) to (200);
      insert into pgmq.meta values ('parts', true, false);
      insert into pgmq.q_parts select n, 0, now() - interval '1 second' from generate_series(50, 149) as n`);
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const [source] = await openSources(database, config);
      expect(await readQueue(source, "parts")).toMatchObject({ depth: 100 });
      await database.query("delete from pgmq.q_parts where msg_id in (99, 100, 101)");
      await database.query("select pg_stat_force_next_flush()");
      vi.advanceTimersByTime(300_000);
      await expect.poll(async () => (await readQueue(source, "parts"))?.processedPerSec ?? null).toBeCloseTo(3 / 300);
    } finally {
      vi.useRealTimers();
      await database.query("drop table pgmq.q_parts; delete from pgmq.meta");
    }
  });

  it("samples deletions and archives, not purges or open transactions", async () => {
    await database.query(`select pgmq."create"('mail'); select pgmq.send('mail', '{}') from generate_series(1, 20)`);
    const sender = await database.connect();
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const [source] = await openSources(database, config);
      const told = async () => {
        const queue = await readQueue(source, "mail");
        const [rate, window] = [queue?.processedPerSec ?? null, queue?.windowSeconds ?? null];
        return [queue?.depth, rate, window === null ? null : Math.round(window)];
      };
      expect(await told()).toEqual([20, null, null]);
      await sender.query(`begin; select pgmq.send('mail', '{}') from generate_series(1, 7)`);
      vi.advanceTimersByTime(30_000);
      expect(await told()).toEqual([20, null, null]);
      await sender.query("rollback");
      await database.query("select pgmq.delete('mail', 1), pgmq.archive('mail', 2), pgmq.archive('mail', 3)");
      await database.query("select pg_stat_force_next_flush()");
      vi.advanceTimersByTime(90_000);
      await expect.poll(told).toEqual([17, 3 / 120, 120]);
      await database.query("select pgmq.purge_queue('mail')");
      await database.query("select pg_stat_force_next_flush()");
      vi.advanceTimersByTime(180_000);
      expect(await told()).toEqual([0, 3 / 300, 300]);
      vi.advanceTimersByTime(180_000);
      expect((await told())[1]).toBe(0);
    } finally {
      vi.useRealTimers();
      await sender.end();
    }
  });

  it("needs SELECT on each queue's table and names the missing right", async () => {
    const role = await database.createRole();
    await database.query(`
      select pgmq."create"('mail'); select pgmq.send('mail', '{}');
      grant usage on schema pgmq to ${role.name}; grant select on pgmq.meta to ${role.name}`);
    const [source] = await openSources(role, config);
    const denied = { code: "schema_mismatch", message: "The database role may not read table q_mail" };
    await expect(readQueue(source, "mail")).rejects.toMatchObject(denied);
    await database.query(`grant select on all tables in schema pgmq to ${role.name}`);
    expect(await readQueue(source, "mail")).toMatchObject({ depth: 1 });
    await database.query(
      `revoke all on all tables in schema pgmq from ${role.name}; revoke all on schema pgmq from ${role.name}`,
    );
  });

  it("is detected in its own schema only", async () => {
    await database.query("create schema other; create table other.meta (queue_name text)");
    expect((await openSources(database, null)).map(({ name, kind }) => [name, kind])).toEqual([["pgmq", "pgmq"]]);
  });
});
