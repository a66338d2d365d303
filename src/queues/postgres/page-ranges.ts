import { setTimeout as sleep } from "node:timers/promises";
import { failureGroupsLimit, jobIdsPerError } from "../queue.ts";
import type { Row } from "./database.ts";
import { describe } from "./errors.ts";
import { quoteLiteral, quoteTable, type TableName } from "./names.ts";
import { explain, scansOf, toPlan } from "./planner.ts";
import { addUp, type Measure, type Measured, type MeasuredQueues } from "./readings.ts";
import type { ReadRows } from "./statements.ts";

/** Adds what a part of the rows was measured to have. */
export function addMeasured(sums: Map<string, Measured>, { measured: part }: MeasuredQueues): void {
  for (const [queue, measured] of part) {
    const sum: Partial<Record<Measure, number | null>> = { ...sums.get(queue) };
    for (const [measure, value] of Object.entries(measured) as [Measure, number | null][]) {
      sum[measure] = addUp(measure, sum[measure] ?? null, value);
    }
    sums.set(queue, sum);
  }
}

/** Groups of failures as `groupFailures` returns them, with the times of their jobs. */
interface Group {
  readonly row: Row;
  /** Newest first: id, and when it failed in seconds. */
  readonly jobs: readonly (readonly [id: string, at: number])[];
}

/** Failures that come part by part. */
interface FailureSums {
  add(rows: readonly Row[]): void;
  /** As `groupFailures` returns them. */
  rows(): readonly Row[];
}

/** Adds groups of the same queue, text and worker. Remembers twice as many groups as a source may return, the newest ones of each queue. */
export function createFailureSums(): FailureSums {
  let groups = new Map<string, Group>();
  const shrink = (limit: number) => {
    if (groups.size > limit) groups = new Map(pickFairly([...groups]).slice(0, failureGroupsLimit));
  };
  return {
    add(rows) {
      for (const row of rows) {
        const key = JSON.stringify([row["queue"], row["error"], row["worker"]]);
        const before = groups.get(key);
        const next = toGroup(row);
        groups.set(key, before ? merge(before, next) : next);
      }
      shrink(2 * failureGroupsLimit);
    },
    rows() {
      shrink(failureGroupsLimit);
      return [...groups.values()].map(({ row, jobs }) => ({ ...row, job_ids: JSON.stringify(jobs.map(([id]) => id)) }));
    },
  };
}

function toGroup(row: Row): Group {
  const ids = JSON.parse(row["job_ids"] ?? "[]") as string[];
  const times = JSON.parse(row["job_times"] ?? "[]") as number[];
  return { row, jobs: ids.map((id, index) => [id, times[index] ?? 0]) };
}

function merge(a: Group, b: Group): Group {
  const text = (group: Group, key: string) => group.row[key] ?? "";
  const attempts = [a, b].map(({ row }) => row["attempts"] ?? null).filter((value) => value !== null);
  const [firstAt] = [text(a, "first_at"), text(b, "first_at")].toSorted();
  const lastAt = [text(a, "last_at"), text(b, "last_at")].toSorted()[1];
  return {
    row: {
      ...a.row,
      n: String(Number(text(a, "n")) + Number(text(b, "n"))),
      attempts: attempts.length === 0 ? null : String(Math.max(...attempts.map(Number))),
      first_at: firstAt ?? "",
      last_at: lastAt ?? "",
    },
    jobs: [...a.jobs, ...b.jobs].toSorted(([, one], [, other]) => other - one).slice(0, jobIdsPerError),
  };
}

/** The newest group of each queue first, then the second of each, and so on: none hides another. */
function pickFairly(groups: readonly [string, Group][]): [string, Group][] {
  const seen = new Map<string, number>();
  const placed = groups
    .toSorted(([, a], [, b]) => compare(b.row["last_at"] ?? "", a.row["last_at"] ?? ""))
    .map((entry) => {
      const queue = entry[1].row["queue"] ?? "";
      const place = seen.get(queue) ?? 0;
      seen.set(queue, place + 1);
      return { entry, place };
    });
  return placed.toSorted((a, b) => a.place - b.place).map(({ entry }) => entry);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** A read of a table in parts whose results add up. */
interface PartedRead {
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

/** Pages of a table, from the first on; `to` is the first one behind, null for all that follow. */
export interface PageRange {
  readonly from: number;
  readonly to: number | null;
}

/** How many pages are read first: 32 MB. */
export const firstChunkPages = 4096;
/** With fewer, starting a statement costs more than what it reads. */
export const leastChunkPages = 8;
const mostChunkPages = 131_072;
/** How long one statement shall take, milliseconds: far from the 2 s at which it would be ended. */
const chunkMs = 250;

/** The range from a page on, of a table of `total` pages. The last one is open: rows that are changed meanwhile go to the end. */
export function toRange(from: number, pages: number, total: number): PageRange {
  return { from, to: from + pages >= total ? null : from + pages };
}

/** A condition on a row: it lies in these pages. PostgreSQL 14 and newer read no other page for it ("Tid Range Scan"). */
export function inPages({ from, to }: PageRange, row: string): string {
  const lower = `${row}.ctid >= '(${from},0)'::tid`;
  return to === null ? lower : `${lower} and ${row}.ctid < '(${to},0)'::tid`;
}

/** How many pages to read next, when so many took that long: as many as `chunkMs` is for, but never more than four times as many, nor less than a quarter. */
export function nextChunkPages(pages: number, tookMs: number): number {
  const factor = Math.min(4, Math.max(0.25, chunkMs / Math.max(1, tookMs)));
  return clamp(Math.round(pages * factor));
}

/** After a statement that ran out of time; null when it cannot be smaller. */
export function smallerChunk(pages: number): number | null {
  return pages <= leastChunkPages ? null : clamp(Math.floor(pages / 4));
}

function clamp(pages: number): number {
  return Math.min(mostChunkPages, Math.max(leastChunkPages, pages));
}
