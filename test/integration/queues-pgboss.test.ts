import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import type { QueueSource } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { toBound } from "../support/bound.ts";
import { openQueues, otherConfig, otherJobs, readQueues } from "../support/open-queues.ts";
import { type Boss, type BossVersion, startBoss } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const signal = AbortSignal.timeout(80_000);
const config: QueueSourceConfig = { name: "boss", kind: "pgboss", schema: "pgboss" };
describe.each<BossVersion>([10, 11, 12])("with workers of pg-boss %i", (version) => {
  let database: TestDatabase;
  let boss: Boss;
  let release: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  /** What the workers really did: [what was to be done, id, failed or not]. */
  const attempts: [string, string, "ok" | "failed"][] = [];
  const count = (task: string) => attempts.filter(([name]) => name === task).length;
  const idOf = (task: string) => attempts.find(([name]) => name === task)?.[1];

  const work = async ({ id, data }: { readonly id: string; readonly data: unknown }) => {
    const { task, failures = 0, error } = data as { task: string; failures?: number; error?: unknown };
    if (count(task) < failures) {
      attempts.push([task, id, "failed"]);
      throw error;
    }
    if (task === "hangs") await released;
    await sleep(200);
    attempts.push([task, id, "ok"]);
  };

  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), `boss${version}`);
    boss = await startBoss(version, database.url);
    for (const name of ["mail", "slow", "idle"]) await boss.createQueue(name);
    for (const task of ["one", "two", "three"]) await boss.send("mail", { task });
    await boss.send(
      "mail",
      { task: "flaky", failures: 1, error: { message: "once" } },
      { retryLimit: 2, retryDelay: 0 },
    );
    await boss.send(
      "mail",
      { task: "dead", failures: 9, error: { message: "no such address" } },
      { retryLimit: 1, retryDelay: 0 },
    );
    await boss.send("mail", { task: "later", failures: 9, error: "greylisted" }, { retryLimit: 3, retryDelay: 600 });
    await boss.send("mail", { task: "scheduled" }, { startAfter: 3600 });
    await boss.send(
      "slow",
      { task: "hangs", failures: 1, error: { message: "lost" } },
      { retryLimit: 2, retryDelay: 0 },
    );
    await boss.send("slow", { task: "waits" }, { startAfter: 1 });
    await boss.work("mail", work);
    await boss.work("slow", work);
    // Until the last of them is done and only the one that hangs, in its second attempt, is left.
    await vi.waitFor(
      async () => {
        const { rows } = await database.query(`
          select data ->> 'task' as task from pgboss.job
          where state = 'active' or (state < 'active' and start_after <= now() and left(name, 2) <> '__') order by 1`);
        const left = rows.map((row) => String(row["task"])).join();
        if (attempts.length !== 9 || left !== "hangs,waits")
          throw new Error(`${attempts.length} attempts, left: ${left}`);
      },
      { timeout: 60_000, interval: 100 },
    );
  });
  afterAll(async () => {
    release();
    await boss.stop();
    await database.drop();
  });

  it("has exact numbers of what they did", async () => {
    expect(attempts.map(([task, , outcome]) => `${task} ${outcome}`).toSorted()).toStrictEqual([
      "dead failed",
      "dead failed",
      "flaky failed",
      "flaky ok",
      "hangs failed",
      "later failed",
      "one ok",
      "three ok",
      "two ok",
    ]);
    const [source] = (await openQueues(database.url, [config])) as [QueueSource];
    const { mail, slow, idle, ...others } = await readQueues(source);
    expect(others).toStrictEqual({});
    const known = { source: "boss", paused: null, workers: null, exact: true, windowSeconds: null };
    expect(mail).toMatchObject({
      ...known,
      depth: 0,
      processedPerSec: 4 / 300,
      failuresLastHour: 2,
      active: 0,
      deferred: 1,
      retrying: 1,
      dead: 1,
      oldestAgeSeconds: null,
    });
    expect(slow).toMatchObject({
      ...known,
      depth: 1,
      processedPerSec: 0,
      failuresLastHour: 1,
      active: 1,
      deferred: 0,
      retrying: 0,
      dead: 0,
    });
    expect(slow?.waitSeconds).toBeNull();
    expect(idle).toMatchObject({
      ...known,
      depth: 0,
      processedPerSec: 0,
      failuresLastHour: 0,
      active: 0,
      deferred: 0,
      retrying: 0,
      dead: 0,
    });
    expect(mail?.runSeconds?.p50).toBeGreaterThan(0.19);
    expect(mail?.runSeconds?.p95).toBeLessThan(toBound(3));
    expect(mail?.waitSeconds?.p50).toBeGreaterThan(0);
    expect(mail?.waitSeconds?.p95).toBeLessThan(15);
    expect(slow?.oldestAgeSeconds).toBeGreaterThanOrEqual(0);
    expect(slow?.oldestAgeSeconds).toBeLessThan(30);
  });

  it("has the errors with their jobs", async () => {
    const [source] = (await openQueues(database.url, [config])) as [QueueSource];
    const failures = (await source.failures(signal)).toSorted((a, b) => (a.error > b.error ? 1 : -1));
    const own = { source: "boss", worker: null, count: 1 };
    expect(failures).toMatchObject([
      { ...own, queue: "mail", error: "greylisted", attempts: 1, jobIds: [idOf("later")] },
      { ...own, queue: "slow", error: "lost", attempts: 1, jobIds: [idOf("hangs")] },
      { ...own, queue: "mail", error: "no such address", attempts: 2, jobIds: [idOf("dead")] },
    ]);
    for (const { lastAt } of failures) expect(Math.abs(Date.parse(lastAt) - Date.now())).toBeLessThan(60_000);
    expect(source).not.toHaveProperty("running");
  });

  it("is detected and includes what was moved to the archive", async () => {
    const sources = await openQueues(database.url, null);
    expect(sources.map(({ name, kind }) => [name, kind])).toStrictEqual([["pgboss", "pgboss"]]);
    await sleep(1500);
    await boss.archive();
    const [source] = sources as [QueueSource];
    const { rows } = await database.query(
      "select count(*)::int as n from pgboss.job where state in ('completed', 'failed')",
    );
    expect(rows[0]?.["n"]).toBe(version === 10 ? 0 : 5);
    const { mail } = await readQueues(source);
    expect(mail).toMatchObject({
      processedPerSec: 4 / 300,
      failuresLastHour: 2,
      dead: version === 10 ? 0 : 1,
      retrying: 1,
    });
    expect((await source.failures(signal)).map(({ error }) => error).toSorted()).toStrictEqual([
      "greylisted",
      "lost",
      "no such address",
    ]);
  });

  it("names another version's missing parts; other sources go on", async () => {
    await database.query(otherJobs);
    const [own, table] = (await openQueues(database.url, [config, otherConfig])) as [QueueSource, QueueSource];
    await own.metrics(signal);
    await database.query("alter table pgboss.job rename column completed_on to finished_on");
    for (const ask of [() => own.metrics(signal), () => own.failures(signal)]) {
      await expect(ask()).rejects.toMatchObject({
        code: "schema_mismatch",
        message: 'Column "completed_on" does not exist in table pgboss.job',
        upstream: "queues:boss",
      });
    }
    expect(await table.metrics(signal)).toMatchObject([{ name: "other", depth: 0 }]);
    await database.query("alter table pgboss.job rename column finished_on to completed_on");
    expect((await own.metrics(signal)).length).toBeGreaterThan(0);
  });
});
