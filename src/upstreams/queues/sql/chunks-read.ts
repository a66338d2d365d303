import { setTimeout as sleep } from "node:timers/promises";
import { type PageRange, firstChunkPages, inPages, nextChunkPages, smallerChunk, toRange } from "./chunks.ts";
import { describe } from "./failures.ts";
import { type TableName, quoteLiteral, quoteTable } from "./names.ts";
import { explain, scansOf, toPlan } from "./plan.ts";
import type { Row } from "./pool.ts";
import type { ReadRows } from "./source.ts";

/** A read of a table in parts whose results add up. */
export interface PartedRead {
  readonly table: TableName;
  /** The statement for the rows with this condition on `job.ctid`. */
  readonly statement: (condition: string) => string;
}

interface ChunkOptions {
  /** @default firstChunkPages */
  readonly firstPages?: number | undefined;
  readonly signal: AbortSignal;
  /** What one part gave. */
  readonly add: (rows: readonly Row[]) => void;
}

/**
 * Reads a table page range by page range, each in a transaction of its own and far from the statement timeout, and rests half as long as each took: at most two thirds of
 * one core of the server. Not one snapshot: a row that changes meanwhile may be counted twice, or not at all. False, and nothing read, where PostgreSQL cannot
 * read a range of pages alone: a view, a foreign table, or a server older than 14.
 */
export async function readInChunks(read: ReadRows, { table, statement }: PartedRead, options: ChunkOptions): Promise<boolean> {
  const { signal, add, firstPages = firstChunkPages } = options;
  const toStatement = (range: PageRange) => statement(inPages(range, "job"));
  if (!(await canReadRanges(read, toStatement({ from: 0, to: 1 })))) return false;
  const total = Number((await read(pagesStatement(table)))[0]?.["pages"]);
  let pages = firstPages;
  for (let from = 0; ;) {
    signal.throwIfAborted();
    const range = toRange(from, pages, total);
    const start = performance.now();
    const rows = await read(toStatement(range)).catch((error: unknown) => {
      const smaller = smallerChunk(pages);
      if (describe(error).code !== "57014" || smaller === null) throw error;
      pages = smaller;
      return null;
    });
    const took = performance.now() - start;
    if (rows) {
      add(rows);
      if (range.to === null) return true;
      from = range.to;
      pages = nextChunkPages(pages, took);
    }
    await sleep(took / 2, undefined, { signal });
  }
}

/** Whether each scan of the table is one of a range alone. An error says that there is no such thing as a page, or no right to know it. */
async function canReadRanges(read: ReadRows, statement: string): Promise<boolean> {
  try {
    const scans = scansOf(toPlan(await read(explain(statement))));
    return scans.length > 0 && scans.every((scan) => scan["Node Type"] === "Tid Range Scan");
  } catch (error) {
    if (describe(error).code.startsWith("42")) return false;
    throw error;
  }
}

/** Of a table; of one with partitions or heirs, as many as the largest of them has, since a range of pages is one of each. */
function pagesStatement(table: TableName): string {
  return `
with recursive part (oid) as (
  select to_regclass(${quoteLiteral(quoteTable(table))})::oid
  union all
  select inhrelid from pg_catalog.pg_inherits join part on inhparent = part.oid
)
select coalesce(max(pg_relation_size(oid)) / current_setting('block_size')::int, 0)::text as pages from part`;
}
