-- GoodJob's tables and indexes as its version 4 makes them on installation (bensheldon/good_job, create_good_jobs.rb.erb and the updates of version 4 up to
-- its index on discarded jobs), rewritten: without batches, labels, cron and concurrency. A datetime of Rails is a timestamp(6) without time zone.
create table good_jobs (
  id uuid primary key default gen_random_uuid(),
  queue_name text,
  priority integer,
  serialized_params jsonb,
  scheduled_at timestamp(6),
  performed_at timestamp(6),
  finished_at timestamp(6),
  error text,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  active_job_id uuid,
  executions_count integer,
  job_class text,
  error_event smallint,
  locked_by_id uuid,
  locked_at timestamp(6)
);
create index on good_jobs (scheduled_at) where finished_at is null;
create index on good_jobs (queue_name, scheduled_at) where finished_at is null;
create index on good_jobs (active_job_id, created_at);
create index on good_jobs (finished_at) where finished_at is not null;
create index on good_jobs (finished_at desc) where finished_at is not null and error is not null;
create index on good_jobs (priority, created_at) where finished_at is null;
create index on good_jobs (locked_by_id) where locked_by_id is not null;

create table good_job_executions (
  id uuid primary key default gen_random_uuid(),
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  active_job_id uuid not null,
  job_class text,
  queue_name text,
  serialized_params jsonb,
  scheduled_at timestamp(6),
  finished_at timestamp(6),
  error text,
  error_event smallint,
  error_backtrace text[],
  process_id uuid,
  duration interval
);
create index on good_job_executions (active_job_id, created_at);
create index on good_job_executions (process_id, created_at);

create table good_job_processes (
  id uuid primary key default gen_random_uuid(),
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  state jsonb,
  lock_type smallint
);

create table good_job_settings (
  id uuid primary key default gen_random_uuid(),
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  key text unique,
  value jsonb
);
