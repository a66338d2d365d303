import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Operator, openOperator } from "../support/job-operator.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";
import { toQueueMapping } from "../support/queue-mappings.ts";

/** Statuses of an enum, ids of uuid, a queue by column, an "ordinary" name nowhere. */
const full = {
  name: "full",
  kind: "table",
  table: '"odd schema"."Jobs ""x"""',
  queue: { column: "Type's" },
  id: "key",
  status: "State",
  waiting: ["pending"],
  retrying: ["again"],
  active: ["running"],
  done: ["done"],
  failed: ["failed", "dead", "dropped"],
  dead: ["dead", "dropped"],
  run_at: "run at",
  finished_at: "ended",
  error: "error",
  attempts: "tries",
  control: { retry: { status: "pending", reset: ["ended", "error"], attempts: 0 }, discard: { status: "dropped" } },
};

describe("operations on jobs of a table", () => {
  let database: TestDatabase;
  let operator: Operator;
  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "tableops");
    await database.query(`
      create schema "odd schema";
      create type job_state as enum ('pending', 'again', 'running', 'done', 'failed', 'dead', 'dropped');
      create table "odd schema"."Jobs ""x""" (key uuid primary key default gen_random_uuid(), "Type's" text, "State" job_state not null,
        "run at" timestamptz, ended timestamptz, error text, tries int not null default 5, note text default 'kept');
      create table payouts (id text primary key, state int not null, settled_at timestamp, failure text);
      create table silent (id int primary key, state text not null, settled_at timestamptz, failure text);
      insert into silent values (1, 'rejected', now(), 'x');
      create table lone (id int primary key, state text not null, settled_at timestamptz, failure text);
      insert into lone values (1, 'rejected', now(), 'x'), (2, 'paid', now(), null);
      create table guarded (id int primary key, state text not null check (state <> 'queued'), settled_at timestamptz, failure text);
      insert into guarded values (1, 'rejected', now(), 'x'), (2, 'rejected', now(), 'x');
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'canary-secret'; end $$;
      create trigger refuse before update on guarded for each row when (old.id = 2) execute function refuse()`);
    const numbered = {
      waiting: [0],
      done: [1],
      failed: [2, -3],
      control: { retry: { status: 0 }, discard: { status: -3 } },
    };
    operator = openOperator({
      databaseUrl: database.url,
      controlUrl: database.url,
      queues: [
        full,
        { ...toQueueMapping("payouts"), ...numbered },
        toQueueMapping("silent"),
        { ...toQueueMapping("lone"), control: { retry: { status: "queued" }, discard: { status: "rejected" } } },
        { ...toQueueMapping("guarded"), control: { retry: { status: "queued" } } },
      ],
    });
  });
  afterAll(async () => {
    await operator.close();
    await database.drop();
  });

  const insert = async (state: string, more = "null, null") =>
    (
      await database.query(
        `insert into "odd schema"."Jobs ""x""" ("Type's", "State", error, "run at", ended) values ('mail', $1::job_state, 'boom', ${more}) returning key::text`,
        [state],
      )
    ).rows[0]?.["key"] as string;
  const read = async (id: string) =>
    (await database.query(`select *, "run at" <= now() as due from "odd schema"."Jobs ""x""" where key = $1`, [id]))
      .rows[0];

  it("retry sets the mapping's status, columns and attempts, due now", async () => {
    for (const state of ["failed", "dead", "again", "dropped"]) {
      const id = await insert(state, "now() + interval '1 hour', now()");
      expect((await operator.retry("full", id)).done).toEqual({
        source: "full",
        queue: "mail",
        jobId: id,
        state: "pending",
      });
      expect(await read(id)).toMatchObject({
        State: "pending",
        due: true,
        ended: null,
        error: null,
        tries: 0,
        note: "kept",
      });
    }
  });

  it("discard sets the end of a waiting or failed job, nothing else", async () => {
    const ended = "2026-01-02T03:04:05.000Z";
    const jobs = [await insert("pending"), await insert("again"), await insert("failed", `null, '${ended}'`)];
    for (const id of jobs) {
      expect((await operator.discard("full", id)).done).toMatchObject({ state: "dropped" });
      expect(await read(id)).toMatchObject({ State: "dropped", error: "boom", tries: 5, ended: expect.any(Date) });
      const again = await operator.discard("full", id);
      expect(again.error).toMatchObject({ code: "job_conflict", message: "This job is dropped and was not discarded" });
    }
    const ends: number[] = [];
    for (const id of jobs) ends.push(Number((await read(id))?.["ended"]));
    expect(ends.map((end) => Date.now() - end < 10_000)).toEqual([true, true, false]);
    expect(ends[2]).toBe(Date.parse(ended));
    const running = await insert("running");
    expect((await operator.discard("full", running)).error).toMatchObject({
      message: "This job is running and was not discarded",
    });
    expect(await read(running)).toMatchObject({ State: "running" });
  });

  it("an error group leaves discarded jobs unchanged", async () => {
    await database.query(`delete from "odd schema"."Jobs ""x"""`);
    const [failed, dropped] = [await insert("failed", "null, now()"), await insert("dropped", "null, now()")];
    const { data } = await operator.ask('{ jobErrors(queue: "mail") { fingerprint } }');
    const group = await operator.retryGroup("full", "mail", data.jobErrors[0].fingerprint);
    expect(group.data).toMatchObject({ count: 1, jobIds: [failed], skipped: [] });
    expect(await read(dropped)).toMatchObject({ State: "dropped" });
  });

  it("retry of a group covers discarded jobs that share the failed status", async () => {
    const { data } = await operator.ask('{ jobErrors(queue: "lone") { fingerprint } }');
    const group = await operator.retryGroup("lone", "lone", data.jobErrors[0].fingerprint);
    expect(group.data).toMatchObject({ count: 1, jobIds: ["1"], skipped: [] });
    expect((await database.query("select id, state from lone order by id")).rows).toEqual([
      { id: 1, state: "queued" },
      { id: 2, state: "paid" },
    ]);
  });

  it("statuses and ids may be integers or any text", async () => {
    const odd = 'it\'s \\ "x" 💥; --';
    await database.query("insert into payouts values ($1, 2, now(), 'x'), ('w', 0, null, null)", [odd]);
    expect((await operator.retry("payouts", odd, ', queue: "payouts"')).done).toEqual({
      source: "payouts",
      queue: "payouts",
      jobId: odd,
      state: "0",
    });
    expect((await operator.discard("payouts", "w")).done).toMatchObject({ state: "-3" });
    expect((await operator.retry("payouts", odd, ', queue: "mail"')).error?.code).toBe("job_not_found");
    expect((await database.query("select id, state from payouts order by state")).rows).toEqual([
      { id: "w", state: -3 },
      { id: odd, state: 0 },
    ]);
  });

  it("an id of another type differs from a missing job", async () => {
    expect((await operator.retry("full", "17")).error).toMatchObject({ code: "invalid_request" });
    expect((await operator.retry("full", "0d1f2c3b-4a59-4687-8796-a5b4c3d2e1f0")).error).toMatchObject({
      code: "job_not_found",
    });
    expect((await operator.retry("guarded", "99999999999")).error).toMatchObject({ code: "invalid_request" });
  });

  it("nothing outside the mapping is changed", async () => {
    const before = (await operator.record()).length;
    for (const { error } of [
      await operator.retry("silent", "1"),
      await operator.discard("silent", "1"),
      await operator.discard("guarded", "1"),
    ]) {
      expect(error?.code).toBe("operation_not_supported");
      expect(error?.message).toMatch(
        /^The mapping of (silent|guarded) in WALLET_CORE_OPS_QUEUES_FILE does not define this operation/,
      );
    }
    const { rows } = await database.query("select state from silent");
    expect(rows).toEqual([{ state: "rejected" }]);
    expect(await operator.record()).toHaveLength(before);
  });

  it("check verifies tables with any id type and changes nothing", async () => {
    const before = (await database.query("select id, state from payouts order by id")).rows;
    await database.query("insert into payouts values ('0', 2, now(), 'x')");
    for (const source of await operator.sources.queues.all(AbortSignal.timeout(5000))) {
      await expect(source.control?.verify()).resolves.toBeUndefined();
    }
    expect((await database.query("select id, state from payouts order by id")).rows).toEqual([
      { id: "0", state: 2 },
      ...before,
    ]);
  });

  it("check verifies nothing where no change is configured", async () => {
    const role = await database.createRole();
    const powerless = openOperator({
      databaseUrl: database.url,
      controlUrl: role.url,
      queues: [toQueueMapping("silent"), full],
    });
    const [silent, other] = await powerless.sources.queues.all(AbortSignal.timeout(5000));
    await expect(silent?.control?.verify()).resolves.toBeUndefined();
    await expect(other?.control?.verify()).rejects.toMatchObject({ code: "schema_mismatch" });
    await powerless.close();
  });

  it("constraints and triggers apply, and their messages are not quoted", async () => {
    for (const [id, state] of [
      ["1", "23514"],
      ["2", "P0001"],
    ] as const) {
      const { error } = await operator.retry("guarded", id);
      expect(error).toEqual({
        code: "job_conflict",
        message: `This job is rejected and was not retried: the database refused it (SQLSTATE ${state})`,
      });
    }
    expect(JSON.stringify(await operator.record())).not.toContain("canary-secret");
  });
});
