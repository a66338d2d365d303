import { schema } from "../../state/schema.ts";
import { engineGraceMs, mostStopSeconds } from "../ledger.ts";

/** The largest bigint. */
const largest = "9223372036854775807";
/**
 * The numbers of the chain: a row with another one was added, and limits nothing. Where the head is
 * missing nothing begins, and what is there stays readable.
 */
const inChain = (seq: string) => `${seq} between 1 and coalesce((select h.seq from ${schema}.head h), ${largest})`;
const chain = `(select * from ${schema}.entry where ${inChain("seq")})`;

/** The end of the chain. Its row is made with the table: one that is missing was deleted. */
export const readHead = `
  select seq::float8 as seq, hash, (select line from ${schema}.entry e where e.seq = h.seq) as line from ${schema}.head h`;

export const missingHead = "the row of its head is missing, and the newest entries may be too";

/** How many gateways have open actions. */
export const countOwners = `select count(distinct owner)::int as gateways from ${schema}.open where ${inChain("seq")}`;

/**
 * ($1 the entries after this one, $2 how many) What a check compares, as it is at one time: entries
 * in their order, the head, the first entry with a number outside of the chain, open actions and
 * resting containers. Numbers of times are unix ms; an infinite one is a text.
 */
export const readState = `
  select
    (select coalesce(json_agg(e order by e.seq), '[]') from (
      select seq, (extract(epoch from at) * 1000)::float8 as at, line, outcome, family, intent, holder, answer_key, granted
      from ${schema}.entry where seq > $1 order by seq limit $2
    ) e) as entries,
    (select json_build_object('seq', seq, 'hash', hash) from ${schema}.head) as head,
    coalesce(
      (select min(seq) from ${schema}.entry where seq < 1),
      (select min(seq) from ${schema}.entry where seq > (select seq from ${schema}.head))
    )::text as outside,
    (select coalesce(json_agg(o order by o.seq), '[]') from (
      select seq, family, container_id, has_outcome from ${schema}.open
    ) o) as open,
    (select coalesce(json_agg(r), '[]') from (
      select container_id, (extract(epoch from ended_at) * 1000)::float8 as ended_at from ${schema}.rest
    ) r) as rests,
    (extract(epoch from clock_timestamp()) * 1000)::float8 as now`;

/** Locks the end of the chain: one decision at a time. */
export const lockHead = `select seq::float8 as seq, hash, clock_timestamp() as now from ${schema}.head for update`;

/**
 * The entry at the end of the chain. Of its own: a statement that waited for the lock does not see
 * what was committed meanwhile.
 */
export const readNewest = `select line from ${schema}.entry where seq = $1`;

/**
 * How long after its intent an open action keeps its place, without a gateway that follows it: as
 * long as the engine may be at it (`toBusyMs`). Read from the text of the line, which may be no
 * JSON where it was altered.
 */
const busy = (line: string) =>
  `(least(coalesce(substring(${line} from '"stop_seconds":(\\d{1,3})')::int, ${mostStopSeconds}), ${mostStopSeconds}) * interval '1 s' + ${engineGraceMs} * interval '1 ms')`;

/**
 * ($1 family, $2 container) What is known when an action is asked for, besides the entries. The
 * time, unix ms, is that of the statement, which begins behind the lock. An open action outside of
 * the chain counts for its container alone: the index lets no other one begin there. `floor`: the
 * first entry that is of the last hour by its column, found by the index of the column.
 */
export const readFacts = `
  select
    (
      select count(*)::int from ${schema}.open o join ${chain} e on e.seq = o.seq
      where o.family = $1
        and greatest(o.lease_until, least(e.at, o.lease_until) + ${busy("e.line")}) > statement_timestamp()
    ) as open,
    exists (select from ${schema}.open where family = $1 and container_id = $2) as is_running,
    (
      select min(e.seq)::float8 from (
        select seq from ${schema}.entry where at > statement_timestamp() - interval '1 hour' offset 0
      ) e where ${inChain("e.seq")}
    ) as floor,
    (extract(epoch from statement_timestamp()) * 1000)::float8 as now,
    pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as is_read_only`;

/**
 * ($1 the entries before this one; null: all, $2 how many) The end of the chain, with its entries
 * before a number, newest first: no row without a head, one without a `seq` where no entry is left.
 */
export const readRows = `
  select h.seq::float8 as head_seq, h.hash as head_hash, e.*
  from ${schema}.head h left join lateral (
    select seq::float8 as seq, (extract(epoch from at) * 1000)::float8 as at, line, outcome, family, intent::float8 as intent,
      holder, answer_key, granted
    from ${schema}.entry where seq between 1 and least(h.seq, $1::bigint - 1) order by seq desc limit $2
  ) e on true
  order by e.seq desc`;

/** ($1 seq, $2 owner) Gives an open action up: another gateway may take it over at once. */
export const endLease = `update ${schema}.open set lease_until = clock_timestamp() where seq = $1 and owner = $2`;

/** The newest outcome of an intent, as the chain has it. */
const newestOutcome = (intent: string) =>
  `(select l.line from ${chain} l where l.intent = ${intent} order by l.seq desc limit 1)`;

/** ($1 answer key) The newest intent of the last day under this key, and its newest outcome. */
export const readEarlier = `
  select i.seq::float8 as seq, i.line,
    ${newestOutcome("i.seq")} as outcome
  from ${chain} i
  where i.answer_key = $1 and i.outcome = 'intent' and i.at > statement_timestamp() - interval '24 hours'
  order by i.seq desc limit 1`;

/**
 * ($1 seq, $2 at, $3 line, $4 outcome, $5 family, $6 intent, $7 holder, $8 answer key, $9 granted,
 * $10 hash) Appends an entry and moves the head.
 */
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

/**
 * What an action and its outcome write, and takes it back. The head is written as it was, so that
 * the commit waits for the disk and for a synchronous standby, as that of an action does.
 */
export const tryAppending = `
  savepoint tried;
  with next as (select seq + 1 as seq from ${schema}.head),
  entered as (
    insert into ${schema}.entry (seq, at, line, outcome, family, intent, holder, answer_key, granted)
    select seq, clock_timestamp(), '', '', '', null, '', null, 0 from next
  ),
  moved as (update ${schema}.head set seq = seq + 1)
  insert into ${schema}.open (seq, family, container_id, owner, lease_until)
  select seq, '', '', '', clock_timestamp() from next;
  select owner from ${schema}.open where owner = '' for update;
  update ${schema}.open set has_outcome = true, lease_until = clock_timestamp() where owner = '';
  with closed as (delete from ${schema}.open where owner = '' returning container_id),
  forgotten as (delete from ${schema}.rest where container_id = '')
  insert into ${schema}.rest (container_id, ended_at)
  select container_id, clock_timestamp() from closed
  on conflict (container_id) do update set ended_at = excluded.ended_at;
  rollback to savepoint tried;
  update ${schema}.head set seq = seq`;

/** ($11 owner) Appends an outcome after which the action stays open. */
export const appendOutcome = `with ${append}
  update ${schema}.open set has_outcome = true where seq = $6 and owner = $11`;

/** ($11 owner, $12 whether the container rests now) Appends the last outcome of an action. */
export const appendLastOutcome = `with ${append},
  closed as (delete from ${schema}.open where seq = $6 and owner = $11 returning container_id),
  forgotten as (delete from ${schema}.rest where ended_at < clock_timestamp() - interval '1 hour')
  insert into ${schema}.rest (container_id, ended_at)
  select container_id, $2 from closed where $12
  on conflict (container_id) do update set ended_at = excluded.ended_at`;

/** ($11 container) Appends an outcome of an action that is over; its container rests now. */
export const appendAmendment = `with ${append}
  insert into ${schema}.rest (container_id, ended_at) values ($11, $2)
  on conflict (container_id) do update set ended_at = excluded.ended_at`;

/** ($1 seq) Who has an open action. */
export const readOwner = `select owner from ${schema}.open where seq = $1 for update`;

/** ($1 owner, $2 their numbers, $3 lease of each in ms) Goes on holding open actions. */
export const extendLeases = `
  update ${schema}.open set lease_until = clock_timestamp() + held.lease * interval '1 ms'
  from unnest($2::bigint[], $3::float8[]) as held (seq, lease)
  where owner = $1 and open.seq = held.seq returning open.seq::float8 as seq`;

/** ($1 family, $2 owner, $3 what it holds) The actions whose owner no longer holds them. */
export const readAbandoned = `
  select o.seq::float8 as seq, o.has_outcome, e.line, ${newestOutcome("o.seq")} as outcome
  from ${schema}.open o join ${chain} e on e.seq = o.seq
  where o.family = $1 and (o.owner <> $2 or o.seq <> all($3::bigint[])) and o.lease_until < clock_timestamp()
  order by o.seq`;

/**
 * ($1 family, $2 owner, $3 lease in ms, $4 what it holds, $5 which) Takes those actions over whose
 * owner no longer holds them: of others, and our own that we do not know of.
 */
export const takeOver = `
  update ${schema}.open o set owner = $2, lease_until = clock_timestamp() + $3::float8 * interval '1 ms'
  from ${chain} e
  where e.seq = o.seq and o.seq in (
    select seq from ${schema}.open
    where family = $1 and seq = any($5::bigint[]) and (owner <> $2 or seq <> all($4::bigint[])) and lease_until < clock_timestamp()
    order by seq for update skip locked
  )
  returning o.seq::float8 as seq, o.has_outcome, e.line, ${newestOutcome("o.seq")} as outcome`;

/** ($1 the entries before this one; null: all, $2 how many) Newest first. */
export const readBackward = `
  select line from ${chain} e where $1::bigint is null or seq < $1 order by seq desc limit $2`;

/** ($1 seq, $2 line) Whether an entry is in the record. */
export const hasEntry = `select exists (select from ${chain} e where seq = $1 and line = $2) as has`;
