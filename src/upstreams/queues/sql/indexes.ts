import { describe } from "./failures.ts";
import { type TableName, quoteIdentifier, quoteLiteral, quoteTable } from "./names.ts";
import { type Candidate, explain, scansOf, toCost, toPlan } from "./plan.ts";
import type { ReadRows } from "./source.ts";

/** An index that a kind's statements are made for. */
export interface IndexAdvice {
  readonly table: TableName;
  /** What is read by it, as people call it. */
  readonly serves: string;
  /** Of its name, behind that of the table. */
  readonly suffix: string;
  /** What stands behind the table in `create index`: columns and condition. */
  readonly definition: string;
  /** What is read by it: the ways to do so. */
  readonly reading: readonly Candidate[];
  /** A query for the rows that have to be read. */
  readonly rows: string;
}

/** An index that is missing. */
export interface MissingIndex {
  readonly serves: string;
  /** As the owner runs them, one by one, outside of a transaction. */
  readonly statements: readonly string[];
  /** Cost of the reading by the planner: now, and about what it would be. */
  readonly cost: number;
  readonly costWithIndex: number;
  /** Rows that have to be read, by the planner. */
  readonly rows: number;
  /** What the reading took just now, milliseconds; null when it would have taken more than 2 s. */
  readonly tookMs: number | null;
}

/** What cannot have an index of its own, or has no index that is missing. */
export type TableAdvice = { readonly obstacle: string } | { readonly missing: readonly MissingIndex[] };

/** A reading that costs less is served, whatever it does: some 20 ms. */
const servedCost = 5_000;
/** An index that costs so many times more than it must is none for this reading. Pages that are not known to be visible to all cost that much. */
const servedFactor = 10;
/** Cost of a row of an index alone, with its share of the pages: cpu_index_tuple_cost, cpu_tuple_cost, cpu_operator_cost, doubled. */
const rowCost = 0.035;

/** What is missing for the advices of one table. Asks the planner, and the catalog; runs what is not served once, for its time. Rejects as `read` does. */
export async function findMissing(advices: readonly IndexAdvice[], read: ReadRows): Promise<TableAdvice> {
  const [table] = advices.map((advice) => advice.table);
  if (!table) return { missing: [] };
  const facts = await readFacts(table, read);
  if (!facts) return { obstacle: "there is no such table" };
  if (!["r", "p", "m"].includes(facts.kind)) return { obstacle: "it is no table: index what is behind it" };
  const missing: MissingIndex[] = [];
  for (const advice of advices) {
    const found = await judge(advice, read);
    if (found) missing.push({ ...found, serves: advice.serves, statements: toStatements(advice, facts) });
  }
  return { missing };
}

async function judge(advice: IndexAdvice, read: ReadRows): Promise<Omit<MissingIndex, "serves" | "statements"> | null> {
  const costs: number[] = [];
  const plans = [];
  for (const { sql, overrated = 1 } of advice.reading) {
    const plan = toPlan(await read(explain(sql)));
    plans.push(plan);
    costs.push(toCost(plan) / overrated);
  }
  const cost = Math.min(...costs);
  const best = costs.indexOf(cost);
  const rows = toPlan(await read(explain(advice.rows)))["Plan Rows"];
  const costWithIndex = Math.ceil(10 + rows * rowCost);
  const scansAll = plans[best] ? scansOf(plans[best]).some((scan) => scan["Node Type"] === "Seq Scan") : false;
  if (cost <= servedCost || (!scansAll && cost <= servedFactor * costWithIndex)) return null;
  return { cost: Math.round(cost), costWithIndex, rows, tookMs: await time(advice.reading[best]?.sql ?? "", read) };
}

async function time(sql: string, read: ReadRows): Promise<number | null> {
  const start = performance.now();
  try {
    await read(sql);
    return performance.now() - start;
  } catch (error) {
    if (describe(error).code === "57014") return null;
    throw error;
  }
}

interface TableFacts {
  /** pg_class.relkind */
  readonly kind: string;
  /** Of a partitioned table: the tables that hold its rows. */
  readonly leaves: readonly TableName[];
  /** Names of indexes in its schema, or in those of its leaves, that were never finished. */
  readonly invalid: ReadonlySet<string>;
}

/** From the catalog, which every role may read. */
async function readFacts(table: TableName, read: ReadRows): Promise<TableFacts | null> {
  const rows = await read(`
with recursive part (oid) as (
  select to_regclass(${quoteLiteral(quoteTable(table))})::oid
  union all
  select inhrelid from pg_catalog.pg_inherits join part on inhparent = part.oid
)
select class.relkind::text as kind, (class.oid = to_regclass(${quoteLiteral(quoteTable(table))}))::text as root, namespace.nspname::text as schema, class.relname::text as table, index.relname::text as invalid
from part join pg_catalog.pg_class as class on class.oid = part.oid
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
left join (pg_catalog.pg_index as entry join pg_catalog.pg_class as index on index.oid = entry.indexrelid and not entry.indisvalid)
  on entry.indrelid = class.oid`);
  const root = rows.find((row) => row["root"] === "true");
  if (!root) return null;
  const leaves = new Map(
    rows
      .filter((row) => row["kind"] === "r" && root["kind"] === "p")
      .map((row) => [`${row["schema"]}.${row["table"]}`, { schema: row["schema"] ?? "", table: row["table"] ?? "" }]),
  );
  const invalid = rows.map((row) => row["invalid"] ?? null).filter((name) => name !== null);
  return { kind: root["kind"] ?? "", leaves: [...leaves.values()], invalid: new Set(invalid) };
}

/** PostgreSQL makes no index of a partitioned table concurrently: then each partition has its own. One that was left unfinished is in the way of `if not exists`. */
function toStatements({ table, suffix, definition }: IndexAdvice, { kind, leaves, invalid }: TableFacts): readonly string[] {
  return (kind === "p" ? leaves : [table]).flatMap((each) => {
    const name = toIndexName(each.table, suffix);
    const drop = `drop index concurrently if exists ${quoteTable({ schema: each.schema, table: name })};`;
    const create = `create index concurrently if not exists ${quoteIdentifier(name)} on ${quoteTable(each)} ${definition};`;
    return invalid.has(name) ? [drop, create] : [create];
  });
}

/** At most 63 bytes: PostgreSQL would cut the suffix. */
export function toIndexName(table: string, suffix: string): string {
  const ending = `_ops_${suffix}`;
  let stem = table;
  while (Buffer.byteLength(stem + ending) > 63 || !stem.isWellFormed()) stem = stem.slice(0, -1);
  return stem + ending;
}
