-- Optional, for owners of a graphile-worker schema. graphile-worker deletes a job that succeeds and forgets all failures but the last one of a job that is
-- still there. These two triggers write each end of an attempt down for two hours, so that wallet-core-ops knows for each task, exactly: jobs per second,
-- failed attempts and their errors, how long jobs waited and ran. Complete an hour after it was installed; seen when wallet-core-ops starts.
-- Costs an insert for each attempt. Run as the owner; safe to run again. Then, for the role of DATABASE_URL:
--
--     grant usage on schema ops to ROLE; grant select on ops.job_ends to ROLE;
--
-- graphile-worker's schema is "graphile_worker" here: put another name in the two triggers, and run them for each.
-- To undo: drop function ops.write_job_end() cascade; drop table ops.job_ends;

begin;

create schema if not exists ops;

create table if not exists ops.job_ends (
  source text not null, -- graphile-worker's schema
  queue text not null, -- task identifier
  job_id bigint not null,
  failed boolean not null,
  attempts int not null, -- with this one
  error text,
  ready_at timestamptz not null, -- when it could run
  started_at timestamptz,
  ended_at timestamptz not null default clock_timestamp()
);
create index if not exists job_ends_ended_at on ops.job_ends (source, failed, ended_at);

-- With the rights of its owner: workers need none of their own.
create or replace function ops.write_job_end() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
declare
  failed constant boolean := tg_op = 'UPDATE';
  task text;
begin
  execute format('select identifier from %I._private_tasks where id = $1', tg_table_schema) into task using old.task_id;
  insert into ops.job_ends (source, queue, job_id, failed, attempts, error, ready_at, started_at)
  values (tg_table_schema, task, old.id, failed, old.attempts, case when failed then new.last_error end, old.run_at, old.locked_at);
  if random() < 0.001 then
    delete from ops.job_ends where ctid in (
      select ctid from ops.job_ends where ended_at < now() - interval '2 hours' limit 10000 for update skip locked
    );
  end if;
  return null;
end $$;

-- Only what a worker holds: a job that is removed by hand is not done.
create or replace trigger ops_job_done after delete on graphile_worker._private_jobs
  for each row when (old.locked_by is not null) execute function ops.write_job_end();

-- A worker that fails a job lets it go and puts it off; one that is unlocked by hand stays where it was.
create or replace trigger ops_job_failed after update on graphile_worker._private_jobs
  for each row when (old.locked_by is not null and new.locked_by is null and new.run_at <> old.run_at) execute function ops.write_job_end();

commit;
