import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import type { QueueMetrics } from "../../src/queues/queue.ts";
import { toQueueState } from "../../src/queues/state.ts";
import { toWorkerHosts } from "../../src/graphql/containers/running-work.ts";
import { createJudge } from "../../src/graphql/queues/lost-jobs.ts";
import { describeQueueSource } from "../contracts/queue-source.ts";
import { sampleContainer, sampleEngine } from "../support/containers.ts";
import { createSqlBackend } from "../support/job-backend.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createObanJobs, createSchema } from "../support/preset-jobs.ts";
import { openSources, readQueue } from "../support/queue-source.ts";
import { finish } from "../support/steps.ts";

describeQueueSource("oban", () => createSqlBackend("oban", createObanJobs));

describe("oban", () => {
  const signal = AbortSignal.timeout(60_000);
  const config = { name: "o", kind: "oban" as const, schema: "public", names: ["idle"] };
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "oban");
    await database.query(`alter database ${new URL(database.url).pathname.slice(1)} set timezone = 'America/New_York'`);
    await createSchema(database, "oban");
    // Attempts of one job, as [seconds ago, ...], as Oban writes them; and a time of a column.
    await database.query(`
      set timezone = 'America/New_York';
      create function ago(seconds float8) returns timestamp language sql as $$ select timezone('utc', now()) - seconds * interval '1 second' $$;
      create function errors(variadic seconds int[]) returns jsonb[] language sql as $$
        select array_agg(jsonb_build_object('at', to_char(ago(s), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'attempt', n, 'error', '** (RuntimeError) boom') order by n)
        from unnest(seconds) with ordinality as t (s, n) $$`);
  });
  beforeEach(async () => {
    await database.query(`
      truncate oban_jobs;
      insert into oban_jobs (id, queue, worker, state, attempt, attempted_by, errors, scheduled_at, attempted_at, completed_at, discarded_at, cancelled_at) values
        (1, 'mail', 'M', 'available', 0, null, '{}', ago(90), null, null, null, null),
        (2, 'mail', 'M', 'scheduled', 0, null, '{}', ago(1), null, null, null, null),
        (3, 'mail', 'M', 'scheduled', 0, null, '{}', ago(-3600), null, null, null, null),
        (4, 'mail', 'M', 'retryable', 3, '{app@web-1,u}', errors(4000, 3000, 20), ago(1), ago(21), null, null, null),
        (5, 'mail', 'M', 'retryable', 1, '{app@web-1,u}', errors(10), ago(-3600), ago(11), null, null, null),
        (6, 'mail', 'M', 'suspended', 0, null, '{}', ago(50), null, null, null, null),
        (7, 'mail', 'M', 'executing', 2, '{app@web-2,u}', errors(30), ago(29), ago(28), null, null, null),
        (8, 'mail', 'M', 'completed', 2, '{app@web-1,u}', errors(40), ago(35), ago(31), ago(29), null, null),
        (9, 'mail', 'M', 'discarded', 2, '{app@web-1,u}', errors(50, 5), ago(7), ago(6), null, ago(5), null),
        (10, 'mail', 'M', 'cancelled', 1, '{app@web-1,u}', errors(60), ago(62), ago(61), null, null, ago(60)),
        (11, 'mail', 'M', 'available', 1, '{app@web-1,u}', errors(70), ago(2), ago(71), null, null, null),
        (12, 'mail', 'M', 'scheduled', 2, '{app@web-1,u}', errors(80), ago(-60), ago(81), null, null, null),
        (13, 'mail', 'M', 'completed', 1, '{app@web-1,u}', '{}', ago(7300), ago(7250), ago(7200), null, null),
        (14, 'mail', 'M', 'discarded', 1, '{app@web-1,u}', errors(7200), ago(7300), ago(7250), null, ago(7200), null)`);
  });
  afterAll(() => database.drop());

  it("counts each state once, in UTC, and every failed attempt", async () => {
    const [source] = await openSources(database, config);
    const mail = await readQueue(source, "mail");
    expect(mail).toMatchObject({
      depth: 4,
      deferred: 1,
      retrying: 4,
      active: 1,
      dead: 2,
      processedPerSec: 1 / 300,
      exact: true,
    });
    expect(mail).toMatchObject({
      failuresLastHour: 10,
      paused: null,
      workers: null,
      waitSeconds: { p50: 4, p95: 4 },
      runSeconds: { p50: 2 },
    });
    expect(Math.abs((mail?.oldestAgeSeconds ?? 0) - 90)).toBeLessThan(10);
    expect(await readQueue(source, "idle")).toMatchObject({ depth: 0, processedPerSec: 0, failuresLastHour: 0 });
  });

  it("names the node's host of the last attempt and attempts of failures", async () => {
    const [source] = await openSources(database, config);
    const failures = (await source?.failures(signal)) ?? [];
    expect(failures.map(({ worker, count, attempts, jobIds }) => [worker, count, attempts, jobIds])).toEqual([
      ["web-1", 5, 3, ["9", "5", "4", "10", "11"]],
      [null, 5, 2, ["7", "8", "9", "12", "4"]],
    ]);
    const age = Date.now() - Date.parse(failures[0]?.lastAt ?? "");
    expect(Math.abs(age - 5000)).toBeLessThan(4000);
  });

  it("has unknown rates while its pruner deletes what windows need", async () => {
    const [source] = await openSources(database, config);
    const told = async (name: string) => {
      const queue = await readQueue(source, name);
      return [queue?.processedPerSec, queue?.failuresLastHour, queue?.waitSeconds ?? null];
    };
    await database.query(
      "delete from oban_jobs where scheduled_at < ago(60) and state in ('completed', 'cancelled', 'discarded')",
    );
    expect(await told("mail")).toEqual([null, null, null]);
    expect(await told("idle")).toEqual([null, null, null]);
    const seen = await readQueue(source, "mail");
    expect(seen?.failuresSeen).toEqual({ lastHour: 9, recent: 8 });
    expect(toQueueState(seen as QueueMetrics)).not.toBe("ok");
    // Taken 28 s ago and still running, or completed 29 s ago.
    expect(Math.abs((seen?.takenSeconds ?? 0) - 28)).toBeLessThan(10);
    expect((await source?.failures(signal))?.length).toBe(2);
    await database.query(
      "insert into oban_jobs (id, queue, worker, state, completed_at) values (101, 'other', 'M', 'completed', ago(610))",
    );
    expect(await told("mail")).toEqual([1 / 300, null, { p50: 4, p95: 4 }]);
    expect(await told("idle")).toEqual([0, null, null]);
    await database.query(
      "insert into oban_jobs (id, queue, worker, state, completed_at) values (102, 'other', 'M', 'completed', ago(4300))",
    );
    expect(await told("idle")).toEqual([0, 0, null]);
  });

  it("finds the jobs on a host by their node, distributed or not", async () => {
    await database.query(`
      truncate oban_jobs;
      insert into oban_jobs (id, queue, worker, state, attempted_at, attempted_by) values
        (1, 'mail', 'A', 'executing', ago(3), '{web-1}'), (2, 'mail', 'B', 'executing', ago(9), '{app@web-1,u}'),
        (3, 'mail', 'A', 'executing', ago(1), '{web-10}'), (4, 'mail', 'A', 'executing', ago(1), '{app@web-10}'),
        (5, 'mail', 'A', 'executing', ago(1), '{nonode@nohost}'), (6, 'mail', 'A', 'executing', ago(1), '{app@127.0.0.1}'),
        (7, 'mail', 'A', 'executing', ago(1), null), (8, 'mail', 'A', 'completed', ago(1), '{web-1}')`);
    const [source] = await openSources(database, config);
    expect(await source?.running?.(["web-1"], signal)).toMatchObject({
      total: 2,
      unnamed: 3,
      jobs: [
        { queue: "mail", jobId: "2", kind: "B" },
        { jobId: "1", kind: "A", startedAt: expect.stringMatching(/Z$/) },
      ],
    });
    const workers = (await source?.workerJobs?.(signal)) ?? [];
    expect(workers.map(({ queue, host, count }) => `${queue} ${host} ${count}`).toSorted()).toEqual([
      "mail null 3",
      "mail web-1 2",
      "mail web-10 2",
    ]);
  });

  it("matches a node to one container by its host's prefix, else to none", async () => {
    await database.query(`
      truncate oban_jobs;
      insert into oban_jobs (id, queue, worker, state, attempted_at, attempted_by) values
        (1, 'mail', 'A', 'executing', ago(600), '{app@37,u}'), (2, 'mail', 'A', 'executing', ago(600), '{37}'), (3, 'mail', 'A', 'executing', ago(600), '{app@38}')`);
    const [source] = await openSources(database, config);
    const one = sampleContainer({ host: "37.27.91.235-56703216100c" });
    const two = sampleContainer({ host: "37.27.91.235-56703216100d", fullId: "56703216100d", id: "56703216100d" });
    const workers = (await source?.workerJobs?.(signal)) ?? [];
    const judge = (startedAt: string) => {
      const judged = finish(
        finish(createJudge([{ ...one, startedAt }], [sampleEngine()]))(workers, source?.clockOffset?.()),
      );
      return judged.map(({ jobs, lost, unknown }) => `${jobs.host}: ${lost} lost, ${unknown} unknown`).toSorted();
    };
    // Another container of that machine may have had the name too.
    expect(judge(new Date(Date.now() - 900_000).toISOString())).toEqual([
      "37: 0 lost, 2 unknown",
      "38: 1 lost, 0 unknown",
    ]);
    expect(judge(new Date(Date.now() - 300_000).toISOString())).toEqual([
      "37: 2 lost, 0 unknown",
      "38: 1 lost, 0 unknown",
    ]);
    const running = (all: Container[]) => source?.running?.(toWorkerHosts(one, all) ?? [], signal);
    expect(await running([one])).toMatchObject({ total: 2, unnamed: 0 });
    expect(await running([one, two])).toMatchObject({ total: 0, unnamed: 2, jobs: [] });
  });

  it("is detected in each schema that has it", async () => {
    await createSchema(database, "oban", "private");
    expect((await openSources(database, null)).map(({ name, kind }) => [name, kind])).toEqual([
      ["oban", "oban"],
      ["oban:private", "oban"],
    ]);
  });
});
