import { setTimeout as sleep } from "node:timers/promises";
import type { Runner, TaskList } from "graphile-worker";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { toBound } from "../support/bound.ts";
import { addJob, hold, installGraphileWorker, readEndsScript, runGraphileWorker } from "../support/graphile-jobs.ts";
import { openQueues, readQueues } from "../support/open-queues.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const signal = AbortSignal.timeout(80_000);
const config: QueueSourceConfig = { name: "graphile", kind: "graphile-worker", schema: "graphile_worker" };
describe.each([
  ["without the record of ends", false],
  ["with the record of ends", true],
])("with workers, %s", (_, ends) => {
  let database: TestDatabase;
  let role: { name: string; url: string };
  let runner: Runner;
  let release: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  /** What the workers really did. */
  const attempts: { readonly job: string; readonly id: string; readonly ok: boolean; readonly at: number }[] = [];
  const failures = (job: string) => attempts.filter((attempt) => attempt.job === job && !attempt.ok);

  const work =
    (texts: Readonly<Record<string, { readonly text: string; readonly times: number }>>): TaskList[string] =>
    async (payload, { job: { id } }) => {
      const { job } = payload as { job: string };
      const end = (ok: boolean) => attempts.push({ job, id, ok, at: Date.now() });
      const failure = texts[job];
      if (failure && failures(job).length < failure.times) {
        end(false);
        throw new Error(failure.text);
      }
      if (job === "hangs") await released;
      await sleep(200);
      end(true);
    };

  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "graphile");
    await installGraphileWorker(database.url);
    if (ends) for (const script of [readEndsScript(), readEndsScript()]) await database.query(script);
    role = await database.createRole();
    await database.query(`
      grant usage on schema graphile_worker to ${role.name};
      grant select on all tables in schema graphile_worker to ${role.name}`);
    if (ends)
      await database.query(`grant usage on schema ops to ${role.name}; grant select on ops.job_ends to ${role.name}`);
    for (const job of ["one", "two", "three", "flaky"]) await addJob(database, "mail", job);
    await addJob(database, "mail", "dead", ", max_attempts := 1");
    await addJob(database, "mail", "later");
    await addJob(database, "mail", "scheduled", ", run_at := now() + interval '1 hour'");
    await addJob(database, "slow", "hangs");
    // Removed and given up by hand: no worker did that.
    await addJob(database, "mail", "removed", ", job_key := 'removed', run_at := now() + interval '1 hour'");
    await database.query("select graphile_worker.remove_job('removed')");
    await addJob(database, "idle", "given up", ", run_at := now() + interval '1 day'");
    await database.query(`
      select graphile_worker.permanently_fail_jobs(array(select id from graphile_worker.jobs where task_identifier = 'idle'), 'given up');
      select graphile_worker.add_job('unknown', '{}')`);
    const mail = work({
      flaky: { text: "once", times: 1 },
      dead: { text: "no such address", times: 9 },
      later: { text: "greylisted", times: 9 },
    });
    runner = await runGraphileWorker(database.url, { mail, slow: work({}) });
    await vi.waitFor(
      async () => {
        const { rows } = await database.query("select locked_at from graphile_worker.jobs where locked_at is not null");
        const seen = [rows.length, attempts.filter(({ ok }) => ok).length, failures("later").length].join();
        if (seen !== "1,4,2") throw new Error(`running, done, failures of "later": ${seen}`);
      },
      { timeout: 30_000, interval: 50 },
    );
    await hold(database);
  });
  afterAll(async () => {
    release();
    await runner.stop();
    await database.drop();
  });

  it.each(["owner", "role with SELECT"])("has the numbers of what they did to the %s", async (who) => {
    const [source] = await openQueues(who === "owner" ? database.url : role.url, [config]);
    const { mail, slow, idle, unknown, ...others } = await readQueues(source);
    expect(others).toStrictEqual({});
    expect(attempts.map(({ job, ok }) => `${job} ${ok}`).toSorted()).toStrictEqual([
      "dead false",
      "flaky false",
      "flaky true",
      "later false",
      "later false",
      "one true",
      "three true",
      "two true",
    ]);
    const known = { source: "graphile", paused: null, workers: null, exact: ends, windowSeconds: null };
    const times = ends ? {} : { waitSeconds: null, runSeconds: null };
    const rate = (jobs: number) => (ends ? jobs / 300 : null);
    expect(mail).toMatchObject({
      ...known,
      ...times,
      depth: 0,
      processedPerSec: rate(4),
      // Without the record: the last one of "dead" and of "later" each.
      failuresLastHour: ends ? 4 : 2,
      active: 0,
      deferred: 1,
      retrying: 1,
      dead: 1,
      oldestAgeSeconds: null,
    });
    expect(slow).toMatchObject({
      ...known,
      depth: 0,
      processedPerSec: rate(0),
      failuresLastHour: 0,
      active: 1,
      deferred: 0,
      retrying: 0,
      dead: 0,
    });
    expect(idle).toMatchObject({ ...known, depth: 0, failuresLastHour: ends ? 0 : 1, deferred: 0, dead: 1 });
    expect(unknown).toMatchObject({ ...known, depth: 1, processedPerSec: rate(0), failuresLastHour: 0, active: 0 });
    expect(unknown?.oldestAgeSeconds).toBeLessThan(60);
  });

  it.runIf(ends)("has waiting and running times of jobs", async () => {
    const [source] = await openQueues(role.url, [config]);
    const { mail } = await readQueues(source);
    expect(mail?.runSeconds?.p50).toBeGreaterThan(0.19);
    expect(mail?.runSeconds?.p95).toBeLessThan(toBound(3));
    expect(mail?.waitSeconds?.p50).toBeGreaterThanOrEqual(0);
    expect(mail?.waitSeconds?.p95).toBeLessThan(10);
  });

  it.runIf(ends)("has each task's past, from ended attempts and current jobs", async () => {
    // Ends of before this test: all that is asked for is there.
    await database.query(`
      insert into ops.job_ends (source, queue, job_id, failed, attempts, ready_at, started_at, ended_at)
      values ('graphile_worker', 'before', 0, false, 1, now() - interval '1 hour', now() - interval '1 hour', now() - interval '1 hour')`);
    const [source] = await openQueues(role.url, [config]);
    const now = Date.now() / 1000;
    const histories = await source?.history?.(["mail", "slow"], { from: now - 600, step: 150, steps: 4 }, signal);
    const [mail, slow] = ["mail", "slow"].map((name) => histories?.get(name));
    expect(mail).toMatchObject({ exact: true, sampled: false, since: null });
    expect(mail?.points.reduce((sum, { processedPerSec }) => sum + (processedPerSec ?? 0) * 150, 0)).toBeCloseTo(4);
    expect(mail?.points.reduce((sum, { failures: count }) => sum + (count ?? 0), 0)).toBe(4);
    expect(mail?.points.at(-1)).toMatchObject({ depth: 0 });
    expect(mail?.points.find(({ runP95Seconds }) => runP95Seconds !== null)?.runP95Seconds).toBeGreaterThan(0.19);
    // It was taken, and runs.
    expect(slow?.points.at(-1)).toMatchObject({ depth: 0, processedPerSec: 0 });
  });

  it.runIf(ends)("works without the record where the role may not read it", async () => {
    await database.query(`revoke select on ops.job_ends from ${role.name}`);
    const [source] = await openQueues(role.url, [config]);
    expect((await readQueues(source))["mail"]).toMatchObject({
      dead: 1,
      processedPerSec: null,
      failuresLastHour: 2,
      exact: false,
    });
    await database.query(`grant select on ops.job_ends to ${role.name}`);
  });

  it("has the errors, their times and their jobs", async () => {
    const [source] = await openQueues(role.url, [config]);
    const groups = await source?.failures(signal);
    const own = { source: "graphile", queue: "mail", worker: null };
    const idsOf = (job: string) => failures(job).map(({ id }) => id);
    const later = { ...own, error: "greylisted", attempts: 2 };
    const byError = (groups ?? []).toSorted((a, b) => (a.error > b.error ? 1 : -1));
    expect(byError).toMatchObject([
      ...(ends ? [] : [{ ...own, queue: "idle", error: "given up", count: 1 }]),
      { ...later, count: ends ? 2 : 1, jobIds: ends ? idsOf("later") : idsOf("later").slice(0, 1) },
      { ...own, error: "no such address", attempts: 1, count: 1, jobIds: idsOf("dead") },
      ...(ends ? [{ ...own, error: "once", attempts: 1, count: 1, jobIds: idsOf("flaky") }] : []),
    ]);
    for (const { error, lastAt } of byError.filter(({ queue }) => queue === "mail")) {
      const [job] = [{ greylisted: "later", "no such address": "dead", once: "flaky" }[error] ?? ""];
      expect(Math.abs(Date.parse(lastAt) - (failures(job).at(-1)?.at ?? 0))).toBeLessThan(toBound(2000));
    }
    expect(source).not.toHaveProperty("running");
  });

  it("is detected in its schema", async () => {
    const sources = await openQueues(database.url, null);
    expect(sources.map(({ name, kind }) => [name, kind])).toStrictEqual([["graphile-worker", "graphile-worker"]]);
    expect((await readQueues(sources[0]))["mail"]).toMatchObject({ dead: 1 });
  });
});
