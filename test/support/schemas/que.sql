-- Que's tables and indexes as its migrations 1 to 7 leave them (que-rb/que, lib/que/migrations), rewritten: without triggers, que_values and the checks of
-- lengths, of which one keeps error messages to 500 characters.
create table que_jobs (
  priority smallint not null default 100,
  run_at timestamptz not null default now(),
  id bigserial primary key,
  job_class text not null,
  error_count integer not null default 0,
  last_error_message text,
  queue text not null default 'default',
  last_error_backtrace text,
  finished_at timestamptz,
  expired_at timestamptz,
  args jsonb not null default '[]',
  data jsonb not null default '{}',
  job_schema_version integer not null,
  kwargs jsonb not null default '{}'
) with (fillfactor = 90);
create index que_poll_idx on que_jobs (job_schema_version, queue, priority, run_at, id) where finished_at is null and expired_at is null;
create index que_jobs_args_gin_idx on que_jobs using gin (args jsonb_path_ops);
create index que_jobs_data_gin_idx on que_jobs using gin (data jsonb_path_ops);

create unlogged table que_lockers (
  pid integer not null primary key,
  worker_count integer not null,
  worker_priorities integer[] not null,
  ruby_pid integer not null,
  ruby_hostname text not null,
  queues text[] not null,
  listening boolean not null,
  job_schema_version integer default 1
);
