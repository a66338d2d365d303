import { mkdirSync, rmSync } from "node:fs";
import { afterEach, expect, inject, it } from "vitest";
import { createAuditFile } from "../../src/audit/file/file.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toJobIntent } from "../../src/queues/jobs/operations.ts";
import { toBound } from "../support/bound.ts";
import { createCaller } from "../support/caller.ts";
import { openOperator, type Operator } from "../support/job-operator.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { until } from "../support/until.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(): Promise<{ database: TestDatabase; operator: Operator }> {
  const database = await createTestDatabase(inject("postgresUrl"), "faults");
  closers.push(() => database.drop());
  const jobs = await createRiverJobs(database);
  await jobs.insert([1, 2, 3].map((id) => ({ id, queue: "mail", state: "failed" as const, error: "boom" })));
  const operator = openOperator({ databaseUrl: database.url, controlUrl: database.url });
  closers.push(() => operator.close());
  return { database, operator };
}

const states = async (database: TestDatabase) =>
  (await database.query("select state::text from river_job order by id")).rows.map(({ state }) => state);
const endControl = (database: TestDatabase) =>
  database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'wallet-core-ops-control' and datname = current_database()`,
  );
/** Until a statement waits for a lock. */
const untilBlocked = (database: TestDatabase) =>
  until(async () => {
    const { rows } = await database.query(
      "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    return rows.length > 0;
  });

it("nothing changes without a record of it", async () => {
  const { database, operator } = await open();
  rmSync(operator.auditFile, { force: true });
  mkdirSync(operator.auditFile);
  const fingerprint = (await operator.ask("{ jobErrors { fingerprint } }")).data.jobErrors[0].fingerprint;
  for (const { error } of [
    await operator.retry("river", "1"),
    await operator.discard("river", "1"),
    await operator.retryGroup("river", "mail", fingerprint),
  ]) {
    expect(error).toMatchObject({ code: "audit_unavailable" });
  }
  expect(await states(database)).toEqual(["discarded", "discarded", "discarded"]);
  rmSync(operator.auditFile, { recursive: true });
  expect((await operator.retry("river", "1")).done).toMatchObject({ state: "available" });
});

it("a lost idle connection is retried, because nothing was sent", async () => {
  const { database, operator } = await open();
  expect((await operator.retry("river", "1")).done).not.toBeNull();
  await endControl(database);
  expect((await operator.retry("river", "2")).done).toMatchObject({ state: "available" });
  expect((await operator.record()).map(({ outcome }) => outcome)).toEqual(["intent", "ok", "intent", "ok"]);
});

it("a lost answer is unknown, and the job is read afterwards", async () => {
  const { database, operator } = await open();
  const other = await database.connect();
  await other.query("begin; select from river_job where id = 1 for update");
  const answer = operator.retry("river", "1");
  await untilBlocked(database);
  await endControl(database);
  expect((await answer).error).toMatchObject({ code: "job_unknown" });
  await other.query("rollback");
  await other.end();
  await expect.poll(async () => (await operator.record()).length, { timeout: toBound(5000) }).toBe(3);
  expect(await operator.record()).toMatchObject([
    { outcome: "intent" },
    { outcome: "unknown", code: "job_unknown", intent: 1 },
    { outcome: "unknown", code: null, detail: "settled: now 1 discarded", intent: 1 },
  ]);
  expect(await operator.verify()).toMatchObject({ ok: true });
});

it("a locked row is reported and stops an error group", async () => {
  const { database, operator } = await open();
  const other = await database.connect();
  await other.query("begin; select from river_job where id = 2 for update");
  const fingerprint = (await operator.ask("{ jobErrors { fingerprint } }")).data.jobErrors[0].fingerprint;
  const { data, error } = await operator.retryGroup("river", "mail", fingerprint);
  expect(error).toBeNull();
  expect(data).toMatchObject({ count: 1, jobIds: ["3"], left: 2, skipped: [], error: { code: "queue_locked" } });
  expect((await operator.record()).at(-1)).toMatchObject({
    outcome: "failed",
    code: "queue_locked",
    detail: expect.stringMatching(/^1 retried, 0 skipped; then queue_locked/),
  });
  await other.query("rollback");
  await other.end();
  expect((await operator.retryGroup("river", "mail", fingerprint)).data).toMatchObject({
    count: 2,
    left: 0,
    error: null,
  });
});

it("a dead process's open change is unknown, with the job's state now", async () => {
  const { operator, database } = await open();
  const caller = createCaller();
  const source = { name: "river", env: "staging" as const, control: null as never };
  const request = { source, reason: "stuck", requestId: "r-0", principal: caller.principal, origin: caller.origin() };
  const earlier = createAuditFile({ path: operator.auditFile, logger: silentLogger });
  await earlier.write(
    toJobIntent("job.retry", { source: "river", queue: null, ids: ["1"], fingerprint: null }, request),
  );
  await earlier.close();
  await operator.sources.jobs.recover();
  await operator.sources.restarts.recover();
  await expect.poll(async () => (await operator.record()).length).toBe(3);
  expect(await operator.record()).toMatchObject([
    { outcome: "intent", requestId: "r-0" },
    {
      outcome: "unknown",
      code: "job_unknown",
      detail: "the gateway died during the change",
      intent: 1,
      job: { ids: ["1"] },
    },
    { outcome: "unknown", detail: "settled: now 1 discarded", intent: 1 },
  ]);
  expect(await states(database)).toEqual(["discarded", "discarded", "discarded"]);
  expect(await operator.verify()).toMatchObject({ ok: true });
});

it("a change continues when its caller left; shutdown waits for it", async () => {
  const { database, operator } = await open();
  const other = await database.connect();
  await other.query("begin; select from river_job where id = 1 for update");
  const caller = createCaller();
  const source = (await operator.sources.queues.all(caller.signal)).find(({ name }) => name === "river");
  const request = {
    source: { name: "river", env: "staging" as const, control: source?.control as never },
    reason: "x",
    requestId: "r",
    principal: caller.principal,
    origin: caller.origin(),
  };
  void operator.sources.jobs.change("retry", { jobId: "1", queue: null }, request);
  await untilBlocked(database);
  const closed = operator.sources.close();
  await other.query("commit");
  await closed;
  expect(await states(database)).toEqual(["available", "discarded", "discarded"]);
  expect((await operator.record()).map(({ outcome }) => outcome)).toEqual(["intent", "ok"]);
  await other.end();
});

it("an unavailable control database differs from a read-only one", async () => {
  const { database } = await open();
  const ask = async (controlUrl: string) => {
    const operator = openOperator({ databaseUrl: database.url, controlUrl });
    closers.push(() => operator.close());
    return (await operator.retry("river", "1")).error;
  };
  const url = new URL(database.url);
  const change = (values: Partial<URL>) => Object.assign(new URL(url), values).href;
  expect(await ask(change({ port: "1" }))).toMatchObject({
    code: "postgres_unavailable",
    message:
      "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_CONTROL_DATABASE_URL",
  });
  expect(await ask(change({ password: "wrong-canary" }))).toMatchObject({
    message: "PostgreSQL refused the login of WALLET_CORE_OPS_CONTROL_DATABASE_URL",
  });
  expect(await ask(change({ pathname: "/nowhere" }))).toMatchObject({
    message: "The database of WALLET_CORE_OPS_CONTROL_DATABASE_URL does not exist",
  });
  expect(await ask(change({ pathname: "/postgres" }))).toMatchObject({
    code: "operation_not_supported",
    message:
      "Nothing is changed: WALLET_CORE_OPS_CONTROL_DATABASE_URL leads to another database than WALLET_CORE_OPS_DATABASE_URL",
  });
  expect(await states(database)).toEqual(["discarded", "discarded", "discarded"]);
});
