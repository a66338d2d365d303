import type { PoolClient } from "pg";
import { createSharedBudget } from "../../lib/budget/budget.ts";
import { mapSteps, takeSteps } from "../../lib/budget/steps.ts";
import { type Logger, silentLogger } from "../../lib/logger.ts";
import { beginWriting, rowsOf, type StateDatabase, transact } from "../../state/database.ts";
import { schema } from "../../state/schema.ts";
import { mostEntries, toPlace } from "../rings.ts";
import type { ReadEntry, SharedEntry, TimelineStore } from "../shared.ts";
import { parseEntry } from "../timeline.ts";

/** How many entries one read covers (some megabytes), and one writing statement. */
const [batch, part] = [5000, 500];
/** How often one of the gateways deletes old entries. */
const pruneEvery = "interval '10 minutes'";

/** No gateway numbered a row this far beyond the head: it is ignored, and changes no number. */
const plausible = 1_000_000;
/** How many of these are named. */
const mostNamed = 10;

/**
 * Writers lock this row until the end of their transaction: so numbers become visible in order, and
 * no number is used twice. A row slightly beyond the head was not written by a gateway either:
 * numbering continues after it.
 */
const lockHead = `
  select
    greatest(seq, (select max(e.seq) from ${schema}.event e where e.seq <= h.seq + ${plausible}))::float8 as seq,
    array(
      select e.seq::text from ${schema}.event e where e.seq > h.seq + ${plausible} order by e.seq limit ${mostNamed}
    ) as beyond,
    pruned_at < clock_timestamp() - ${pruneEvery} as is_due
  from ${schema}.event_head h for update`;

/**
 * ($1 the last known entry, $2 its key) Its row may have been deleted for its age, or have a new
 * number.
 */
const isForked = `select exists (select from ${schema}.event where seq = $1 and key <> $2) as is_forked`;

/** Longest entry, bytes: no gateway writes a longer one. */
const longestEntry = 100_000;

/** ($1 the entries after this one, $2 how many) An entry that is too long is invalid. */
const readAfter = `
  select seq::float8 as seq, key, case when octet_length(entry) <= ${longestEntry} then entry else '' end as entry
  from ${schema}.event
  where seq > $1 and seq <= (select seq + ${plausible} from ${schema}.event_head) order by seq limit $2`;

/**
 * ($1 the number before the first one, $2 keys, $3 kinds, $4 places, $5 times, $6 entries) A more
 * complete entry replaces the one with the same key.
 */
const writeEntries = `
  with written as (
    insert into ${schema}.event (seq, key, kind, place, at, entry)
    select $1 + nth, key, kind, place, at, entry
    from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
      with ordinality as new (key, kind, place, at, entry, nth)
    on conflict (key) do update set seq = excluded.seq, entry = excluded.entry
  )
  update ${schema}.event_head set seq = $1 + cardinality($2::text[])`;

/** ($1 days, $2 how many of each kind and place) */
const prune = `
  with pruned as (update ${schema}.event_head set pruned_at = clock_timestamp())
  delete from ${schema}.event where at < clock_timestamp() - $1::float8 * interval '1 day' or seq in (
    select seq from (
      select seq, row_number() over (partition by kind, place order by at desc, seq desc) as nth from ${schema}.event
    ) as ranked where nth > $2
  )`;

interface HeadRow {
  readonly seq: number;
  readonly beyond: readonly string[];
  readonly is_due: boolean;
}

interface EntryRow {
  readonly seq: number;
  readonly key: string;
  readonly entry: string;
}

/**
 * What gateways share, in PostgreSQL. `migrate` creates its tables. Uses no session state, so it
 * works behind PgBouncer in transaction mode.
 */
export function createTimelineStore({ ask }: StateDatabase, logger: Logger = silentLogger): TimelineStore {
  /** The last skipped row: after a fault it is read again, and then already known. */
  let skipped = 0;
  const toRead = ({ seq, key, entry: text }: EntryRow): ReadEntry => {
    const entry = parseEntry(text);
    if (entry === null && seq > skipped) {
      skipped = seq;
      logger.warn({ upstream: "timeline", event: seq }, "A row of the shared timeline is no event, and is left out");
    }
    return { key, entry };
  };
  const budget = createSharedBudget(new AbortController().signal);
  const readEntries = async (client: PoolClient, after: number) => {
    const rows = await rowsOf<EntryRow>(client, readAfter, [after, batch]);
    const entries = await takeSteps(mapSteps(rows, toRead), budget);
    return { entries, seq: rows.at(-1)?.seq ?? after, isWhole: rows.length < batch };
  };
  let named: readonly string[] = [];
  const nameBeyond = (beyond: readonly string[]) => {
    const events = beyond.filter((seq) => !named.includes(seq));
    named = beyond;
    if (events.length === 0) return;
    const text = "Rows of the shared timeline are far beyond its end, and are left out";
    logger.warn({ upstream: "timeline", events }, text);
  };
  return {
    read: (after) => ask((client) => transact(client, "read", () => readEntries(client, after))),
    exchange: ({ after, lastKey, days, choose }) =>
      ask(async (client) => {
        await client.query(beginWriting);
        const [head] = await rowsOf<HeadRow>(client, lockHead);
        if (!head) throw new Error("the table of the head is empty");
        nameBeyond(head.beyond);
        const [row] = await rowsOf<{ is_forked: boolean }>(client, isForked, [after, lastKey]);
        if (head.seq < after || row?.is_forked) {
          await client.query("rollback");
          return null;
        }
        const others: ReadEntry[][] = [];
        for (let [seq, isWhole] = [after, false]; !isWhole;) {
          const next = await readEntries(client, seq);
          others.push(next.entries);
          ({ seq, isWhole } = next);
        }
        const written = await choose(others.flat());
        for (let at = 0; at < written.length; at += part)
          await client.query(writeEntries, [head.seq + at, ...toColumns(written.slice(at, at + part))]);
        if (head.is_due) await client.query(prune, [days, mostEntries]);
        await client.query("commit");
        return head.seq + written.length;
      }),
  };
}

function toColumns(written: readonly SharedEntry[]): unknown[][] {
  const places = written.map(({ entry }) => JSON.stringify(Object.values(toPlace(entry))));
  return [
    written.map(({ key }) => key),
    written.map(({ entry }) => entry.kind),
    places,
    written.map(({ entry }) => entry.time),
    written.map(({ entry }) => JSON.stringify(entry)),
  ];
}
