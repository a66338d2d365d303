import { readFileSync } from "node:fs";
import type { Client } from "pg";
import type { Job, JobTable } from "./job-backend.ts";
import type { TestDatabase } from "./postgres-database.ts";

/** Creates the tables of a job system in a schema. */
export async function createSchema(database: TestDatabase, system: string, schema = "public"): Promise<void> {
  const sql = readFileSync(new URL(`schemas/${system}.sql`, import.meta.url), "utf8");
  await database.query(
    `create schema if not exists ${schema}; set search_path to ${schema}, public; ${sql}; reset search_path`,
  );
}

/** SQL of a time in seconds before now, in UTC without a time zone. */
const ago = (seconds: number | string) => `timezone('utc', now()) - ${seconds} * interval '1 second'`;

const isEnded = ({ state }: Job) => state === "done" || state === "failed";

/** Oban's table. A job that completed hours ago shows that its pruner retains jobs for long. */
export async function createObanJobs(database: TestDatabase, schema = "public"): Promise<JobTable> {
  await createSchema(database, "oban", schema);
  const table = `${schema}.oban_jobs`;
  const states = { waiting: "available", running: "executing", done: "completed", failed: "discarded" };
  const clear = async () => {
    await database.query(`
      delete from ${table};
      insert into ${table} (queue, worker, state, completed_at) values ('configured', 'W', 'completed', ${ago(7200)})`);
  };
  await clear();
  return {
    table,
    config: { name: "oban", kind: "oban", schema, names: ["configured"] },
    clear,
    insert: async (jobs) => {
      for (const job of jobs) {
        const { id, queue, state, dueAgo = 1, endedAgo = 1, error = null, args = {} } = job;
        const ended = isEnded(job) ? `${states[state]}_at` : "completed_at";
        await database.query(
          `insert into ${table} (id, queue, worker, state, attempt, scheduled_at, ${ended}, args, errors)
           select coalesce($1, nextval('${table}_id_seq')), $2, 'W', $3::text::${schema}.oban_job_state, 1, ${ago("$4")}, ended, $7,
                  case when $3 = 'discarded' then array[jsonb_build_object('at', to_char(ended, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'attempt', 1, 'error', $6::text)]
                    else '{}' end
           from (select ${ago("$5::float8")} as ended) as t`,
          [
            id ?? null,
            queue,
            state === "waiting" && dueAgo < 0 ? "scheduled" : states[state],
            dueAgo,
            isEnded(job) ? endedAgo : null,
            error,
            args,
          ],
        );
      }
    },
  };
}

/** Solid Queue's tables, with finished jobs preserved. */
export async function createSolidQueueJobs(database: TestDatabase, schema = "public"): Promise<JobTable> {
  await createSchema(database, "solid-queue", schema);
  const table = `${schema}.solid_queue_jobs`;
  const add = async ({ id, queue, dueAgo = 1, endedAgo = 1, args = {}, ...job }: Job) => {
    const { rows } = await database.query(
      `insert into ${table} (id, queue_name, class_name, arguments, created_at, updated_at, finished_at)
       values (coalesce($1, nextval('${table}_id_seq')), $2, 'J', $5, ${ago("$3")}, ${ago("$3")}, ${ago("$4::float8")}) returning id`,
      [id ?? null, queue, dueAgo, job.state === "done" ? endedAgo : null, JSON.stringify({ executions: 0, ...args })],
    );
    return rows[0]?.["id"];
  };
  const clear = async () => {
    await database.query(`delete from ${table}`);
    await add({ queue: "configured", state: "done", endedAgo: 7200 });
  };
  await clear();
  return {
    table,
    config: { name: "solid", kind: "solid-queue", schema, names: ["configured"] },
    clear,
    insert: async (jobs) => {
      for (const job of jobs) {
        const { queue, state, dueAgo = 1, endedAgo = 1, error = null } = job;
        const id = await add(job);
        const executions = `${schema}.solid_queue_`;
        if (state === "running") {
          await database.query(
            `insert into ${executions}claimed_executions (job_id, created_at) values ($1, ${ago(1)})`,
            [id],
          );
        } else if (state === "failed") {
          const failed = `insert into ${executions}failed_executions (job_id, error, created_at) values ($1, $2, ${ago("$3")})`;
          await database.query(failed, [id, JSON.stringify({ message: error, backtrace: [] }), endedAgo]);
        } else if (state === "waiting") {
          const [name, time] = dueAgo < 0 ? ["scheduled", "scheduled_at, created_at"] : ["ready", "created_at"];
          const times = time
            .split(",")
            .map(() => ago("$3"))
            .join();
          const waiting = `insert into ${executions}${name}_executions (job_id, queue_name, ${time}) values ($1, $2, ${times})`;
          await database.query(waiting, [id, queue, dueAgo]);
        }
      }
    },
  };
}

/** GoodJob's tables, with a process that preserves jobs. */
export async function createGoodJobs(database: TestDatabase, schema = "public"): Promise<JobTable> {
  await createSchema(database, "good-job", schema);
  const table = `${schema}.good_jobs`;
  await database.query(`
    insert into ${schema}.good_job_processes (created_at, updated_at, state)
    values (${ago(0)}, ${ago(0)}, '{"preserve_job_records": true, "hostname": "worker-1"}')`);
  return {
    table,
    config: { name: "good", kind: "good-job", schema, names: ["configured"] },
    abilities: { bigIds: false },
    clear: async () => void (await database.query(`delete from ${table}; delete from ${schema}.good_job_executions`)),
    insert: async (jobs) => {
      for (const job of jobs) {
        const { id, queue, state, dueAgo = 1, endedAgo = 1, error = "", args = {} } = job;
        const performed = state === "waiting" ? null : dueAgo;
        const values = [
          id ?? null,
          queue,
          dueAgo,
          performed,
          isEnded(job) ? endedAgo : null,
          state === "failed" ? (error ?? "") : null,
          args,
        ];
        const { rows } = await database.query(
          `insert into ${table} (id, active_job_id, queue_name, job_class, created_at, updated_at, scheduled_at, performed_at, finished_at, error, serialized_params)
           select id, id, $2, 'J', ${ago("$3")}, ${ago("$3")}, ${ago("$3")}, ${ago("$4::float8")}, ${ago("$5::float8")}, $6, $7
           from (select coalesce($1::uuid, gen_random_uuid()) as id) as t returning id`,
          values,
        );
        if (!isEnded(job)) continue;
        await database.query(
          `insert into ${schema}.good_job_executions (active_job_id, queue_name, serialized_params, created_at, updated_at, finished_at, error)
           values ($1, $2, '{"executions": 0}', ${ago("$3")}, ${ago("$3")}, ${ago("$3")}, $4)`,
          [rows[0]?.["id"], queue, endedAgo, values[5]],
        );
      }
    },
  };
}

/** Que's tables, and a session that locks jobs as a locker of Que does. */
export async function createQueJobs(
  database: TestDatabase,
  schema = "public",
): Promise<JobTable & { readonly locker: Client }> {
  await createSchema(database, "que", schema);
  const table = `${schema}.que_jobs`;
  const locker = await database.connect();
  await locker.query(`
    insert into ${schema}.que_lockers (pid, worker_count, worker_priorities, ruby_pid, ruby_hostname, queues, listening)
    values (pg_backend_pid(), 6, '{10,30,50,null,null,null}', 17, 'worker-1', '{configured}', true)`);
  return {
    table,
    locker,
    config: { name: "que", kind: "que", schema, names: ["configured"] },
    abilities: { processed: false },
    clear: async () => {
      await locker.query("select pg_advisory_unlock_all()");
      await database.query(`delete from ${table}`);
    },
    insert: async (jobs) => {
      for (const { id, queue, state, dueAgo = 1, endedAgo = 1, error = null, args = {} } of jobs) {
        const { rows } = await database.query(
          `insert into ${table} (id, queue, job_class, job_schema_version, run_at, finished_at, expired_at, last_error_message, error_count, args)
           values (coalesce($1, nextval('${table}_id_seq')), $2, 'J', 2, now() - $3 * interval '1 second', now() - $4::float8 * interval '1 second',
                   now() - $5::float8 * interval '1 second', $6, $7, $8) returning id`,
          [
            id ?? null,
            queue,
            dueAgo,
            state === "done" ? endedAgo : null,
            state === "failed" ? endedAgo : null,
            error,
            state === "failed" ? 1 : 0,
            args,
          ],
        );
        if (state === "running") await locker.query("select pg_advisory_lock($1)", [rows[0]?.["id"]]);
      }
    },
  };
}

/** pgmq's tables and functions; each queue is created when it is first filled. */
export async function createPgmqJobs(database: TestDatabase): Promise<JobTable> {
  await createSchema(database, "pgmq");
  return {
    table: "pgmq.meta",
    config: { name: "pgmq", kind: "pgmq", names: ["configured"] },
    abilities: { processed: false, failures: false, errors: false, bigIds: false, anyName: false },
    clear: async () => void (await database.query("select pgmq.drop_queue(queue_name) from pgmq.meta")),
    insert: async (jobs) => {
      for (const { queue, state, dueAgo = 1 } of jobs) {
        await database.query(
          `select pgmq."create"($1) where not exists (select from pgmq.meta where queue_name = $1)`,
          [queue],
        );
        const { rows } = await database.query("select pgmq.send($1, '{}', $2) as id", [queue, -dueAgo]);
        if (state === "waiting") continue;
        const id = rows[0]?.["id"];
        if (state === "running") {
          await database.query(
            `update pgmq."q_${queue}" set read_ct = 1, vt = now() + interval '30 seconds' where msg_id = $1`,
            [id],
          );
        } else await database.query("select pgmq.archive($1, $2)", [queue, id]);
      }
    },
  };
}
