import { toSortable } from "./moment.ts";
import type { LogRow } from "./row.ts";

/** A role's lines are merged half a second behind: later ones may be older by this much, ms. */
export const disorderMs = 1000;

/** Lines of a page, around the last line that is known: half of them are newer. */
const pageLines = 1000;
/** Pages of one round; the next one goes on after them. */
const mostPages = 8;

/** Rows of a page; the cursor is null where the log has no more. */
interface Round {
  readonly rows: readonly LogRow[];
  readonly nextCursor: string | null;
}

interface PollOptions {
  /** Asked before each round: from when on. */
  resume(behindMs: number): { readonly since: string | null; readonly tail: number };
  /** Reads the newest lines, those around a time or those after a cursor. Null when the gateway cannot be asked now. */
  read(turn: { at?: string; after?: string }, tail: number, abort: AbortSignal): Promise<Round | null>;
  rows(rows: readonly LogRow[]): void;
}

/** Reads the lines since the last one that is known. A round that fails ends. */
export async function readRound({ resume, read, rows }: PollOptions, abort: AbortSignal): Promise<void> {
  const { since, tail } = resume(disorderMs);
  const from = since === null ? "" : toSortable(since);
  // A marker is no line that would be recognised: only those after the last line are new.
  const last = since === null ? "" : toSortable(new Date(Date.parse(since) + disorderMs + 1).toISOString());
  let turn: { at?: string; after?: string } | null = since === null ? {} : { at: since };
  for (let count = 0; turn !== null && count < mostPages; count++) {
    const page: Round | null = await read(turn, since === null ? tail : pageLines, abort);
    if (abort.aborted || !page) return;
    rows(page.rows.filter((row) => row.at >= (row.note ? last : from)));
    turn = page.nextCursor === null ? null : { after: page.nextCursor };
  }
}
