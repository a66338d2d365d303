import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { findKind, type QueueSourceConfig } from "../../src/queues/registry.ts";
import { toBound } from "../support/bound.ts";
import { type Operator, openOperator } from "../support/job-operator.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";

describe("operations on jobs of River", () => {
  let database: TestDatabase;
  let operator: Operator;
  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "riverops");
    await createRiverJobs(database, "jobs");
    // As its migration 6.
    await database.query(`
      create function jobs.river_job_state_in_bitmask(bitmask bit(8), state jobs.river_job_state) returns boolean language sql immutable as $$
        select case state when 'available' then get_bit(bitmask, 7) when 'cancelled' then get_bit(bitmask, 6) when 'completed' then get_bit(bitmask, 5)
                          when 'discarded' then get_bit(bitmask, 4) when 'pending' then get_bit(bitmask, 3) when 'retryable' then get_bit(bitmask, 2)
                          when 'running' then get_bit(bitmask, 1) when 'scheduled' then get_bit(bitmask, 0) end = 1 $$;
      create unique index on jobs.river_job (unique_key)
        where unique_key is not null and unique_states is not null and jobs.river_job_state_in_bitmask(unique_states, state)`);
    operator = openOperator({ databaseUrl: database.url, controlUrl: database.url });
  });
  afterAll(async () => {
    await operator.close();
    await database.drop();
  });

  const insert = async (values: Record<string, unknown>) => {
    const names = Object.keys(values);
    const places = names.map((_, index) => `$${index + 1}`).join(", ");
    const statement = `insert into jobs.river_job (kind, ${names.join(", ")}) values ('mail', ${places}) returning id::text`;
    return (await database.query(statement, Object.values(values))).rows[0]?.["id"] as string;
  };
  const read = async (id: string) =>
    (await database.query("select * from jobs.river_job where id = $1", [id])).rows[0] ?? {};
  const ended = new Date(Date.now() - 60_000);
  const soon = new Date(Date.now() + 3_600_000);

  it("retry gives an exhausted job one more attempt, due now", async () => {
    const dead = await insert({ state: "discarded", attempt: 3, max_attempts: 3, finalized_at: ended });
    const waits = await insert({ state: "retryable", attempt: 1, max_attempts: 3, scheduled_at: soon });
    for (const id of [dead, waits]) {
      expect((await operator.retry("river", id)).done).toEqual({
        source: "river",
        queue: "mail",
        jobId: id,
        state: "available",
      });
      const { scheduled_at: scheduledAt, finalized_at: finalizedAt } = await read(id);
      expect(Math.abs((scheduledAt as Date).getTime() - Date.now())).toBeLessThan(10_000);
      expect(finalizedAt).toBeNull();
    }
    expect([(await read(dead))["max_attempts"], (await read(waits))["max_attempts"]]).toEqual([4, 3]);
  });

  it("retry runs no completed job, and no scheduled one early", async () => {
    const completed = await insert({ state: "completed", finalized_at: ended });
    const scheduled = await insert({ state: "scheduled", scheduled_at: soon });
    const pending = await insert({ state: "pending" });
    for (const [id, state] of [
      [completed, "completed"],
      [scheduled, "scheduled"],
      [pending, "pending"],
    ] as const) {
      expect((await operator.retry("river", id)).error).toEqual({
        code: "job_conflict",
        message: `This job is ${state} and was not retried`,
      });
      expect((await read(id))["state"]).toBe(state);
    }
  });

  it("cancel of a running job notifies its worker, as River's clients do", async () => {
    const id = await insert({ state: "running", attempt: 1, queue: "bulk" });
    const client = await database.connect();
    const heard: (string | undefined)[][] = [];
    client.on("notification", ({ channel, payload }) => heard.push([channel, payload]));
    await client.query('listen "jobs.river_control"');
    expect((await operator.discard("river", id)).done).toMatchObject({ state: "running" });
    await expect.poll(() => heard.length).toBe(1);
    expect(heard[0]?.[0]).toBe("jobs.river_control");
    expect(JSON.parse(heard[0]?.[1] ?? "")).toEqual({ action: "cancel", job_id: Number(id), queue: "bulk" });
    const { state, finalized_at: finalizedAt, metadata } = await read(id);
    expect([state, finalizedAt]).toEqual(["running", null]);
    expect(Date.parse((metadata as Record<string, string>)["cancel_attempted_at"] ?? "")).toBeGreaterThan(
      Date.now() - 60_000,
    );
    expect((await operator.retry("river", id)).error).toMatchObject({ code: "job_conflict" });
    await client.end();
  });

  it("cancel of a group asks no job to stop that runs by now", async () => {
    const id = await insert({ state: "running", attempt: 1 });
    const config: QueueSourceConfig = { kind: "river", name: "river", schema: "jobs", by: "kind" };
    const control = findKind(config).control?.(config);
    const statement = control?.change("discard", { jobId: id, queue: "mail" }, true) ?? "";
    expect((await database.query(statement)).rows).toEqual([]);
    expect(await read(id)).toMatchObject({ state: "running", metadata: {} });
  });

  it("cancel of a waiting job can be undone; groups do not include it", async () => {
    const errors = [{ at: new Date().toISOString(), attempt: 1, error: "boom 17", trace: "" }];
    const insertFailed = (state: string, more: object = {}) =>
      insert({ state, errors: errors.map((error) => JSON.stringify(error)), queue: "bulk", attempt: 1, ...more });
    const [waits, retried] = [
      await insertFailed("retryable", { scheduled_at: soon }),
      await insertFailed("retryable", { scheduled_at: soon }),
    ];
    const completed = await insertFailed("completed", { finalized_at: ended });
    expect((await operator.discard("river", waits)).done).toMatchObject({ state: "cancelled" });
    const { data } = await operator.ask("{ jobErrors { fingerprint count } }");
    expect(data.jobErrors).toMatchObject([{ count: 3 }]);
    const group = await operator.retryGroup("river", "mail", data.jobErrors[0].fingerprint);
    expect(group.data).toEqual({ count: 1, jobIds: [retried], left: 0, skipped: [], error: null });
    expect((await read(completed))["state"]).toBe("completed");
    expect((await operator.retry("river", waits)).done).toMatchObject({ state: "available" });
  });

  it("an error group passes over jobs that were retried or succeeded", async () => {
    await database.query(`
      insert into jobs.river_job (kind, state, attempt, max_attempts, finalized_at, errors)
      select 'mail', (case when n <= 30 then 'discarded' else 'completed' end)::jobs.river_job_state, 2, 2, now(),
             array[jsonb_build_object('at', now() - (200 - n) * interval '1 second', 'attempt', 1, 'error', 'gone away', 'trace', '')]
      from generate_series(1, 150) as n`);
    const find = async () => {
      const { data } = await operator.ask("{ jobErrors { error fingerprint count } }");
      return data.jobErrors.find(({ error }: { error: string }) => error === "gone away");
    };
    // An answer serves for a second.
    await expect.poll(find, { timeout: toBound(5000) }).toMatchObject({ count: 150 });
    const { fingerprint } = await find();
    const retry = async () => (await operator.retryGroup("river", "mail", fingerprint, 20)).data;
    expect(await retry()).toMatchObject({ count: 20, left: 10, skipped: [] });
    expect(await retry()).toMatchObject({ count: 10, left: 0, skipped: [] });
    const { error } = await operator.retryGroup("river", "mail", fingerprint);
    expect(error).toMatchObject({ code: "not_found", message: expect.stringContaining("can still be retried") });
  });

  it("a unique job's conflict is reported and nothing changes", async () => {
    const unique = { unique_key: Buffer.from("k"), unique_states: "11110101" };
    const dead = await insert({ state: "discarded", finalized_at: ended, ...unique });
    const waits = await insert({ state: "available", ...unique });
    expect((await operator.retry("river", dead)).error).toEqual({
      code: "job_conflict",
      message: "This job is discarded and was not retried: another job with its unique key waits or runs",
    });
    expect((await read(dead))["state"]).toBe("discarded");
    await database.query("delete from jobs.river_job where id = $1", [waits]);
    expect((await operator.retry("river", dead)).done).toMatchObject({ state: "available" });
  });
});
