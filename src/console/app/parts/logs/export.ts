import { mostPageLines } from "../../../../client/log-reader.ts";
import type { LogPages } from "./pages.ts";
import type { LogRow } from "./row.ts";

/** Most lines of a download from the gateway. */
export const mostDownloaded = 50_000;

/** Rows as a text: time, container, level and line; notes are left out. */
export function toText(rows: Iterable<LogRow>): string {
  const lines: string[] = [];
  for (const { at, source, level, text, note } of rows)
    if (!note) lines.push(`${at} ${source?.name ?? "-"} ${level ?? "-"} ${text}\n`);
  return lines.join("");
}

/**
 * The newest lines of the log with its filters, at most `mostDownloaded`, oldest first.
 * `onProgress` hears how many there are so far. Rejects when a page cannot be read, and when
 * `abort` says so.
 */
export async function readAll(
  pages: LogPages,
  onProgress: (count: number) => void,
  abort: AbortSignal,
): Promise<string> {
  const texts: string[] = [];
  let count = 0;
  let before: string | null = null;
  do {
    const page = await pages.read(before ? { before } : {}, mostPageLines, abort);
    texts.push(toText(page.lines.map((line) => pages.toRow(line))));
    count += page.lines.length;
    onProgress(count);
    before = page.hasOlder && count < mostDownloaded ? page.startCursor : null;
  } while (before !== null);
  return texts.toReversed().join("");
}

/** Gives the browser a file. */
export function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
