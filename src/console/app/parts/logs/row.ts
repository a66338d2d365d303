import type { LogLine } from "../../../../client/log-seen.ts";

/** The container that wrote a line. */
export interface LogSource {
  readonly name: string;
  readonly engine: string;
  /** What distinguishes it from the other lines of its log. */
  readonly short: string;
}

/** A line across the log that no container wrote. */
export type LogNote =
  /** Something happened then. */
  | { readonly kind: "event"; readonly text: string; readonly tone: "muted" | "mark" | "warn" | "bad" }
  /** Lines are missing between two times; `count` is null when their number is unknown. */
  | { readonly kind: "gap"; readonly count: number | null; readonly from: string; readonly to: string }
  | LogBreak;

/**
 * The log was not streamed, from one moment to another; `backAt` is null while it is not (unix
 * ms).
 */
export interface LogBreak {
  readonly kind: "break";
  readonly lostAt: number;
  readonly backAt: number | null;
  /**
   * Why the gateway gave no stream, so that lines were asked for in rounds; null when the
   * connection was lost.
   */
  readonly limit: string | null;
}

/** One row of the log. */
export interface LogRow {
  /** RFC 3339 with nanoseconds. */
  readonly at: string;
  /** In lower case; null when the line states none. */
  readonly level: string | null;
  readonly text: string;
  /** Null for a note, and where it is not known. */
  readonly stream: string | null;
  /** Null for a note. */
  readonly source: LogSource | null;
  readonly note: LogNote | null;
  /** Whether it is shown whole. */
  isOpen: boolean;
}

export function toNote(at: string, note: LogNote): LogRow {
  return { at, level: null, text: "", stream: null, source: null, note, isOpen: false };
}

/** What the row is of the log; null for a note of this page. */
export function toLine({ at, text, stream, source, note }: LogRow): LogLine | null {
  if (source) return { kind: "LINE", timestamp: at, stream, message: text, container: source };
  return note?.kind === "event" && note.tone === "mark"
    ? { kind: "MARKER", timestamp: at, message: note.text, container: { name: "", engine: "" } }
    : null;
}

/**
 * The lines of a page. At the beginning of the log, no marker of a release comes before its first
 * line, because nothing is known about the time before it.
 */
export function omitEarlyMarkers<Line extends { readonly kind: string }>(page: {
  readonly lines: readonly Line[];
  readonly hasOlder: boolean;
}): readonly Line[] {
  const first = page.hasOlder ? 0 : page.lines.findIndex(({ kind }) => kind !== "MARKER");
  return first < 0 ? [] : page.lines.slice(first);
}

/** What makes two rows the same: a line that is read a second time is left out. */
function toRowKey({ at, text, source, note }: LogRow): string {
  return `${at}\n${source ? `${source.engine}/${source.name}` : (note?.kind ?? "")}\n${note?.kind === "event" ? note.text : text}`;
}

/** A short hash of a line, for its link: several lines may have the same time. FNV-1a, 32 bits. */
export function toRowHash(row: LogRow): string {
  const text = toRowKey(row);
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(36);
}

/** Rows that are known already, to leave out what is read again. */
export class KnownRows {
  readonly #counts = new Map<string, number>();
  /** How many known rows were read again: one is proof that nothing is missing in between. */
  found = 0;

  constructor(rows: Iterable<LogRow>) {
    for (const row of rows) {
      const key = toRowKey(row);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    }
  }

  /** Whether the row is known. Each is recognised as often as it was there. */
  take(row: LogRow): boolean {
    const key = toRowKey(row);
    const count = this.#counts.get(key) ?? 0;
    if (count === 0) return false;
    this.#counts.set(key, count - 1);
    this.found += 1;
    return true;
  }
}
