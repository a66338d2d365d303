import type { PoolClient } from "pg";

/** Everything of ours is in this schema: nothing else of the database is read or changed. */
export const schema = "wallet_core_ops";

/**
 * What each version adds, from the first on. A published version never changes. A gateway works
 * with its own version and with the next one, so that gateways can be replaced one by one: a new
 * version may add tables, and columns that may be null or have a default, and removes nothing that
 * the version before it needs.
 */
const versions: readonly string[] = [
  `
  create table ${schema}.head (
    is_only boolean primary key default true check (is_only),
    seq bigint not null,
    hash text not null
  );
  insert into ${schema}.head (seq, hash) values (0, repeat('0', 64));
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
  `
  create table ${schema}.event_head (
    is_only boolean primary key default true check (is_only),
    seq bigint not null,
    pruned_at timestamptz not null
  );
  insert into ${schema}.event_head (seq, pruned_at) values (0, now());
  create table ${schema}.event (
    seq bigint primary key,
    key text not null unique,
    kind text not null,
    place text not null,
    at timestamptz not null,
    entry text not null
  );
  create index on ${schema}.event (kind, place, at);
  create index on ${schema}.event (at);
  create index on ${schema}.entry (at);
  create table ${schema}.deploy (
    seq bigint generated always as identity,
    key text primary key,
    at timestamptz not null,
    record text not null
  );
  create index on ${schema}.deploy (seq);`,
];

export const newestVersion = versions.length;

/**
 * Brings the schema to a version. Returns the versions before and after. Safe to run twice, and by
 * several at once. Rejects with pg's error.
 */
export async function migrate(
  client: Pick<PoolClient, "query">,
  version = newestVersion,
): Promise<{ readonly before: number; readonly after: number }> {
  // Held to the end of the transaction: it works behind PgBouncer too.
  await client.query(`begin; select pg_advisory_xact_lock(hashtext('${schema}'))`);
  // A role that may not create schemas can use an existing one that was made for it.
  const { rows } = await client.query<{ is_missing: boolean }>(
    `select to_regnamespace('${schema}') is null as is_missing`,
  );
  if (rows[0]?.is_missing) await client.query(`create schema ${schema}`);
  await client.query(
    `create table if not exists ${schema}.version (version integer primary key, at timestamptz not null default now())`,
  );
  const before = await readVersion(client);
  for (const [index, statements] of versions.slice(0, version).entries()) {
    if (index < before) continue;
    await client.query(statements);
    await client.query(`insert into ${schema}.version (version) values (${index + 1})`);
  }
  await client.query("commit");
  return { before, after: Math.max(before, version) };
}

/** 0 without a version. Rejects with pg's error; 3F000 or 42P01 where nothing was ever migrated. */
export async function readVersion(client: Pick<PoolClient, "query">): Promise<number> {
  const { rows } = await client.query<{ version: number | null }>(
    `select max(version) as version from ${schema}.version`,
  );
  return rows[0]?.version ?? 0;
}
