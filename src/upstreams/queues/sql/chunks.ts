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
