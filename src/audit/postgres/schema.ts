import type { PoolClient } from "pg";
import { genesis } from "../line.ts";

/** Everything of ours is in this schema: nothing else of the database is read or changed. */
const schema = "wallet_core_ops";

/**
 * What each version adds, from the first on. A version is never changed once it was published. A gateway works with its own version and with the next one, so that gateways
 * can be replaced one by one: a new version may add tables, and columns that may be null or have a default, and takes nothing away that the version before it needs.
 */
const versions: readonly string[] = [
  `
  create table ${schema}.head (
    is_only boolean primary key default true check (is_only),
    seq bigint not null,
    hash text not null
  );
  insert into ${schema}.head (seq, hash) values (${genesis.seq}, '${genesis.hash}');
  create table ${schema}.entry (
    seq bigint primary key,
    at timestamptz not null,
    line text not null,
    outcome text not null,
    family text not null,
    intent bigint references ${schema}.entry,
    holder text not null,
    answer_key text,
    granted integer not null
  );
  create index on ${schema}.entry (holder, family, at) where outcome = 'intent';
  create index on ${schema}.entry (answer_key, seq) where outcome = 'intent';
  create index on ${schema}.entry (intent, seq) where intent is not null;
  create table ${schema}.open (
    seq bigint primary key references ${schema}.entry,
    family text not null,
    container_id text not null,
    owner text not null,
    lease_until timestamptz not null,
    has_outcome boolean not null default false
  );
  create unique index on ${schema}.open (container_id) where family = 'restart';
  create table ${schema}.rest (
    container_id text primary key,
    ended_at timestamptz not null
  );`,
];

export const newestVersion = versions.length;

/** Brings the schema to this version. Returns the versions before and after. Safe to run twice, and by several at once. Rejects with pg's error. */
export async function migrate(client: Pick<PoolClient, "query">): Promise<{ readonly before: number; readonly after: number }> {
  // Held to the end of the transaction: it works behind PgBouncer too.
  await client.query(`begin; select pg_advisory_xact_lock(hashtext('${schema}'))`);
  // A role that may not create schemas can use one that was made for it.
  const { rows } = await client.query<{ is_missing: boolean }>(`select to_regnamespace('${schema}') is null as is_missing`);
  if (rows[0]?.is_missing) await client.query(`create schema ${schema}`);
  await client.query(
    `create table if not exists ${schema}.version (version integer primary key, at timestamptz not null default now())`,
  );
  const before = await readVersion(client);
  for (const [index, statements] of versions.entries()) {
    if (index < before) continue;
    await client.query(statements);
    await client.query(`insert into ${schema}.version (version) values (${index + 1})`);
  }
  await client.query("commit");
  return { before, after: Math.max(before, newestVersion) };
}

/** 0 without a version. Rejects with pg's error; 3F000 or 42P01 where nothing was ever migrated. */
export async function readVersion(client: Pick<PoolClient, "query">): Promise<number> {
  const { rows } = await client.query<{ version: number | null }>(`select max(version) as version from ${schema}.version`);
  return rows[0]?.version ?? 0;
}

/** The end of the chain, and how many gateways have open actions. Rejects with pg's error. */
export async function readTableHead(
  client: Pick<PoolClient, "query">,
): Promise<{ readonly seq: number; readonly hash: string; readonly gateways: number }> {
  const { rows } = await client.query<{ seq: number; hash: string; gateways: number }>(
    `select seq::float8 as seq, hash, (select count(distinct owner)::int from ${schema}.open) as gateways from ${schema}.head`,
  );
  return rows[0] ?? { ...genesis, gateways: 0 };
}

/** Locks the end of the chain: one decision at a time. */
export const lockHead = `select seq::float8 as seq, hash, clock_timestamp() as now from ${schema}.head for update`;

/** ($1 family, $2 container, $3 holder) What is known when an action is asked for. Times in ms; that of the statement, which an index can use, and which begins behind the lock. */
export const readFacts = `
  select
    (select count(*)::int from ${schema}.open where family = $1) as open,
    exists (select from ${schema}.open where family = $1 and container_id = $2) as is_running,
    (select extract(epoch from statement_timestamp() - ended_at)::float8 * 1000 from ${schema}.rest where container_id = $2) as rested_ms,
    (select coalesce(sum(granted), 0)::int from ${schema}.entry
      where holder = $3 and family = $1 and outcome = 'intent' and at > statement_timestamp() - interval '1 hour') as taken,
    (select extract(epoch from statement_timestamp() - min(at))::float8 * 1000 from ${schema}.entry
      where holder = $3 and family = $1 and outcome = 'intent' and granted > 0 and at > statement_timestamp() - interval '1 hour') as oldest_ms,
    pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as is_read_only`;

/** ($1 answer key) The newest intent of the last day under this key, and its newest outcome. */
export const readEarlier = `
  select i.seq::float8 as seq, i.line,
    (select o.line from ${schema}.entry o where o.intent = i.seq order by o.seq desc limit 1) as outcome
  from ${schema}.entry i
  where i.answer_key = $1 and i.outcome = 'intent' and i.at > statement_timestamp() - interval '24 hours'
  order by i.seq desc limit 1`;

/** ($1 seq, $2 at, $3 line, $4 outcome, $5 family, $6 intent, $7 holder, $8 answer key, $9 granted, $10 hash) Appends an entry and moves the head. */
const append = `
  entered as (
    insert into ${schema}.entry (seq, at, line, outcome, family, intent, holder, answer_key, granted)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ),
  moved as (update ${schema}.head set seq = $1, hash = $10)`;

/** ($11 container, $12 owner, $13 lease in ms) Appends an intent, which is open from then on. */
export const appendIntent = `with ${append}
  insert into ${schema}.open (seq, family, container_id, owner, lease_until)
  values ($1, $5, $11, $12, clock_timestamp() + $13::float8 * interval '1 ms')`;

/** ($11 owner) Appends an outcome after which the action stays open. */
export const appendOutcome = `with ${append}
  update ${schema}.open set has_outcome = true where seq = $6 and owner = $11`;

/** ($11 owner, $12 whether the container rests now) Appends the last outcome of an action. */
export const appendLastOutcome = `with ${append},
  closed as (delete from ${schema}.open where seq = $6 and owner = $11 returning container_id),
  forgotten as (delete from ${schema}.rest where ended_at < clock_timestamp() - interval '1 hour')
  insert into ${schema}.rest (container_id, ended_at)
  select container_id, clock_timestamp() from closed where $12
  on conflict (container_id) do update set ended_at = excluded.ended_at`;

/** ($1 seq) Who has an open action. */
export const readOwner = `select owner from ${schema}.open where seq = $1 for update`;

/** ($1 owner, $2 lease in ms, $3 their numbers) Goes on holding open actions. */
export const extendLeases = `
  update ${schema}.open set lease_until = clock_timestamp() + $2::float8 * interval '1 ms'
  where owner = $1 and seq = any($3::bigint[]) returning seq::float8 as seq`;

/** ($1 family, $2 owner, $3 lease in ms, $4 what it holds) Takes the actions over whose owner no longer holds them: of others, and our own that we do not know of. */
export const takeOver = `
  update ${schema}.open o set owner = $2, lease_until = clock_timestamp() + $3::float8 * interval '1 ms'
  from ${schema}.entry e
  where e.seq = o.seq and o.seq in (
    select seq from ${schema}.open where family = $1 and (owner <> $2 or seq <> all($4::bigint[])) and lease_until < clock_timestamp()
    order by seq for update skip locked
  )
  returning o.seq::float8 as seq, o.has_outcome, e.line`;

/** ($1 the entries before this one; null: all, $2 how many) Newest first. */
export const readBackward = `
  select line from ${schema}.entry where $1::bigint is null or seq < $1 order by seq desc limit $2`;

/** ($1 the entries after this one, $2 how many) Oldest first. */
export const readForward = `select line from ${schema}.entry where seq > $1 order by seq limit $2`;

/** ($1 seq, $2 line) Whether an entry is in the record. */
export const hasEntry = `select exists (select from ${schema}.entry where seq = $1 and line = $2) as has`;
