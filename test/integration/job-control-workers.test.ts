import { afterEach, describe, expect, inject, it, vi } from "vitest";
import { toBound } from "../support/bound.ts";
import { installGraphileWorker, readEndsScript, runGraphileWorker } from "../support/graphile-jobs.ts";
import { type Operator, openOperator } from "../support/job-operator.ts";
import { type BossVersion, startBoss } from "../support/pgboss-jobs.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(
  label: string,
  install: (url: string) => Promise<void>,
): Promise<{ database: TestDatabase; operator: Operator }> {
  const database = await createTestDatabase(inject("postgresUrl"), label);
  closers.push(() => database.drop());
  await install(database.url);
  const operator = openOperator({ databaseUrl: database.url, controlUrl: database.url });
  closers.push(() => operator.close());
  return { database, operator };
}

const until = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 20_000, interval: 100 });

describe.each<BossVersion>([10, 11, 12])("pg-boss %i", (version) => {
  it("a retried job runs again, a discarded one does not", async () => {
    const { database, operator } = await open(`bosswork${version}`, async (url) =>
      (await startBoss(version, url)).stop(),
    );
    const boss = await startBoss(version, database.url);
    closers.push(() => boss.stop());
    await boss.createQueue("mail");
    const worked: string[] = [];
    let broken = true;
    const dead = await boss.send("mail", { task: "dead" }, { retryLimit: 0 });
    await boss.work("mail", async ({ id }) => {
      worked.push(id);
      if (broken) throw new Error("no route to host 17");
    });
    const stateOf = async (id: string) =>
      (await database.query("select state::text, retry_limit, completed_on from pgboss.job where id = $1", [id]))
        .rows[0];
    await until(async () => expect(await stateOf(dead)).toMatchObject({ state: "failed" }));
    const later = await boss.send("mail", { task: "later" }, { startAfter: 2 });
    broken = false;

    const { data } = await operator.ask("{ jobErrors { source queue fingerprint count jobIds } }");
    expect(data.jobErrors).toMatchObject([{ source: "pgboss", queue: "mail", count: 1, jobIds: [dead] }]);
    expect((await operator.discard("pgboss", later)).done).toMatchObject({ state: "cancelled" });
    const retried = await operator.retryGroup("pgboss", "mail", data.jobErrors[0].fingerprint);
    expect(retried.data).toMatchObject({ count: 1, jobIds: [dead], left: 0 });

    await until(async () => expect(await stateOf(dead)).toMatchObject({ state: "completed", retry_limit: 1 }));
    expect(worked).toEqual([dead, dead]);
    expect((await operator.retry("pgboss", dead)).error).toMatchObject({
      code: "job_conflict",
      message: "This job is completed and was not retried",
    });
    const after = await boss.send("mail", { task: "after" }, { startAfter: 2 });
    await until(() => expect(worked).toContain(after));
    expect(worked).not.toContain(later);
    expect(await stateOf(later)).toMatchObject({ state: "cancelled" });
  });

  it("a waiting job with the same key is reported by pg-boss' constraint", async () => {
    const { database, operator } = await open(`bosskey${version}`, async (url) =>
      (await startBoss(version, url)).stop(),
    );
    await database.query(`select pgboss.create_queue('mail', '{"policy": "stately"}')`);
    const insert = async (state: string) =>
      (
        await database.query(
          `insert into pgboss.job (name, state, policy, singleton_key) values ('mail', $1::pgboss.job_state, 'stately', 'k') returning id::text`,
          [state],
        )
      ).rows[0]?.["id"] as string;
    const [failed, waits] = [await insert("failed"), await insert("retry")];
    expect((await operator.retry("pgboss", failed)).error).toEqual({
      code: "job_conflict",
      message: "This job is failed and was not retried: another job with its unique key waits or runs",
    });
    await operator.discard("pgboss", waits, ', queue: "mail"');
    expect((await operator.retry("pgboss", failed)).done).toMatchObject({ state: "retry" });
  });

  it("two jobs of one id are unchanged unless the queue is named", async () => {
    const { database, operator } = await open(`bosstwo${version}`, async (url) =>
      (await startBoss(version, url)).stop(),
    );
    const id = "0d1f2c3b-4a59-4687-8796-a5b4c3d2e1f0";
    for (const name of ["a", "b"]) {
      await database.query(`select pgboss.create_queue($1, '{"policy": "standard"}')`, [name]);
      await database.query("insert into pgboss.job (id, name, state) values ($1, $2, 'failed')", [id, name]);
    }
    const { error } = await operator.retry("pgboss", id);
    expect(error).toMatchObject({
      code: "job_conflict",
      message: expect.stringContaining("several queues have a job of this id: name one"),
    });
    expect((await operator.retry("pgboss", id, ', queue: "b"')).done).toMatchObject({ queue: "b", state: "retry" });
    const { rows } = await database.query("select name, state::text from pgboss.job order by 1");
    expect(rows).toEqual([
      { name: "a", state: "failed" },
      { name: "b", state: "retry" },
    ]);
  });

  it("a job is found by its primary key, among many and without its queue", async () => {
    const { database, operator } = await open(`bossmany${version}`, async (url) =>
      (await startBoss(version, url)).stop(),
    );
    for (const name of ["a", "b", "c"])
      await database.query(`select pgboss.create_queue($1, '{"policy": "standard"}')`, [name]);
    await database.query(`
      insert into pgboss.job (name, state) select (array['a', 'b', 'c'])[1 + n % 3], 'completed' from generate_series(1, 60000) as n;
      insert into pgboss.job (id, name, state) values ('0d1f2c3b-4a59-4687-8796-a5b4c3d2e1f0', 'b', 'failed');
      analyze pgboss.job; analyze pgboss.queue`);
    await operator.retry("pgboss", "0d1f2c3b-0000-4687-8796-a5b4c3d2e1f0");
    const start = performance.now();
    expect((await operator.retry("pgboss", "0d1f2c3b-4a59-4687-8796-a5b4c3d2e1f0")).done).toMatchObject({ queue: "b" });
    expect(performance.now() - start).toBeLessThan(toBound(250));
  });
});

describe("graphile-worker", () => {
  it("a retried job runs again, a discarded one does not", async () => {
    const { database, operator } = await open("graphilework", installGraphileWorker);
    const worked: string[] = [];
    let broken = true;
    const runner = await runGraphileWorker(database.url, {
      mail: async (payload) => {
        worked.push((payload as { job: string }).job);
        if (broken) throw new Error("no route to host 17");
      },
    });
    closers.push(() => runner.stop());
    const add = async (job: string, options: string) =>
      (
        await database.query(
          `select id::text from graphile_worker.add_job('mail', json_build_object('job', $1::text)${options})`,
          [job],
        )
      ).rows[0]?.["id"] as string;
    const dead = await add("dead", ", max_attempts => 1");
    const again = await add("again", ", max_attempts => 5");
    const later = await add("later", ", run_at => now() + interval '3 seconds'");
    const settled = "select count(*)::int as n from graphile_worker.jobs where attempts = 1 and locked_at is null";
    await until(async () => expect((await database.query(settled)).rows[0]).toEqual({ n: 2 }));
    // Else its next attempt is due by itself.
    await database.query("update graphile_worker._private_jobs set run_at = now() + interval '1 hour' where id = $1", [
      again,
    ]);
    broken = false;
    expect((await operator.retry("graphile-worker", later)).error).toMatchObject({
      message: "This job is scheduled and was not retried",
    });
    expect((await operator.discard("graphile-worker", later, ', queue: "mail"')).done).toMatchObject({
      state: "permanently failed",
    });
    for (const id of [dead, again])
      expect((await operator.retry("graphile-worker", id)).done).toMatchObject({ queue: "mail", state: "waiting" });
    await until(async () => {
      const { rows } = await database.query("select id::text, last_error from graphile_worker.jobs");
      expect(rows).toEqual([{ id: later, last_error: "Discarded by an operator" }]);
    });
    expect(worked.toSorted()).toEqual(["again", "again", "dead", "dead"]);
    expect((await operator.retry("graphile-worker", dead)).error).toMatchObject({ code: "job_not_found" });
  });

  it.each(["without", "with"])("an error group skips discarded jobs, %s a table of ends", async (ends) => {
    const { database, operator } = await open(`graphilegroup${ends}`, installGraphileWorker);
    if (ends === "with") await database.query(readEndsScript());
    let broken = true;
    const worked: string[] = [];
    const runner = await runGraphileWorker(database.url, {
      mail: async (payload) => {
        if (broken) throw new Error("no route to host 17");
        worked.push((payload as { job: string }).job);
      },
    });
    closers.push(() => runner.stop());
    const add =
      "select id::text from graphile_worker.add_job('mail', json_build_object('job', $1::text), max_attempts => 1)";
    const ids: string[] = [];
    for (const job of ["a", "b", "c"]) ids.push((await database.query(add, [job])).rows[0]?.["id"] as string);
    const settled = "select count(*)::int as n from graphile_worker.jobs where attempts = 1 and locked_at is null";
    await until(async () => expect((await database.query(settled)).rows[0]).toEqual({ n: 3 }));
    const { data } = await operator.ask("{ jobErrors { fingerprint count } }");
    // A job that failed for good can be discarded no more: this is one that waited for its next
    // attempt.
    await database.query(
      "update graphile_worker._private_jobs set max_attempts = 2, run_at = now() + interval '1 hour' where id = $1",
      [ids[0]],
    );
    expect((await operator.discard("graphile-worker", ids[0] as string)).done).toMatchObject({
      state: "permanently failed",
    });
    broken = false;
    const retry = async () =>
      (await operator.retryGroup("graphile-worker", "mail", data.jobErrors[0].fingerprint, 1)).data;
    expect([await retry(), await retry()]).toMatchObject([
      { count: 1, left: 1, skipped: [] },
      { count: 1, left: 0, skipped: [] },
    ]);
    await until(() => expect(worked.toSorted()).toEqual(["b", "c"]));
    const { data: after } = await operator.ask("{ queues { failuresLastHour errors { error } } }");
    expect(JSON.stringify(after)).not.toContain("Discarded");
  });

  it("rows hidden by row-level security are not missing jobs", async () => {
    const { database } = await open("graphilerls", installGraphileWorker);
    const role = await database.createRole();
    await database.query(`
      grant usage on schema graphile_worker to ${role.name};
      grant select, update on all tables in schema graphile_worker to ${role.name};
      select graphile_worker.add_job('mail', max_attempts => 1);
      update graphile_worker._private_jobs set attempts = 1`);
    const { rows } = await database.query("select id::text from graphile_worker.jobs");
    const operator = openOperator({ databaseUrl: database.url, controlUrl: role.url });
    closers.push(() => operator.close());
    const { error } = await operator.retry("graphile-worker", rows[0]?.["id"] as string);
    expect(error).toMatchObject({
      code: "schema_mismatch",
      message: expect.stringContaining("Row-level security hides the jobs"),
    });
  });
});
