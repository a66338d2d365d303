import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { createQueueSource, findKind, type QueueSourceConfig } from "../../src/queues/registry.ts";
import { createMemoryDatabase } from "../support/memory-database.ts";
import { runnerMapping, toQueueMapping } from "../support/queue-mappings.ts";

const { signal } = new AbortController();
const kindOf = (kind: string) => findKind({ kind } as QueueSourceConfig);
const context = {
  database: createMemoryDatabase(),
  env: "staging" as const,
  brokers: { rabbitmq: null, redis: null },
  logger: silentLogger,
};
const open = (config: object, database = context.database) =>
  createQueueSource(config as QueueSourceConfig, { ...context, database });
/** What a source can be asked for, beside what each one has. */
const abilitiesOf = (config: object) => {
  const each = new Set(["name", "kind", "env", "tables", "metrics", "failures", "close", "identify"]);
  return Object.keys(open(config))
    .filter((key) => !each.has(key))
    .toSorted();
};

describe("a kind that is detected", () => {
  const byRows = ["clockOffset", "failedJobs", "history", "jobs", "pastFailures", "running", "usualRuns", "workerJobs"];
  /** Those of ended jobs name their workers. */
  const byNamedRows = [...byRows, "historyOn", "workersSince"].toSorted();
  const solid = [
    "jobs",
    "ready_executions",
    "scheduled_executions",
    "claimed_executions",
    "failed_executions",
    "pauses",
    "processes",
  ];
  it.each<[string, object, string[], string[]]>([
    ["river", { schema: "app", by: "kind" }, ["river_job"], byNamedRows],
    ["oban", { schema: "app" }, ["oban_jobs"], byNamedRows],
    ["solid-queue", { schema: "app" }, solid.map((name) => `solid_queue_${name}`), byRows],
    [
      "good-job",
      { schema: "app" },
      ["good_jobs", "good_job_executions", "good_job_processes", "good_job_settings"],
      byRows,
    ],
    [
      "que",
      { schema: "app" },
      ["que_jobs", "que_lockers"],
      ["clockOffset", "failedJobs", "jobs", "pastFailures", "running", "usualRuns", "workerJobs"],
    ],
    ["pgboss", { schema: "app" }, ["job", "queue"], ["failedJobs", "history", "jobs", "pastFailures", "usualRuns"]],
    [
      "graphile-worker",
      { schema: "app" },
      ["jobs"],
      ["failedJobs", "history", "isPastPartial", "jobs", "pastFailures", "usualRuns", "warnings"],
    ],
  ])("%s is a source of its tables", (kind, more, tables, abilities) => {
    const config = kindOf(kind).detected?.toConfig({ name: "n", schema: "app" }) ?? {};
    expect(config).toEqual({ name: "n", kind, ...more });
    expect(open(config)).toMatchObject({
      name: "n",
      kind,
      env: "staging",
      tables: tables.map((table) => ({ schema: "app", table })),
    });
    expect(abilitiesOf(config)).toEqual(abilities);
    expect(open({ ...config, env: "production" }).env).toBe("production");
  });

  it("pgmq is one source, in its own schema", () => {
    const config = kindOf("pgmq").detected?.toConfig({ name: "n", schema: "pgmq" }) ?? {};
    expect(config).toEqual({ name: "n", kind: "pgmq" });
    expect(open(config)).toMatchObject({ env: "staging", tables: [{ schema: "pgmq", table: "meta" }] });
    expect(abilitiesOf(config)).toEqual(["failedJobs", "pastFailures", "usualRuns"]);
  });

  it("lists the configured queues, though never seen", async () => {
    const plan = [
      { "QUERY PLAN": JSON.stringify([{ Plan: { "Node Type": "Result", "Total Cost": 1, "Plan Rows": 1 } }]) },
    ];
    const database = createMemoryDatabase((statement) => (statement.startsWith("explain") ? plan : []));
    for (const kind of ["river", "oban", "solid-queue", "good-job", "que", "pgboss", "graphile-worker"]) {
      const config = kindOf(kind).detected?.toConfig({ name: "n", schema: "app" });
      const named = await open({ ...config, names: ["b", "a"] }, database).metrics(signal);
      expect(named.map(({ name, depth }) => [name, depth])).toEqual([
        ["a", 0],
        ["b", 0],
      ]);
      expect(await open({ ...config }, database).metrics(signal)).toEqual([]);
    }
  });

  it("an unknown kind does not exist", () => {
    expect(() => open({ kind: "sidekiq", name: "n" })).toThrow("There is no kind sidekiq");
  });
});

describe("a mapped table", () => {
  const payouts = toQueueMapping("payouts");
  const full = {
    ...runnerMapping,
    retrying: ["again"],
    dead: ["failed"],
    started_at: "locked_at",
    attempts: "tries",
    worker: { column: "locked_by" },
  };

  it("has the operations that its columns allow", () => {
    const always = ["failedJobs", "history", "jobs", "pastFailures"];
    const ofWorkers = ["clockOffset", "historyOn", "running", "workerJobs", "workersSince"];
    expect(abilitiesOf(full)).toEqual([...always, ...ofWorkers, "usualRuns", "warnings"].toSorted());
    expect(abilitiesOf(runnerMapping)).toEqual([...always, "usualRuns", "warnings"]);
    // Since when a job could run is nowhere.
    expect(abilitiesOf(payouts)).toEqual([...always, "isPastPartial", "usualRuns", "warnings"].toSorted());
    expect(open(full)).toMatchObject({ env: "staging", tables: [{ schema: "public", table: "runner_jobs" }] });
    expect(open({ ...full, table: "jobs", env: "production" })).toMatchObject({
      env: "production",
      tables: [{ schema: null, table: "jobs" }],
    });
  });

  it.each(["type", "id", "status", "finished_at", "run_at", "last_error", "locked_at", "locked_by", "tries"])(
    "has its column %s in the message if it is missing",
    async (column) => {
      const fail = () => {
        throw Object.assign(new Error(`column job.${column} does not exist`), { code: "42703" });
      };
      await expect(open(full, createMemoryDatabase(fail)).metrics(signal)).rejects.toMatchObject({
        message: `Column "${column}" does not exist in table public.runner_jobs`,
        upstream: "queues:runner",
      });
    },
  );
});

describe("recommended indexes", () => {
  const advise = (config: Readonly<Record<string, unknown>> & { readonly kind: string }) =>
    (kindOf(config.kind).indexes?.(config) ?? []).map(({ table, suffix, serves, definition, reading }) => [
      `${table.schema}.${table.table}`,
      suffix,
      serves,
      definition,
      reading.length,
    ]);

  it("are those of a table with all columns", () => {
    const config = { ...runnerMapping, retrying: ["again"], dead: ["failed", "lost"] };
    const table = "public.runner_jobs";
    expect(advise(config)).toEqual([
      [
        table,
        "waiting",
        "depth, deferred jobs, oldest age",
        `("type", "run_at") where "status" in ('pending', 'again')`,
        2,
      ],
      [table, "processed", "processed in 5 minutes", `("finished_at") include ("type") where "status" = 'done'`, 1],
      [
        table,
        "failures",
        "failures and errors of the last hour",
        `("finished_at") include ("type") where "status" = 'failed'`,
        1,
      ],
      [table, "active", "active jobs", `("type") where "status" = 'running'`, 1],
      [table, "retrying", "retrying jobs", `("type", "run_at") where "status" = 'again'`, 1],
      [table, "dead", "dead jobs", `("type") where "status" in ('failed', 'lost')`, 1],
    ]);
  });

  it("are those of a table of one queue, without a time to run at", () => {
    const table = "public.payouts";
    expect(advise({ ...toQueueMapping("payouts"), active: ["paying"] })).toEqual([
      [table, "waiting", "depth", `("id") where "state" = 'queued'`, 2],
      [table, "processed", "processed in 5 minutes", `("settled_at") where "state" = 'paid'`, 1],
      [table, "failures", "failures and errors of the last hour", `("settled_at") where "state" = 'rejected'`, 1],
      [table, "active", "active jobs", `("id") where "state" = 'paying'`, 1],
    ]);
  });

  const failures = "failures and errors of the last hour";
  it.each<[string, unknown[]]>([
    ["river", []],
    ["solid-queue", []],
    ["graphile-worker", []],
    [
      "oban",
      [
        [
          "app.oban_jobs",
          "completed",
          "processed in 5 minutes, failures of jobs that succeeded later",
          "(completed_at) include (queue) where state = 'completed'",
          1,
        ],
      ],
    ],
    [
      "good-job",
      [
        [
          "app.good_job_executions",
          "failures",
          failures,
          "(finished_at) include (queue_name) where error is not null",
          1,
        ],
      ],
    ],
    [
      "que",
      [
        ["app.que_jobs", "finished", "processed in 5 minutes", "(finished_at) where finished_at is not null", 1],
        ["app.que_jobs", "expired", `${failures}, dead jobs`, "(expired_at) where expired_at is not null", 1],
      ],
    ],
    [
      "pgboss",
      [
        [
          "app.job",
          "live",
          "depth, deferred, retrying, active and dead jobs, oldest age",
          "(name) where state in ('created', 'retry', 'active', 'failed')",
          2,
        ],
        ["app.job", "ended", `processed in 5 minutes, ${failures}`, "(completed_on) where completed_on is not null", 2],
      ],
    ],
  ])("are those that %s lacks", (kind, advices) => {
    expect(advise({ kind, schema: "app" })).toEqual(advices);
  });
});
