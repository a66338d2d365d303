import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";
import { createObanJobs } from "../support/preset-jobs.ts";
import { openSources } from "../support/queue-source.ts";
import { runnerMapping } from "../support/queue-mappings.ts";
import { createUniform } from "../support/random.ts";

const signal = AbortSignal.timeout(60_000);
const [step, since] = [1800, 7200];
const hosts = ["shop-1", "shop.example.org-0123456789ab", "billing-1"] as const;

/** An ended job of some attempts. Each attempt but the last failed. */
interface Life {
  readonly queue: string;
  /** The host of each attempt; null where its worker has a name of no host. */
  readonly tries: readonly (string | null)[];
  readonly failed: boolean;
  /** Seconds before the end of the range. */
  readonly endedAgo: number;
  readonly run: number;
}

/** So far back do the rows reach. */
const oldest: Life = { queue: "a", tries: [null], failed: false, endedAgo: since + 600, run: 1 };
const random = createUniform(7);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const lives = Array.from({ length: 600 }, (_, index): Life => {
  if (index === 0) return oldest;
  const tries = Array.from({ length: random() < 0.2 ? 2 : 1 }, () => pick([...hosts, null]));
  const [endedAgo, run] = [1 + Math.floor(random() * since), 1 + Math.floor(random() * 60)];
  return { queue: pick(["a", "b"]), tries, failed: random() < 0.2, endedAgo, run };
});

/**
 * What ended on the hosts in each step. `knowsTries`: the worker of each attempt is known, else of
 * the last one.
 */
function countByHand(on: readonly string[], { knowsTries, countsTries }: System) {
  const isOn = (host: string | null | undefined) => host !== null && host !== undefined && on.includes(host);
  const byQueue = ["a", "b"].map((queue) => {
    const own = lives.filter((life) => life.queue === queue);
    const steps = Array.from({ length: since / step }, (_, index) => {
      const newest = since - (index + 1) * step;
      const isIn = ({ endedAgo }: Life) => endedAgo >= newest && endedAgo < newest + step;
      const ended = own.filter(isIn);
      const succeeded = ended.filter(({ failed, tries }) => !failed && isOn(tries.at(-1)));
      // Earlier attempts fail at the same time here.
      const failures = ended.flatMap(({ failed, tries }) => {
        const earlier = countsTries ? tries.slice(0, -1).filter((host) => knowsTries && isOn(host)) : [];
        return failed && isOn(tries.at(-1)) ? [...earlier, tries.at(-1)] : earlier;
      });
      const runs = succeeded.map(({ run }) => run).toSorted((x, y) => x - y);
      return [succeeded.length, failures.length, runs.length === 0 ? null : toP95(runs)];
    });
    return [queue, steps] as const;
  });
  return Object.fromEntries(byQueue);
}

function toP95(sorted: readonly number[]): number {
  const place = (sorted.length - 1) * 0.95;
  const [low = 0, high = 0] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return Math.round((low + (high - low) * (place % 1)) * 1e6);
}

interface System {
  readonly config: QueueSourceConfig;
  readonly insert: (database: TestDatabase, end: number) => Promise<unknown>;
  readonly create: (database: TestDatabase) => Promise<unknown>;
  readonly toHost?: (host: string) => string;
  readonly knowsTries: boolean;
  readonly countsTries: boolean;
}

const rows =
  "jsonb_to_recordset($1::jsonb) as life (queue text, tries text[], failed boolean, ended float8, run float8)";
const toJson = (end: number, toWorker: (host: string | null) => string) =>
  JSON.stringify(
    lives.map(({ tries, endedAgo, ...life }) => ({ ...life, tries: tries.map(toWorker), ended: end - endedAgo })),
  );
const errors = (time: string) => `
  (select array_agg(jsonb_build_object('at', ${time}, 'attempt', n, 'error', 'boom', 'trace', '') order by n)
   from generate_series(1, cardinality(tries)) as n where failed or n < cardinality(tries))`;

const systems: readonly (readonly [string, System])[] = [
  [
    "River",
    {
      config: { name: "s", kind: "river", schema: "public", by: "kind" },
      create: (database) => createRiverJobs(database),
      toHost: (host) => host.replaceAll(".", "_"),
      knowsTries: true,
      countsTries: true,
      insert: (database, end) =>
        database.query(
          `insert into river_job (kind, state, attempt, attempted_by, scheduled_at, attempted_at, finalized_at, errors)
           select queue, (case when failed then 'discarded' else 'completed' end)::river_job_state, cardinality(tries), tries,
                  to_timestamp(ended - run - 1), to_timestamp(ended - run), to_timestamp(ended), ${errors("to_timestamp(ended)")} from ${rows}`,
          [toJson(end, (host) => (host === null ? "custom" : `${host.replaceAll(".", "_")}_2026_11_25T02_03_04`))],
        ),
    },
  ],
  [
    "Oban",
    {
      config: { name: "s", kind: "oban", schema: "public" },
      create: (database) => createObanJobs(database),
      knowsTries: false,
      countsTries: true,
      insert: (database, end) =>
        database.query(
          `insert into oban_jobs (queue, worker, state, attempt, attempted_by, scheduled_at, attempted_at, completed_at, discarded_at, errors)
           select queue, 'W', (case when failed then 'discarded' else 'completed' end)::oban_job_state, cardinality(tries),
                  array[tries[cardinality(tries)], 'uuid'], utc(ended - run - 1), utc(ended - run),
                  case when not failed then utc(ended) end, case when failed then utc(ended) end,
                  coalesce(${errors("to_timestamp(ended)")}, '{}')
           from ${rows}`,
          [toJson(end, (host) => (host === null ? "app@nohost" : `app@${host}`))],
        ),
    },
  ],
  [
    "a table",
    {
      config: {
        ...runnerMapping,
        started_at: "started_at",
        worker: { column: "worker", form: "host:{host} pid:{n}" },
      },
      create: async (database) => {
        await createRunnerJobs(database);
        await database.query("alter table runner_jobs add worker text, add started_at timestamptz");
      },
      knowsTries: false,
      countsTries: false,
      insert: (database, end) =>
        database.query(
          `insert into runner_jobs (type, status, run_at, started_at, finished_at, worker)
           select queue, case when failed then 'failed' else 'done' end, to_timestamp(ended - run - 1), to_timestamp(ended - run),
                  to_timestamp(ended), tries[cardinality(tries)] from ${rows}`,
          [toJson(end, (host) => (host === null ? "" : `host:${host} pid:17`))],
        ),
    },
  ],
];

describe.each(systems)("ended jobs of %s", (_, system) => {
  const { toHost = (host: string) => host } = system;
  const end = Math.floor(Date.now() / 1000) - 60;
  const range = { from: end - since, step, steps: since / step };
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "history_workers");
    await system.create(database);
    await database.query(
      "create function utc(at float8) returns timestamp language sql as $$ select timezone('utc', to_timestamp(at)) $$",
    );
    await system.insert(database, end);
  });
  afterAll(() => database.drop());

  it.each([[[hosts[0]]], [[hosts[1]]], [[hosts[0], hosts[2]]], [["gone"]]])(
    "are counted on the hosts %j",
    async (on) => {
      const [source] = await openSources(database, system.config);
      const read = await source?.historyOn?.(on.map(toHost), null, range, signal);
      const counted = ["a", "b"].map((queue) => {
        const points = read?.get(queue)?.points ?? toEmptyPoints(range.steps);
        expect(points.every(({ depth, oldestAgeSeconds }) => depth === null && oldestAgeSeconds === null)).toBe(true);
        return [
          queue,
          points.map(({ processedPerSec, failures, runP95Seconds }) => [
            Math.round((processedPerSec ?? 0) * step),
            failures ?? 0,
            runP95Seconds === null ? null : Math.round(runP95Seconds * 1e6),
          ]),
        ];
      });
      expect(Object.fromEntries(counted)).toEqual(countByHand(on, system));
    },
  );

  it("of one queue are counted alone, and of no host not at all", async () => {
    const [source] = await openSources(database, system.config);
    const one = await source?.historyOn?.([toHost(hosts[0])], ["a"], range, signal);
    const all = await source?.historyOn?.([toHost(hosts[0])], null, range, signal);
    expect([...(one?.keys() ?? [])]).toEqual(["a"]);
    expect(one?.get("a")).toEqual(all?.get("a"));
    expect(await source?.historyOn?.([], null, range, signal)).toEqual(new Map());
  });

  it("and windows that are asked for together are the same as alone", async () => {
    const [source] = await openSources(database, system.config);
    const windows = [
      ["a", range],
      ["b", range],
      ["a", { from: range.from + step, step: 2 * step, steps: 1 }],
      ["none", { ...range, from: range.from - step }],
    ] as const;
    const together = await Promise.all(windows.map(async ([queue, over]) => source?.history?.([queue], over, signal)));
    const hosted = await Promise.all(
      windows.map(async ([queue, over], index) =>
        source?.historyOn?.([toHost(hosts[index % 2] ?? "")], [queue], over, signal),
      ),
    );
    for (const [index, [queue, over]] of windows.entries()) {
      const [fresh] = await openSources(database, system.config);
      expect(together[index]).toEqual(await fresh?.history?.([queue], over, signal));
      expect(hosted[index]).toEqual(await fresh?.historyOn?.([toHost(hosts[index % 2] ?? "")], [queue], over, signal));
    }
    const all = await source?.history?.(null, range, signal);
    expect(together[0]?.get("a")).toEqual(all?.get("a"));
  });

  it("and their hosts are those on which jobs of a queue ended", async () => {
    const [source] = await openSources(database, system.config);
    const workers = (await source?.workersSince?.(range.from, signal)) ?? [];
    const ended: unknown[] = [];
    for (const host of hosts) {
      const on = await source?.historyOn?.([toHost(host)], null, range, signal);
      for (const [queue, { points }] of on ?? []) {
        if (points.some((one) => (one.processedPerSec ?? 0) > 0 || (one.failures ?? 0) > 0))
          ended.push({ queue, host: toHost(host), isIn: true });
      }
    }
    const found = workers.map(({ queue, host, lastAt }) => ({ queue, host, isIn: (lastAt ?? 0) > range.from }));
    expect(found).toEqual(expect.arrayContaining(ended));
    expect(workers.length).toBeGreaterThan(2);
  });
});

/** Of a queue without an ended job. */
const toEmptyPoints = (steps: number) =>
  Array.from({ length: steps }, () => ({
    depth: null,
    oldestAgeSeconds: null,
    processedPerSec: 0,
    failures: 0,
    runP95Seconds: null,
  }));
