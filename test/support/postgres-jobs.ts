import type { TestDatabase } from "./postgres-database.ts";
import type { JobTable } from "./job-backend.ts";
import { runnerMapping } from "./queue-mappings.ts";

/** A runner's table as in the README, with the recommended indexes. */
export async function createRunnerJobs(database: TestDatabase, table = "runner_jobs"): Promise<JobTable> {
  await database.query(`
    create table ${table} (id bigserial primary key, type text, status text not null, run_at timestamptz,
                           finished_at timestamptz, last_error text, args jsonb);
    create index ${table}_pending on ${table} (type, run_at) where status = 'pending';
    create index ${table}_running on ${table} (type) where status = 'running';
    create index ${table}_done on ${table} (finished_at) include (type) where status = 'done';
    create index ${table}_failed on ${table} (finished_at) include (type) where status = 'failed'`);
  const statuses = { waiting: "pending", running: "running", done: "done", failed: "failed" };
  return {
    table,
    config: {
      ...runnerMapping,
      table: `public.${table}`,
      queue: { column: "type", names: ["configured"] },
      args: "args",
    },
    insert: async (jobs) => {
      for (const { id, queue, state, dueAgo = 1, endedAgo = 1, error = null, args = {} } of jobs) {
        await database.query(
          `insert into ${table} (id, type, status, run_at, finished_at, last_error, args)
           values (coalesce($1, nextval('${table}_id_seq')), $2, $3, now() - $4 * interval '1 second', now() - $5 * interval '1 second', $6, $7)`,
          [
            id ?? null,
            queue,
            statuses[state],
            dueAgo,
            state === "done" || state === "failed" ? endedAgo : null,
            error,
            args,
          ],
        );
      }
    },
  };
}

/** River's table and indexes as its migrations 2 to 6 leave them. */
export async function createRiverJobs(database: TestDatabase, schema = "public"): Promise<JobTable> {
  await database.query(`
    create schema if not exists ${schema};
    create type ${schema}.river_job_state as enum
      ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');
    create table ${schema}.river_job (
      id bigserial primary key, state ${schema}.river_job_state not null default 'available', attempt smallint not null default 0,
      max_attempts smallint not null default 25, attempted_at timestamptz, created_at timestamptz not null default now(),
      finalized_at timestamptz, scheduled_at timestamptz not null default now(), priority smallint not null default 1,
      args jsonb not null default '{}', attempted_by text[], errors jsonb[], kind text not null, metadata jsonb not null default '{}',
      queue text not null default 'default', tags varchar(255)[] not null default '{}', unique_key bytea, unique_states bit(8),
      constraint finalized_or_finalized_at_null check (
        (finalized_at is null and state not in ('cancelled', 'completed', 'discarded')) or
        (finalized_at is not null and state in ('cancelled', 'completed', 'discarded'))));
    create table ${schema}.river_queue (
      name text primary key not null, created_at timestamptz not null default now(), metadata jsonb not null default '{}',
      paused_at timestamptz, updated_at timestamptz not null default now());
    create index on ${schema}.river_job (kind);
    create index on ${schema}.river_job (state, finalized_at) where finalized_at is not null;
    create index on ${schema}.river_job (state, queue, priority, scheduled_at, id)`);
  const states = { waiting: "available", running: "running", done: "completed", failed: "discarded" };
  const table = `${schema}.river_job`;
  return {
    table,
    config: { name: "river", kind: "river", schema, by: "kind", names: ["configured"] },
    insert: async (jobs) => {
      for (const { id, queue, state, dueAgo = 1, endedAgo = 1, error = null, args = {} } of jobs) {
        await database.query(
          `insert into ${table} (id, kind, state, scheduled_at, finalized_at, args, errors)
           select coalesce($1, nextval('${table}_id_seq')), $2, $3::text::${schema}.river_job_state, now() - $4 * interval '1 second', ended, $7::jsonb,
                  case when $3::text = 'discarded' then array[jsonb_build_object('at', ended, 'attempt', 1, 'error', $6::text, 'trace', '')] end
           from (select now() - $5 * interval '1 second' as ended) as t`,
          [
            id ?? null,
            queue,
            state === "waiting" && dueAgo < 0 ? "scheduled" : states[state],
            dueAgo,
            state === "done" || state === "failed" ? endedAgo : null,
            error,
            JSON.stringify(args),
          ],
        );
      }
    },
  };
}
