import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { HistoryRange } from "../../src/lib/range.ts";
import { openQueues } from "../support/open-queues.ts";
import { type BossVersion, startBoss } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

/** A whole minute; the range is the six hours before it. */
const now = Math.floor(Date.now() / 60_000) * 60;
const range: HistoryRange = { from: now - 21_600, step: 3600, steps: 6 };
const end = `${new Date(now * 1000).toISOString().slice(0, 19)}Z`;
/** A time as SQL, minutes before `now`. */
const ago = (minutes: number) => `to_timestamp(${now - minutes * 60})`;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "bosshistory");
});
afterAll(() => database.drop());

async function create(version: BossVersion, ...queues: string[]): Promise<void> {
  await database.query("drop schema if exists pgboss cascade");
  const boss = await startBoss(version, database.url);
  for (const queue of queues) await boss.createQueue(queue);
  await boss.stop();
}

const insert = (queue: string, state: "completed" | "failed", minutes: number, table = "job") =>
  database.query(`
    insert into pgboss.${table} select job.* from jsonb_populate_record(
      null::pgboss.${table}, jsonb_build_object(
        'id', gen_random_uuid(), 'name', '${queue}', 'state', '${state}', 'priority', 0, 'retry_limit', 0, 'retry_count', 0, 'retry_delay', 0,
        'retry_backoff', false, 'policy', 'standard', 'expire_in', '15 minutes', 'keep_until', now() + interval '1 day', 'created_on', ${ago(minutes)},
        'start_after', ${ago(minutes)}, 'started_on', ${ago(minutes)}, 'completed_on', ${ago(minutes)}, 'archived_on', ${ago(minutes - 60)})) as job`);

const insert12 = (queue: string, state: "completed" | "failed", minutes: number) =>
  database.query(`
    insert into pgboss.job (name, state, created_on, start_after, started_on, completed_on)
    select '${queue}', '${state}', at, at, at, at from (select ${ago(minutes)} as at) as t`);

async function historyOf(...queues: string[]) {
  const [source] = await openQueues(database.url, [{ name: "boss", kind: "pgboss", schema: "pgboss" }]);
  const histories = await source?.history?.(queues, range, AbortSignal.timeout(10_000));
  return queues.map((queue) => {
    const { points = [], since } = histories?.get(queue) ?? {};
    return {
      since,
      failures: points.map(({ failures }) => failures),
      processed: points.map((point) => point.processedPerSec),
    };
  });
}

describe("pg-boss 12 records how long it keeps ended jobs", () => {
  it("so queues that only fail, have just succeeded or idle are known", async () => {
    await create(12, "bad", "young", "idle");
    for (const minutes of [250, 250, 30]) await insert12("bad", "failed", minutes);
    await insert12("young", "completed", 5);
    const zeros = [0, 0, 0, 0, 0, 0];
    const [bad, young, idle] = [await historyOf("bad"), await historyOf("young"), await historyOf("idle")].flat();
    expect(bad).toStrictEqual({ since: null, failures: [0, 2, 0, 0, 0, 1], processed: zeros });
    expect(young).toStrictEqual({
      since: null,
      failures: zeros,
      processed: [0, 0, 0, 0, 0, expect.closeTo(1 / 3600, 6)],
    });
    expect(idle).toStrictEqual({ since: null, failures: zeros, processed: zeros });
  });

  it("and its shortest retention limits the past; no deletion, no limit", async () => {
    await create(12, "bad", "short", "never");
    await insert12("bad", "failed", 30);
    await database.query("update pgboss.queue set deletion_seconds = 7200 where name = 'short'");
    await database.query("update pgboss.queue set deletion_seconds = 0 where name = 'never'");
    expect(await historyOf("never")).toMatchObject([{ since: null, failures: [0, 0, 0, 0, 0, 0] }]);
    for (const { since, failures } of await historyOf("bad", "short", "never")) {
      expect(Math.abs(Date.parse(since ?? "") / 1000 - (Date.now() / 1000 - 7200))).toBeLessThan(10);
      expect(failures.slice(0, 4)).toStrictEqual([null, null, null, null]);
    }
    expect(await historyOf("no such queue")).toMatchObject([
      { since: end, failures: [null, null, null, null, null, null] },
    ]);
  });
});

describe("pg-boss 10 does not record how long it keeps ended jobs", () => {
  it("but its archive's oldest arrival says what is still there", async () => {
    await create(10, "bad", "other");
    await insert("bad", "failed", 30);
    await insert("other", "failed", 250, "archive");
    // It came an hour after it ended.
    expect(await historyOf("bad")).toMatchObject([
      { failures: [null, null, null, 0, 0, 1], since: expect.any(String) },
    ]);
    await insert("other", "failed", 600, "archive");
    expect(await historyOf("bad")).toMatchObject([{ since: null, failures: [0, 0, 0, 0, 0, 1] }]);
  });

  it("and deleted nothing before the archive had rows", async () => {
    await create(10, "bad");
    for (const minutes of [190, 30]) await insert("bad", "failed", minutes);
    expect(await historyOf("bad")).toMatchObject([
      { failures: [null, null, null, 0, 0, 1], processed: [null, null, null, 0, 0, 0] },
    ]);
  });
});
