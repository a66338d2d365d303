-- Oban's table and indexes as its migrations 1 to 15 leave them (oban-bg/oban, lib/oban/migrations/postgres/v01.ex to v15.ex), rewritten. Without its checks
-- of attempts and priorities, and without oban_peers.
create type oban_job_state as enum
  ('available', 'suspended', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled');

create table oban_jobs (
  id bigserial primary key,
  state oban_job_state not null default 'available',
  queue text not null default 'default',
  worker text not null,
  args jsonb not null default '{}',
  errors jsonb[] not null default '{}',
  attempt integer not null default 0,
  max_attempts integer not null default 20,
  inserted_at timestamp not null default timezone('utc', now()),
  scheduled_at timestamp not null default timezone('utc', now()),
  attempted_at timestamp,
  completed_at timestamp,
  attempted_by text[],
  discarded_at timestamp,
  priority integer not null default 0,
  tags text[] default '{}',
  meta jsonb default '{}',
  cancelled_at timestamp
);

create index on oban_jobs (state, queue, priority, scheduled_at, id);
create index on oban_jobs using gin (args);
create index on oban_jobs using gin (meta);
create index on oban_jobs (state, cancelled_at);
create index on oban_jobs (state, discarded_at);
create index oban_jobs_staging_idx on oban_jobs (scheduled_at, id) where state in ('scheduled', 'retryable');
