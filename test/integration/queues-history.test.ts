import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { HistoryRange } from "../../src/lib/range.ts";
import type { QueueSource } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { startBoss } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { createSchema } from "../support/preset-jobs.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

const signal = AbortSignal.timeout(60_000);
/** A whole minute some hours ago. */
const now = Math.floor(Date.now() / 60_000) * 60;
let database: TestDatabase;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "history");
});
afterAll(async () => {
  for (const close of closers) await close();
  await database.drop();
});

async function open(config: QueueSourceConfig): Promise<QueueSource> {
  const options = { sources: [config], detect: false, env: null, logger: silentLogger, ttlMs: 0 };
  const sources = createQueueSources({ databaseUrl: database.url, ...options });
  closers.push(() => sources.close());
  return (await sources.all(signal))[0] as QueueSource;
}

async function historyOf(source: QueueSource, queue: string, range: HistoryRange) {
  return (await source.history?.([queue], range, signal))?.get(queue);
}

interface Lived {
  readonly queue: string;
  readonly due: number;
  readonly taken: number | null;
  readonly ended: number | null;
  readonly failed: boolean;
}

/**
 * Jobs of the last two days, some of them still waiting or running; a small generator, so that each
 * run is the same.
 */
function createLives(count: number): Lived[] {
  let state = 42;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff;
    return Math.floor((state / 0x7f_ff_ff_ff) * below);
  };
  return Array.from({ length: count }, () => {
    const due = now - random(172_800) + 3600;
    const taken = due + random(4000);
    const ended = taken + random(900);
    return {
      queue: `q${random(3)}`,
      due,
      taken: taken <= now ? taken : null,
      ended: ended <= now ? ended : null,
      failed: random(10) === 0,
    };
  });
}
const lives = createLives(3000);

/** The same by counting, point for point. */
function countByHand(queue: string, from: number, step: number, steps: number, all: readonly Lived[] = lives) {
  const own = all.filter((life) => life.queue === queue);
  return Array.from({ length: steps }, (_, index) => {
    const at = from + (index + 1) * step;
    const ended = own.filter((life) => life.ended !== null && life.ended > at - step && life.ended <= at);
    const waiting = own.filter(({ due, taken }) => due <= at && (taken === null || taken > at));
    const waits = own
      .filter(({ taken }) => taken !== null && taken > at - step && taken <= at)
      .map(({ due, taken }) => Number(taken) - due)
      .toSorted((a, b) => a - b);
    return {
      time: `${new Date(at * 1000).toISOString().slice(0, 19)}Z`,
      depth: waiting.length,
      processedPerSec: ended.filter(({ failed }) => !failed).length / step,
      failures: ended.filter(({ failed }) => failed).length,
      oldestAgeSeconds: waiting.length === 0 ? null : at - Math.min(...waiting.map(({ due }) => due)),
      waitP50Seconds: waits.length === 0 ? null : quantile(waits, 0.5),
      waitP95Seconds: waits.length === 0 ? null : quantile(waits, 0.95),
    };
  });
}

function quantile(sorted: readonly number[], fraction: number): number {
  const place = (sorted.length - 1) * fraction;
  const [low, high] = [sorted[Math.floor(place)] ?? 0, sorted[Math.ceil(place)] ?? 0];
  return low + (high - low) * (place - Math.floor(place));
}

const mapping = { ...runnerMapping, started_at: "started_at" };
const ranges = [
  { from: now - 86_400, step: 3600, steps: 24 },
  { from: now - 7200, step: 60, steps: 120 },
  { from: now - 100_000, step: 7, steps: 11_000 },
];

function toMicros(seconds: number | null): number | null {
  return seconds === null ? null : Math.round(seconds * 1e6);
}

function expectPoints(actual: readonly object[], expected: readonly ReturnType<typeof countByHand>[number][]) {
  expect(actual).toHaveLength(expected.length);
  for (const [index, { waitP50Seconds, waitP95Seconds, ...exact }] of expected.entries()) {
    const point = actual[index] as (typeof expected)[number];
    expect(point).toMatchObject(exact);
    expect([toMicros(point.waitP50Seconds), toMicros(point.waitP95Seconds)]).toEqual([
      toMicros(waitP50Seconds),
      toMicros(waitP95Seconds),
    ]);
  }
}

describe("the past of a queue, from its rows", () => {
  it("equals a count by hand: a table, at every step, for every queue", async () => {
    await database.query(`
      create table runner_jobs (id bigserial primary key, type text, status text, run_at timestamptz, started_at timestamptz,
                                finished_at timestamptz, last_error text)`);
    await database.query(
      `insert into runner_jobs (type, status, run_at, started_at, finished_at)
       select queue, case when ended is not null then case when failed then 'failed' else 'done' end when taken is not null then 'running' else 'pending' end,
              to_timestamp(due), to_timestamp(taken), to_timestamp(ended)
       from json_to_recordset($1) as life (queue text, due float8, taken float8, ended float8, failed boolean)`,
      [JSON.stringify(lives)],
    );
    const source = await open(mapping);
    for (const range of ranges) {
      for (const queue of ["q0", "q2"]) {
        const history = await historyOf(source, queue, range);
        expect(history).toMatchObject({ exact: true, since: null });
        expectPoints(history?.points ?? [], countByHand(queue, range.from, range.step, range.steps));
      }
    }
  });

  it("is one statement for all queues of a source", async () => {
    const source = await open(mapping);
    const [range] = ranges as [(typeof ranges)[0]];
    const all = (await source.history?.(null, range, signal)) ?? new Map();
    expect(new Set(all.keys())).toEqual(new Set(["q0", "q1", "q2"]));
    for (const queue of ["q0", "q1", "q2"]) {
      expectPoints(all.get(queue)?.points ?? [], countByHand(queue, range.from, range.step, range.steps));
    }
    expect(await source.history?.([], range, signal)).toEqual(new Map());
    expect((await historyOf(source, "none", range))?.points.every(({ depth }) => depth === 0)).toBe(true);
  });

  it("is the same from River's rows, with the failed attempts", async () => {
    expect.hasAssertions();
    await createRiverJobs(database);
    await database.query(
      `insert into river_job (kind, state, scheduled_at, attempted_at, finalized_at, attempt, errors)
       select queue, (case when ended is not null then case when failed then 'discarded' else 'completed' end
                           when taken is not null then 'running' else 'available' end)::river_job_state,
              to_timestamp(due), to_timestamp(taken), to_timestamp(ended), 1,
              case when failed and ended is not null then array[jsonb_build_object('at', to_timestamp(ended), 'attempt', 1, 'error', 'x')] end
       from json_to_recordset($1) as life (queue text, due float8, taken float8, ended float8, failed boolean)`,
      [JSON.stringify(lives)],
    );
    const source = await open({ name: "river", kind: "river", schema: "public", by: "kind" });
    const [range] = ranges as [(typeof ranges)[0]];
    const history = await historyOf(source, "q1", range);
    expectPoints(history?.points ?? [], countByHand("q1", range.from, range.step, range.steps));
  });

  /**
   * Rows of `life` (queue, due, taken, ended, failed; unix seconds), as a relation of a statement
   * whose $1 is `lives`.
   */
  const life = "json_to_recordset($1) as life (queue text, due float8, taken float8, ended float8, failed boolean)";
  const utc = (column: string) => `timezone('utc', to_timestamp(${column}))`;

  it("is the same from Oban's rows", async () => {
    expect.hasAssertions();
    await createSchema(database, "oban");
    await database.query(
      `insert into oban_jobs (queue, worker, state, attempt, scheduled_at, attempted_at, completed_at, discarded_at, errors)
       select queue, 'W', (case when ended is not null then case when failed then 'discarded' else 'completed' end
                           when taken is not null then 'executing' else 'available' end)::oban_job_state, 1,
              ${utc("due")}, ${utc("taken")}, case when not failed then ${utc("ended")} end, case when failed then ${utc("ended")} end,
              case when failed and ended is not null then array[jsonb_build_object('at', to_timestamp(ended), 'attempt', 1, 'error', 'x')] else '{}' end
       from ${life}`,
      [JSON.stringify(lives)],
    );
    await expectSame({ name: "oban", kind: "oban", schema: "public" });
  });

  it("is the same from GoodJob's rows and its executions", async () => {
    expect.hasAssertions();
    await createSchema(database, "good-job");
    await database.query(
      `with job as (
         insert into good_jobs (queue_name, scheduled_at, performed_at, finished_at, error, active_job_id, created_at, updated_at)
         select queue, ${utc("due")}, ${utc("taken")}, ${utc("ended")}, case when failed and ended is not null then 'x' end, gen_random_uuid(), ${utc("due")}, now()
         from ${life} returning *)
       insert into good_job_executions (active_job_id, queue_name, finished_at, error, created_at, updated_at)
       select active_job_id, queue_name, finished_at, error, created_at, updated_at from job where finished_at is not null`,
      [JSON.stringify(lives)],
    );
    await expectSame({ name: "good", kind: "good-job", schema: "public" });
  });

  it("is the same from pg-boss' rows", async () => {
    expect.hasAssertions();
    const boss = await startBoss(12, database.url);
    for (const name of ["q0", "q1", "q2"]) await boss.createQueue(name);
    await boss.stop();
    await database.query(
      `insert into pgboss.job (name, state, start_after, created_on, started_on, completed_on, policy)
       select queue, (case when ended is not null then case when failed then 'failed' else 'completed' end
                      when taken is not null then 'active' else 'created' end)::pgboss.job_state,
              to_timestamp(due), to_timestamp(due), to_timestamp(taken), to_timestamp(ended), 'standard'
       from ${life}`,
      [JSON.stringify(lives)],
    );
    await expectSame({ name: "pgboss", kind: "pgboss", schema: "pgboss" });
  });

  it("is the same from Solid Queue's rows, claims and ends", async () => {
    expect.hasAssertions();
    await createSchema(database, "solid-queue");
    await database.query(
      `with life as (select row_number() over () as id, * from ${life}), job as (
         insert into solid_queue_jobs (id, queue_name, class_name, scheduled_at, finished_at, created_at, updated_at)
         select id, queue, 'W', ${utc("due")}, case when not failed then ${utc("ended")} end, ${utc("due")}, now() from life), failed as (
         insert into solid_queue_failed_executions (job_id, created_at, error) select id, ${utc("ended")}, '{}' from life where failed and ended is not null), claimed as (
         insert into solid_queue_claimed_executions (job_id, created_at) select id, ${utc("taken")} from life where ended is null and taken is not null), ready as (
         insert into solid_queue_ready_executions (job_id, queue_name, created_at) select id, queue, ${utc("due")} from life where taken is null and due <= ${now})
       insert into solid_queue_scheduled_executions (job_id, queue_name, scheduled_at, created_at)
       select id, queue, ${utc("due")}, now() from life where taken is null and due > ${now}`,
      [JSON.stringify(lives)],
    );
    const held = lives.map((own) => ({ ...own, taken: own.ended ?? own.taken }));
    await expectSame({ name: "solid", kind: "solid-queue", schema: "public" }, held);
  });

  async function expectSame(config: QueueSourceConfig, all: readonly Lived[] = lives) {
    const source = await open(config);
    for (const range of ranges.slice(0, 2)) {
      const history = await historyOf(source, "q1", range);
      expect(history).toMatchObject({ exact: true, since: null });
      expectPoints(history?.points ?? [], countByHand("q1", range.from, range.step, range.steps, all));
    }
  }

  it("refuses to read a huge table to its end, and says what to do", async () => {
    const name = new URL(database.url).pathname.slice(1);
    // A page costs as much as on a table that is a million times as large.
    await database.query(`alter database ${name} set seq_page_cost = 1000000`);
    try {
      const source = await open(mapping);
      await expect(source.history?.(["q0"], ranges[0] as (typeof ranges)[0], signal)).rejects.toMatchObject({
        code: "query_refused",
        status: 422,
        message: expect.stringContaining("wallet-core-ops indexes"),
      });
    } finally {
      await database.query(`alter database ${name} reset seq_page_cost`);
    }
  });

  it("says since when it is known where older rows were deleted", async () => {
    await database.query("delete from runner_jobs where finished_at < $1", [new Date((now - 36_000) * 1000)]);
    const source = await open(mapping);
    const history = await historyOf(source, "q0", { from: now - 86_400, step: 3600, steps: 24 });
    expect(Date.parse(history?.since ?? "") / 1000).toBeGreaterThanOrEqual(now - 36_000);
    const known = history?.points.filter(({ depth }) => depth !== null) ?? [];
    expect(known.length).toBeGreaterThanOrEqual(8);
    expect(known.length).toBeLessThanOrEqual(10);
    expectPoints(known, countByHand("q0", now - 86_400, 3600, 24).slice(-known.length));
    expect(
      history?.points.slice(0, 13).every((point) => point.failures === null && point.processedPerSec === null),
    ).toBe(true);
  });

  it("takes a job to wait until its end where its start is not recorded", async () => {
    const { started_at: _, ...unstarted } = mapping;
    const source = await open(unstarted);
    const history = await historyOf(source, "q0", { from: now - 3600, step: 600, steps: 6 });
    const own = lives.filter(({ queue }) => queue === "q0");
    const openJobs = own.filter(({ due, ended }) => due <= now && (ended === null || ended > now)).length;
    expect(history?.points.at(-1)?.depth).toBe(openJobs);
  });

  it("is sampled where the rows do not contain it, and says so", async () => {
    await createSchema(database, "pgmq");
    await database.query(`select pgmq."create"('q0')`);
    const source = await open({ name: "pgmq", kind: "pgmq" });
    await source.metrics(signal);
    const from = Math.floor(Date.now() / 1000) - 60;
    const history = await historyOf(source, "q0", { from, step: 20, steps: 4 });
    expect(history).toMatchObject({ exact: false, sampled: true, since: expect.any(String) });
    expect(history?.points.map(({ depth }) => depth === null)).toEqual([
      true,
      true,
      expect.any(Boolean),
      expect.any(Boolean),
    ]);
    expect(history?.points.some(({ depth }) => depth !== null)).toBe(true);
  });
});
