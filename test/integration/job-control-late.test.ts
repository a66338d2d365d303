import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createPostgresLedger } from "../../src/audit/postgres/ledger.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { type ControlDatabase, createControlDatabase } from "../../src/queues/jobs/database.ts";
import { createJobOperations } from "../../src/queues/jobs/operations.ts";
import { createSqlControl } from "../../src/queues/jobs/sql-control.ts";
import { migrate } from "../../src/state/schema.ts";
import { createCaller } from "../support/caller.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { until } from "../support/until.ts";

const caller = createCaller();
const retryStatement =
  "update jobs set state = 'waiting' where id = 1 and state = 'failed' returning 'mail' as queue, state";
let database: TestDatabase;
let jobs: ControlDatabase;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "late");
  const client = await database.connect();
  await migrate(client);
  await client.end();
  await database.query(
    "create table jobs (id int primary key, state text not null); insert into jobs values (1, 'failed')",
  );
  jobs = createControlDatabase(database.url, silentLogger);
});
afterAll(async () => {
  await jobs.close();
  await database.drop();
});

const readStates = async () => (await database.query("select state from jobs")).rows.map(({ state }) => state);
const readOpen = async () => (await database.query("select from wallet_core_ops.open")).rows.length;

test("an operation that another gateway took over in a wait changes nothing", async () => {
  const [one, other] = [0, 1].map(() =>
    createPostgresLedger({ url: database.url, logger: silentLogger, leaseMs: 4000 }),
  );
  if (!one || !other) throw new Error("not opened");
  const control = createSqlControl({
    source: "jobs",
    table: { schema: null, table: "jobs" },
    id: null,
    change: () => retryStatement,
    look: () => "select state from jobs where id = 1",
    database: jobs,
  });
  const operations = createJobOperations({ ledger: one, find: async () => control });
  // The only connection is busy, for longer than a heartbeat, and our change waits for it.
  const busy = jobs.run(["select pg_sleep(3)"]);
  const source = { name: "jobs", env: "staging", control } as const;
  const request = { source, reason: "stuck", requestId: "r1", principal: caller.principal, origin: caller.origin() };
  const retried = operations
    .change("retry", { jobId: "1", queue: null }, request)
    .catch(({ code }: { code: string }) => code);
  await until(async () => (await readOpen()) === 1);
  await database.query("update wallet_core_ops.open set lease_until = clock_timestamp() - interval '1 s'");
  expect(await other.adopt("job")).toHaveLength(1);
  await busy;
  expect(await retried).toBe("overloaded");
  expect(await readStates()).toEqual(["failed"]);
  await operations.close();
  await Promise.all([one.close(), other.close()]);
});

test("a change that comes late, as after a pause, finds its session ended", async () => {
  await database.query("update jobs set state = 'failed'");
  const pause = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6000);
  const late = jobs.run([retryStatement], pause);
  await expect(late).rejects.toThrow(/connection/);
  expect(await readStates()).toEqual(["failed"]);
  expect(await jobs.run([retryStatement])).toMatchObject([[{ state: "waiting" }]]);
});
