import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { compare, findOthers } from "../../script/counting/compare.ts";
import type { CountedSystem } from "../../script/counting/figures.ts";
import type { AnsweredQueue, Answers } from "../../script/counting/gateway.ts";
import { createDice } from "../../script/counting/plan.ts";
import { createRows, type RowWriter } from "../../script/counting/rows.ts";
import {
  createGoodJobWriter,
  createObanWriter,
  createQueWriter,
  createRiverWriter,
  createSolidQueueWriter,
  createTableWriter,
} from "../../script/counting/sql-writers.ts";
import type { QueueSource } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { openSources } from "../support/queue-source.ts";

/** A wrong rule of the gateway, as views that hide from it what the rule would not see. */
interface Mutation {
  readonly title: string;
  /** Columns of a table that are replaced, or a condition on its rows. */
  readonly views: Readonly<
    Record<string, { readonly columns?: Readonly<Record<string, string>>; readonly where?: string }>
  >;
  /** The figures that must be reported. */
  readonly reports: readonly string[];
}

interface Case {
  readonly kind: string;
  readonly create: (database: TestDatabase) => Promise<RowWriter>;
  readonly toConfig: (schema: string) => QueueSourceConfig;
  readonly tables: readonly string[];
  readonly mutations: readonly Mutation[];
}

const solidTables = ["jobs", "pauses", "processes"].concat(
  ["ready", "scheduled", "claimed", "failed"].map((name) => `${name}_executions`),
);
let table: object;
const cases: readonly Case[] = [
  {
    kind: "table",
    create: async (database) => {
      const writer = await createTableWriter(database);
      table = writer.config;
      return writer;
    },
    toConfig: (schema) => ({ ...(table as QueueSourceConfig & { kind: "table" }), table: `${schema}.runner_jobs` }),
    tables: ["runner_jobs"],
    mutations: [
      {
        title: "retries are new jobs",
        views: { runner_jobs: { columns: { status: "replace(status, 'retrying', 'pending')" } } },
        reports: ["retrying", "deferred"],
      },
    ],
  },
  {
    kind: "river",
    create: async (database) => (await createRiverWriter(database)).byKind,
    toConfig: (schema) => ({ name: "river", kind: "river", schema, by: "kind" }),
    tables: ["river_job", "river_queue"],
    mutations: [
      {
        title: "failures of jobs that succeeded later do not count",
        views: { river_job: { columns: { errors: "case when state <> 'completed' then errors end" } } },
        reports: ["failures"],
      },
      {
        title: "retries that are available have not failed",
        views: { river_job: { columns: { errors: "case when state <> 'available' then errors end" } } },
        reports: ["retrying", "failures"],
      },
      {
        title: "only the last failure of a job counts",
        views: { river_job: { columns: { errors: "errors[cardinality(errors):]" } } },
        reports: ["failures"],
      },
    ],
  },
  {
    kind: "river by queue",
    create: async (database) => (await createRiverWriter(database)).byQueue,
    toConfig: (schema) => ({ name: "river", kind: "river", schema, by: "queue" }),
    tables: ["river_job", "river_queue"],
    mutations: [
      {
        title: "pauses are not seen",
        views: { river_queue: { columns: { paused_at: "null::timestamptz" } } },
        reports: ["paused"],
      },
    ],
  },
  {
    kind: "oban",
    create: createObanWriter,
    toConfig: (schema) => ({ name: "oban", kind: "oban", schema }),
    tables: ["oban_jobs"],
    mutations: [
      {
        title: "no job is retried",
        views: { oban_jobs: { where: "state <> 'retryable' and (state <> 'available' or attempt = 0)" } },
        reports: ["retrying"],
      },
      {
        title: "scheduled jobs that are due do not wait",
        views: { oban_jobs: { where: "state <> 'scheduled' or scheduled_at > timezone('utc', now())" } },
        reports: ["depth"],
      },
    ],
  },
  {
    kind: "solid queue",
    create: createSolidQueueWriter,
    toConfig: (schema) => ({ name: "solid", kind: "solid-queue", schema }),
    tables: solidTables.map((name) => `solid_queue_${name}`),
    mutations: [
      {
        title: "scheduled jobs that are due do not wait",
        views: { solid_queue_scheduled_executions: { where: "scheduled_at > timezone('utc', now())" } },
        reports: ["depth"],
      },
      {
        title: "what retry_on repeats has succeeded",
        views: { solid_queue_jobs: { columns: { active_job_id: "id::varchar" } } },
        reports: ["processed"],
      },
      {
        title: "running jobs are not seen",
        views: { solid_queue_claimed_executions: { where: "false" } },
        reports: ["active"],
      },
      {
        title: "workers are not seen",
        views: { solid_queue_processes: { where: "kind <> 'Worker'" } },
        reports: ["workers"],
      },
    ],
  },
  {
    kind: "good job",
    create: createGoodJobWriter,
    toConfig: (schema) => ({ name: "good", kind: "good-job", schema }),
    tables: ["good_jobs", "good_job_executions", "good_job_processes", "good_job_settings"],
    mutations: [
      {
        title: "no job is retried",
        views: { good_jobs: { columns: { error: "case when finished_at is not null then error end" } } },
        reports: ["retrying", "deferred"],
      },
      {
        title: "pauses are not seen",
        views: { good_job_settings: { where: "false" } },
        reports: ["paused"],
      },
    ],
  },
  {
    kind: "que",
    create: createQueWriter,
    toConfig: (schema) => ({ name: "que", kind: "que", schema }),
    tables: ["que_jobs", "que_lockers"],
    mutations: [
      {
        title: "no job is retried",
        views: { que_jobs: { columns: { error_count: "case when expired_at is null then 0 else error_count end" } } },
        reports: ["retrying", "deferred", "failures"],
      },
      {
        title: "lockers are not seen",
        views: { que_lockers: { where: "false" } },
        reports: ["active", "workers"],
      },
    ],
  },
];

const rows = 60;

for (const { kind, create, toConfig, tables, mutations } of cases)
  describe(`recount of ${kind}`, () => {
    let database: TestDatabase;
    let system: CountedSystem;
    let made: readonly string[];

    beforeAll(async () => {
      database = await createTestDatabase(inject("postgresUrl"), "recount");
      const writer = await create(database);
      system = createRows(createDice(1), rows, { ...writer, name: kind, source: toConfig("public").name });
      await system.work();
      made = writer.queues;
    });
    afterAll(async () => {
      await system.close?.();
      await database.drop();
    });

    /** What the recount reports where the gateway reads the tables in a schema. */
    const recount = async (schema: string) => {
      const before = system.count();
      const [source] = await openSources(database, toConfig(schema));
      const answers = await ask(source as QueueSource);
      const { wrong } = compare(system, { before, after: system.count() }, answers);
      return [...wrong, ...findOthers([{ source: system.source, queues: made }], answers)];
    };

    it("finds nothing wrong", async () => {
      expect(await recount("public")).toStrictEqual([]);
    });

    it.each(mutations)("reports a gateway for which $title", async ({ views, reports }) => {
      await database.query("drop schema if exists mutated cascade; create schema mutated");
      for (const name of tables) {
        const { columns = {}, where = "true" } = views[name] ?? {};
        const { rows: own } = await database.query(
          "select column_name as name from information_schema.columns where table_schema = 'public' and table_name = $1 order by ordinal_position",
          [name],
        );
        const selected = own
          .map((row) => String(row["name"]))
          .map((column) => `${columns[column] ?? column} as ${column}`);
        await database.query(
          `create view mutated.${name} as select ${selected.join()} from public.${name} where ${where}`,
        );
      }
      const wrong = await recount("mutated");
      for (const figure of reports)
        for (const prefix of ["", "REST "])
          expect(wrong).toContainEqual(expect.stringMatching(new RegExp(`^${kind}, ${prefix}${figure} of `)));
    });
  });

/** What the gateway would answer from a source. */
async function ask(source: QueueSource): Promise<Pick<Answers, "graphql" | "rest">> {
  const signal = AbortSignal.timeout(60_000);
  const queues = (await source.metrics(signal)).map((queue): AnsweredQueue => ({
    ...queue,
    waitP50Seconds: queue.waitSeconds?.p50 ?? null,
    waitP95Seconds: queue.waitSeconds?.p95 ?? null,
    runP50Seconds: queue.runSeconds?.p50 ?? null,
    runP95Seconds: queue.runSeconds?.p95 ?? null,
  }));
  const answer = { queues, errors: await source.failures(signal) };
  return { graphql: answer, rest: answer };
}
