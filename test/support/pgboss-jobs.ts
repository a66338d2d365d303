import { PgBoss } from "pg-boss";
import PgBoss10 from "pg-boss-10";
import PgBoss11 from "pg-boss-11";
import type { JobTable } from "./job-backend.ts";
import type { TestDatabase } from "./postgres-database.ts";

/** The part of pg-boss, of any version, that tests need. */
export interface Boss {
  createQueue(name: string): Promise<void>;
  /** The id of the new job. */
  send(name: string, data: object, options?: SendOptions): Promise<string>;
  /** Takes one job at a time, as soon as there is one. */
  work(name: string, handle: (job: { readonly id: string; readonly data: unknown }) => Promise<void>): Promise<void>;
  /** Moves what has ended to the archive where the version has one. */
  archive(): Promise<void>;
  stop(): Promise<void>;
}

interface SendOptions {
  readonly retryLimit?: number;
  readonly retryDelay?: number;
  readonly startAfter?: number;
}

export type BossVersion = 10 | 11 | 12;

/** Installs and starts pg-boss. It does not supervise, so that nothing happens without the test. */
export async function startBoss(version: BossVersion, connectionString: string): Promise<Boss> {
  if (version === 10) return startBoss10(connectionString);
  const options = { connectionString, supervise: false, schedule: false, max: 3 };
  // The methods used here are the same in both.
  return startNewBoss(version === 11 ? (new PgBoss11(options) as unknown as PgBoss) : new PgBoss(options));
}

async function startNewBoss(boss: PgBoss): Promise<Boss> {
  boss.on("error", () => {});
  await boss.start();
  return {
    createQueue: (name) => boss.createQueue(name),
    send: async (name, data, options = {}) => (await boss.send(name, data, options)) ?? "",
    work: async (name, handle) => {
      await boss.work<unknown>(name, { pollingIntervalSeconds: 0.5 }, async ([job]) => job && handle(job));
    },
    archive: () => Promise.resolve(),
    stop: () => boss.stop({ graceful: false }),
  };
}

async function startBoss10(connectionString: string): Promise<Boss> {
  const boss = new PgBoss10({
    connectionString,
    supervise: false,
    schedule: false,
    max: 3,
    archiveCompletedAfterSeconds: 1,
  });
  boss.on("error", () => {});
  await boss.start();
  return {
    createQueue: (name) => boss.createQueue(name),
    send: async (name, data, options = {}) => (await boss.send(name, data, options)) ?? "",
    work: async (name, handle) => {
      await boss.work<unknown>(name, { pollingIntervalSeconds: 0.5 }, async ([job]) => job && handle(job));
    },
    archive: () => boss.maintain(),
    stop: () => boss.stop({ graceful: false }),
  };
}

/** The real schema, filled by SQL. */
export async function createBossJobs(database: TestDatabase, version: BossVersion): Promise<JobTable> {
  await (await startBoss(version, database.url)).stop();
  const states = { waiting: "created", running: "active", done: "completed", failed: "failed" };
  return {
    table: "pgboss.job",
    config: { name: "boss", kind: "pgboss", schema: "pgboss", names: ["configured"] },
    // pg-boss 10 itself fails on a backslash.
    abilities: { bigIds: false, anyName: version !== 10 },
    insert: async (jobs) => {
      for (const { id = null, queue, state, dueAgo = 1, endedAgo = 1, error = null, args = {} } of jobs) {
        const hasEnded = state === "done" || state === "failed";
        await database.query(`select pgboss.create_queue($1, '{"policy": "standard"}')`, [queue]);
        await database.query(
          `insert into pgboss.job (id, name, state, created_on, start_after, started_on, completed_on, data, output)
           select coalesce($1::uuid, gen_random_uuid()), $2, $3::pgboss.job_state, least(due, ended - interval '2 seconds'), due,
                  case when $3 <> 'created' then ended - interval '1 second' end, case when $6::boolean then ended end, $8::jsonb,
                  case when $7::text is not null then jsonb_build_object('message', $7::text, 'name', 'Error') end
           from (select now() - $4 * interval '1 second' as due, now() - $5 * interval '1 second' as ended) as t`,
          [id, queue, states[state], hasEnded ? endedAgo + 2 : dueAgo, hasEnded ? endedAgo : 0, hasEnded, error, args],
        );
      }
    },
    clear: async () => {
      await database.query("delete from pgboss.job");
      await database.query(
        "select pgboss.delete_queue(name) from pgboss.queue where name not like E'\\\\_\\\\_pgboss%'",
      );
    },
  };
}
