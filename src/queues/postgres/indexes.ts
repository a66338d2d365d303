import { describe } from "../../lib/postgres/errors.ts";
import type { Row } from "../../lib/postgres/pool.ts";
import { hash } from "node:crypto";
import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from "./names.ts";
import { explain, scansOf, toCost, toPlan } from "./planner.ts";
import { withPartitions } from "./sql.ts";
import type { IndexAdvice, ReadRows } from "./statements.ts";

/** An index that is missing, or exists but is not used. */
export interface MissingIndex {
  readonly serves: string;
  /** Why creating it is not enough; null when it is. */
  readonly reason: string | null;
  /** Statements for the owner to run one by one, outside a transaction. */
  readonly statements: readonly string[];
  /** The planner's cost of the read: now, and roughly with the index. */
  readonly cost: number;
  readonly costWithIndex: number;
  /** Rows the read must visit, by the planner's estimate. */
  readonly rows: number;
  /** Measured time of the read, milliseconds; null when it took more than 2 s. */
  readonly tookMs: number | null;
}

/** A read that costs less than this, some 20 ms, needs no index. */
const servedCost = 5_000;
/**
 * If reading by an index costs this many times the necessary cost, the index does not serve the
 * read. Pages not marked all-visible make it that expensive.
 */
const servedFactor = 10;
/**
 * Cost of one row of an index-only scan, with its share of the pages: cpu_index_tuple_cost,
 * cpu_tuple_cost, cpu_operator_cost, doubled.
 */
const rowCost = 0.035;

/**
 * Finds the missing indexes of one table, or why it cannot have indexes. Asks the planner and the
 * catalog; runs each read without an index once, to time it. Rejects as `read` does.
 */
export async function findMissing(
  advices: readonly IndexAdvice[],
  read: ReadRows,
): Promise<{ readonly obstacle: string } | { readonly missing: readonly MissingIndex[] }> {
  const [table] = advices.map((advice) => advice.table);
  if (!table) return { missing: [] };
  const facts = await readFacts(table, read);
  if (!facts) return { obstacle: "there is no such table" };
  if (!["r", "p", "m"].includes(facts.kind)) return { obstacle: "it is not a table: index the tables behind it" };
  const missing: MissingIndex[] = [];
  const said = new Set<string>();
  for (const advice of advices) {
    const unserved = await judge(advice, read);
    if (!unserved) continue;
    const { plan, sql, ...costs } = unserved;
    const used = new Set(scansOf(plan).map((scan) => scan["Index Name"]));
    const repairs = toRepairs(advice, facts, used);
    if (repairs.length === 0) continue;
    const reasons = new Set(repairs.map(({ reason }) => reason).filter((reason) => reason !== null));
    // One vacuum serves all indexes of a table.
    const statements = repairs.flatMap((repair) => repair.statements).filter((statement) => !said.has(statement));
    for (const statement of statements) said.add(statement);
    missing.push({
      ...costs,
      serves: advice.serves,
      reason: reasons.size === 0 ? null : [...reasons].join("; "),
      statements,
      tookMs: await time(sql, read),
    });
  }
  return { missing };
}

/** The cheapest way to read now, with its costs; null where no index is needed. */
async function judge(advice: IndexAdvice, read: ReadRows) {
  const ways = [];
  for (const { sql, costCorrection = 1 } of advice.reading) {
    const plan = toPlan(await read(explain(sql)));
    ways.push({ sql, plan, cost: toCost(plan) / costCorrection });
  }
  const [best] = ways.toSorted((a, b) => a.cost - b.cost);
  if (!best || best.cost <= servedCost) return null;
  const rows = toPlan(await read(explain(advice.rows)))["Plan Rows"];
  const costWithIndex = Math.ceil(10 + rows * rowCost);
  const scansAll = scansOf(best.plan).some((scan) => scan["Node Type"] === "Seq Scan");
  if (!scansAll && best.cost <= servedFactor * costWithIndex) return null;
  return { ...best, cost: Math.round(best.cost), costWithIndex, rows };
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

/** Reads the catalog, which every role may read. */
async function readFacts(table: TableName, read: ReadRows) {
  const rows = await read(`
${withPartitions(table)}
select class.relkind::text as kind, (class.oid = to_regclass(${quoteLiteral(quoteTable(table))}))::text as root,
       namespace.nspname::text as schema, class.relname::text as table, index.relname::text as index, entry.indisvalid::text as valid,
       (class.relallvisible < 0.9 * pg_relation_size(class.oid) / current_setting('block_size')::int)::text as unvacuumed
from part join pg_catalog.pg_class as class on class.oid = part.oid
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
left join (pg_catalog.pg_index as entry join pg_catalog.pg_class as index on index.oid = entry.indexrelid and position('_ops_' in index.relname) > 0)
  on entry.indrelid = class.oid
order by schema, "table"`);
  const root = rows.find((row) => row["root"] === "true");
  if (!root) return null;
  const isPartitioned = root["kind"] === "p";
  const own = isPartitioned ? rows.filter((row) => row["kind"] === "r") : rows.filter((row) => row["root"] === "true");
  const parts = Map.groupBy(own, (row) => `${row["schema"]}.${row["table"]}`).values();
  return {
    /** pg_class.relkind */
    kind: root["kind"] ?? "",
    /**
     * The tables that have indexes of their own: the table, or the partitions that hold its rows.
     */
    parts: [...parts].map((part) => toPart(part, isPartitioned ? null : table)),
  };
}

/**
 * Makes a part from its rows, one for each index; `name` is the table's name in the configuration.
 */
function toPart(rows: readonly Row[], name: TableName | null) {
  const [row] = rows;
  return {
    name: name ?? { schema: row?.["schema"] ?? "", table: row?.["table"] ?? "" },
    /** Indexes with our naming, by name; false for an invalid one, which a failed build left. */
    indexes: new Map(rows.map(({ index, valid }) => [index ?? "", valid === "true"])),
    /**
     * Whether many pages are not marked all-visible, as before the first vacuum. The planner then
     * expects to read them, whatever the index holds.
     */
    isUnvacuumed: row?.["unvacuumed"] === "true",
  };
}

/**
 * The statements that supply the index. PostgreSQL cannot build an index of a partitioned table
 * concurrently, so each partition gets its own. There are none where the index is in use, or where
 * the table is vacuumed and the planner still does not use it.
 */
function toRepairs(
  { suffix, definition }: IndexAdvice,
  { parts }: Pick<NonNullable<Awaited<ReturnType<typeof readFacts>>>, "parts">,
  used: ReadonlySet<string | undefined>,
) {
  return parts.flatMap(({ name: table, indexes, isUnvacuumed }): { statements: string[]; reason: string | null }[] => {
    const name = toIndexName(table.table, suffix, definition);
    const drop = `drop index concurrently if exists ${quoteTable({ schema: table.schema, table: name })};`;
    const create = `create index concurrently if not exists ${quoteIdentifier(name)} on ${quoteTable(table)} ${definition};`;
    const isValid = indexes.get(name);
    if (isValid === undefined) return [{ statements: [create], reason: null }];
    if (!isValid)
      return [{ statements: [drop, create], reason: "its index is invalid, left by a build that did not finish" }];
    if (used.has(name) || !isUnvacuumed) return [];
    return [
      {
        statements: [`vacuum (analyze) ${quoteTable(table)};`],
        reason: "its index exists, but is used only after a vacuum",
      },
    ];
  });
}

/**
 * At most 63 bytes, or PostgreSQL would cut the suffix. The name holds a hash of the definition,
 * because `if not exists` compares names only, and of the table's whole name, because partitions'
 * names may differ only at the end.
 */
export function toIndexName(table: string, suffix: string, definition: string): string {
  const ending = `_ops_${suffix}_${hash("sha256", JSON.stringify([table, definition])).slice(0, 6)}`;
  let stem = table;
  while (Buffer.byteLength(stem + ending) > 63 || !stem.isWellFormed()) stem = stem.slice(0, -1);
  return stem + ending;
}
