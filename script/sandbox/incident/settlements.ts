import { quote } from "../queues.ts";

/** The queue of the incident, a kind of River job, and the error of the bad release. */
export const settlementKind = "pos_settlement";
export const settlementError = "pq: serialization failure";
const settlementTrace = `settle.(*Batch).Commit\n\t/app/internal/settle/batch.go:214\nsettle.(*Worker).Work\n\t/app/internal/settle/worker.go:71`;
/** Attempts of a job before it is discarded. */
export const maxAttempts = 3;
/** New jobs per second. */
export const settlementRate = 0.6;
/** River's first priority, for jobs that must not wait. */
const urgent = 1;
const usual = 2;

/** A release whose workers run these jobs from a time on. */
export interface WorkingRelease {
  readonly since: Date;
  readonly hosts: readonly string[];
}

/** The id that River's client takes by default: its host, and when it began. */
export function toClientId(host: string, since: Date): string {
  const time = since.toISOString().slice(0, 19).replaceAll(/[-:]/g, "_");
  return `${host.replaceAll(".", "_").slice(0, 60)}_${time}`;
}

/**
 * SQL of River's tables as its migrations leave them, with the hour until `startedAt`: jobs that
 * succeed until two minutes after the deploy of the last release, 12 failed attempts since that
 * deploy, jobs that wait since the last success, and three urgent ones.
 *
 * @param releases oldest first
 */
export function settlementsSql(startedAt: Date, releases: readonly WorkingRelease[]): string {
  const bad = releases.at(-1) as WorkingRelease;
  const lastSuccess = toLater(bad.since, 120);
  const cases = releases.toReversed().map(({ since, hosts }) => {
    const clients = hosts.map((host) => quote(toClientId(host, since)));
    return `when due >= ${at(since)} then (array[${clients.join(", ")}])[1 + n % ${hosts.length}]`;
  });
  const failed = [27, 131, 248, 396].map((seconds, index) => {
    const client = toClientId(bad.hosts[index % bad.hosts.length] ?? "", bad.since);
    return toDiscarded(
      [0, 3, 12].map((later) => toLater(bad.since, seconds + later)),
      client,
    );
  });
  const every = `interval '${1 / settlementRate} seconds'`;
  return `
    ${tables}
    insert into river_job (kind, state, attempt, max_attempts, priority, args, created_at, scheduled_at, attempted_at, attempted_by, finalized_at, errors)
      select '${settlementKind}', 'completed', 1 + again, ${maxAttempts}, ${usual}, jsonb_build_object('batch', n), due, due,
             due + again * interval '2 seconds' + interval '80 milliseconds', array_fill(case ${cases.join(" ")} end, array[1 + again]),
             due + again * interval '2 seconds' + (0.4 + random()) * interval '1 second',
             case when again = 1 then array[${failure("due + interval '1 second'", "1", "timeout contacting the acquirer")}] end
      from (select n, ${at(startedAt)} - interval '1 hour' + n * ${every} as due, (n % 300 = 7)::int as again
            from generate_series(0, 3600 * ${settlementRate}) as n) as past
      where due < ${at(lastSuccess)};
    ${failed.join("\n")}
    insert into river_job (kind, max_attempts, priority, args, created_at, scheduled_at)
      select '${settlementKind}', ${maxAttempts}, ${usual}, jsonb_build_object('batch', 5000 + n), due, due
      from (select n, ${at(lastSuccess)} + n * ${every} as due from generate_series(0, 3600 * ${settlementRate}) as n) as waiting
      where due < ${at(startedAt)};
    insert into river_job (kind, max_attempts, priority, args)
      select '${settlementKind}', ${maxAttempts}, ${urgent}, jsonb_build_object('batch', 9000 + n) from generate_series(1, 3) as n;
    analyze river_job;`;
}

/** A job that failed at these times and was given up. */
function toDiscarded(times: readonly Date[], client: string): string {
  const errors = times.map((time, index) => failure(at(time), String(index + 1), settlementError));
  const last = times.at(-1) as Date;
  const taken = at(toLater(last, -1));
  return `
    insert into river_job (kind, state, attempt, max_attempts, priority, args, created_at, scheduled_at, attempted_at, attempted_by, finalized_at, errors)
      values ('${settlementKind}', 'discarded', ${times.length}, ${maxAttempts}, ${usual}, '{}', ${at(toLater(times[0] as Date, -1))}, ${taken},
              ${taken}, array_fill(${quote(client)}::text, array[${times.length}]), ${at(last)}, array[${errors.join(", ")}]);`;
}

/** SQL of an element of `errors`. */
export function failure(time: string, attempt: string, error: string): string {
  return `jsonb_build_object('at', ${time}, 'attempt', ${attempt}, 'error', ${quote(error)}, 'trace', ${quote(settlementTrace)})`;
}

function toLater(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}

function at(time: Date): string {
  return `timestamptz '${time.toISOString()}'`;
}

/** Of River's migrations 2 to 6. */
const tables = `
    create type river_job_state as enum
      ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');
    create table river_job (
      id bigserial primary key, state river_job_state not null default 'available', attempt smallint not null default 0,
      max_attempts smallint not null default 25, attempted_at timestamptz, created_at timestamptz not null default now(),
      finalized_at timestamptz, scheduled_at timestamptz not null default now(), priority smallint not null default 1,
      args jsonb not null default '{}', attempted_by text[], errors jsonb[], kind text not null, metadata jsonb not null default '{}',
      queue text not null default 'default', tags varchar(255)[] not null default '{}', unique_key bytea, unique_states bit(8),
      constraint finalized_or_finalized_at_null check (
        (finalized_at is null and state not in ('cancelled', 'completed', 'discarded')) or
        (finalized_at is not null and state in ('cancelled', 'completed', 'discarded'))));
    create table river_queue (
      name text primary key not null, created_at timestamptz not null default now(), metadata jsonb not null default '{}',
      paused_at timestamptz, updated_at timestamptz not null default now());
    create index on river_job (kind);
    create index on river_job (state, finalized_at) where finalized_at is not null;
    create index on river_job (state, queue, priority, scheduled_at, id);`;
