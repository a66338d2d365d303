import { describe } from "../../lib/postgres/errors.ts";
import type { Row } from "../../lib/postgres/pool.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { formatRfc3339 } from "../../lib/time.ts";
import { compareTimes, pickFairly } from "../errors.ts";
import { failureGroupsLimit, jobIdsPerError } from "../queue.ts";
import type { TableName } from "./names.ts";
import { explain, scansOf, toPlan } from "./planner.ts";
import { groupFailures, withPartitions } from "./sql.ts";
import {
  addUp,
  type Measure,
  type Measured,
  type MeasuredQueues,
  type Reading,
  readMeasures,
  type ReadMeasures,
  type ReadRows,
  type TableParts,
  toMeasured,
  toWays,
  toZeroRow,
  uniteReadings,
} from "./statements.ts";

interface HeavyRun {
  readonly read: ReadRows;
  readonly parts: TableParts | undefined;
  /** @default firstChunkPages */
  readonly firstPages?: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Reads what would scan a huge table: part by part where possible, without quantiles; else as one
 * statement.
 */
export async function readMeasuresInParts(
  readings: readonly Reading[],
  { parts, ...run }: HeavyRun,
): Promise<ReadMeasures> {
  const fallbacks = readings.flatMap((reading) => toWays(reading).at(-1) ?? []);
  if (!parts) return readMeasures(fallbacks, run.read);
  const observedAt = formatRfc3339(Date.now());
  const measures = readings.flatMap((reading) => reading.measures);
  const whole = parts.reading(measures, "true");
  const zeroRow = toZeroRow([whole]);
  const sums = new Map<string, Measured>();
  const statement = (condition: string) => uniteReadings([parts.reading(measures, condition)]);
  const add = (rows: readonly Row[]) => addMeasured(sums, toMeasured(rows, []));
  const rest = parts.rest && toMeasured(await run.read(uniteReadings([parts.rest.reading])), [parts.rest.reading]);
  if (rest) addMeasured(sums, rest);
  const isParted = await readInChunks(run.read, { table: parts.table, statement }, { ...run, add });
  if (!isParted) return readMeasures(rest ? fallbacks : [whole], run.read);
  if (rest)
    for (const [queue, own] of rest.measured) sums.set(queue, { ...sums.get(queue), ...unknownOf(own, zeroRow) });
  return { zeroRow, measured: sums, observedAt, exact: false };
}

/** The counts of a queue that are null, so unknown. */
function unknownOf(own: Measured, zeroRow: Measured): Measured {
  const isUnknown = ([measure, value]: [string, number | null]) => value === null && zeroRow[measure as Measure] === 0;
  return Object.fromEntries(Object.entries<number | null>(own).filter(isUnknown));
}

/** As `readMeasuresInParts`, for failures. `whole` is the statement for all of them. */
export async function readFailuresInParts(whole: string, { parts, ...run }: HeavyRun): Promise<readonly Row[]> {
  if (!parts) return run.read(whole);
  const sums = createFailureSums();
  const part = {
    table: parts.table,
    statement: (condition: string) => groupFailures(parts.failures(condition), { withTimes: true }),
  };
  if (parts.rest) sums.add(await run.read(groupFailures(parts.rest.failures, { withTimes: true })));
  const isParted = await readInChunks(run.read, part, { ...run, add: (rows) => sums.add(rows) });
  return isParted ? sums.rows() : run.read(whole);
}

/** Adds the measures of one part of the rows to the sums. */
export function addMeasured(sums: Map<string, Measured>, { measured: part }: MeasuredQueues): void {
  for (const [queue, measured] of part) {
    const sum: Partial<Record<Measure, number | null>> = { ...sums.get(queue) };
    for (const [measure, value] of Object.entries(measured) as [Measure, number | null][]) {
      sum[measure] = addUp(measure, sum[measure] ?? null, value);
    }
    sums.set(queue, sum);
  }
}

/** A group of failures as `groupFailures` returns it, with the times of its jobs. */
interface Group {
  readonly row: Row;
  /** Newest first: id, and when it failed, seconds. */
  readonly jobs: readonly (readonly [id: string, at: number])[];
}

/**
 * Sums failures that arrive part by part: merges groups of the same queue, text and worker. Stores
 * at most twice as many groups as a source may return, the newest of each queue.
 */
export function createFailureSums() {
  let groups = new Map<string, Group>();
  const shrink = (limit: number) => {
    if (groups.size <= limit) return;
    const newestFirst = [...groups].toSorted(([, a], [, b]) =>
      compareTimes(a.row["last_at"] ?? "", b.row["last_at"] ?? ""),
    );
    groups = new Map(pickFairly(newestFirst, ([, { row }]) => row["queue"] ?? "", failureGroupsLimit));
  };
  return {
    add(rows: readonly Row[]): void {
      for (const row of rows) {
        const key = JSON.stringify([row["queue"], row["error"], row["worker"]]);
        const before = groups.get(key);
        const next = toGroup(row);
        groups.set(key, before ? merge(before, next) : next);
      }
      shrink(2 * failureGroupsLimit);
    },
    /** As `groupFailures` returns them. */
    rows(): readonly Row[] {
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

/** A read of a table in parts that add up. */
interface PartedRead {
  readonly table: TableName;
  /** The statement for rows that match this condition on `job.ctid`. */
  readonly statement: (condition: string) => string;
}

/** `add` takes the rows of one part. */
type ChunkOptions = Pick<HeavyRun, "firstPages" | "signal"> & { readonly add: (rows: readonly Row[]) => void };

/**
 * Reads a table page range by page range, each in its own transaction, far below the statement
 * timeout. After each range it rests half as long as the range took, so it uses at most two thirds
 * of one core of the server. This is not one snapshot: a row that changes meanwhile may be counted
 * twice, or not at all. Returns false, and reads nothing, where PostgreSQL cannot read a page range
 * alone: a view, a foreign table, or a server older than 14.
 */
export async function readInChunks(
  read: ReadRows,
  { table, statement }: PartedRead,
  options: ChunkOptions,
): Promise<boolean> {
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

/**
 * Whether every scan of the table reads a page range only. An error means that the table has no
 * pages, or that we may not see them.
 */
async function canReadRanges(read: ReadRows, statement: string): Promise<boolean> {
  try {
    const scans = scansOf(toPlan(await read(explain(statement))));
    return scans.length > 0 && scans.every((scan) => scan["Node Type"] === "Tid Range Scan");
  } catch (error) {
    if (describe(error).code.startsWith("42")) return false;
    throw error;
  }
}

/**
 * Counts the pages of a table. With partitions or child tables, it counts those of the largest,
 * since a page range applies to each of them.
 */
function pagesStatement(table: TableName): string {
  return `
${withPartitions(table)}
select coalesce(max(pg_relation_size(oid)) / current_setting('block_size')::int, 0)::text as pages from part`;
}

/** Pages of a table, from `from` up to but not including `to`; null: to the end. */
export interface PageRange {
  readonly from: number;
  readonly to: number | null;
}

/** Pages of the first range: 32 MB. */
export const firstChunkPages = 4096;
/** With fewer pages, starting a statement costs more than its read. */
export const leastChunkPages = 8;
const mostChunkPages = 131_072;
/** Target time of one statement, milliseconds: far below the 2 s timeout. */
const chunkMs = 250;

/**
 * The range that starts at a page, in a table of `total` pages. The last one is open-ended, because
 * rows changed meanwhile move to the end.
 */
export function toRange(from: number, pages: number, total: number): PageRange {
  return { from, to: from + pages >= total ? null : from + pages };
}

/**
 * The condition that a row lies in these pages. PostgreSQL 14 and newer then read only these pages
 * ("Tid Range Scan").
 */
export function inPages({ from, to }: PageRange, row: string): string {
  const lower = `${row}.ctid >= '(${from},0)'::tid`;
  return to === null ? lower : `${lower} and ${row}.ctid < '(${to},0)'::tid`;
}

/**
 * Pages of the next range: as many as fit into `chunkMs` at the last speed, but at most four times
 * and at least a quarter of the last.
 */
export function nextChunkPages(pages: number, tookMs: number): number {
  const factor = Math.min(4, Math.max(0.25, chunkMs / Math.max(1, tookMs)));
  return clamp(Math.round(pages * factor));
}

/** The range after a statement timeout; null when it cannot be smaller. */
export function smallerChunk(pages: number): number | null {
  return pages <= leastChunkPages ? null : clamp(Math.floor(pages / 4));
}

function clamp(pages: number): number {
  return Math.min(mostChunkPages, Math.max(leastChunkPages, pages));
}
