import type { PoolClient } from "pg";
import { toHolder } from "../../auth/principal.ts";
import { toRetryAfterSeconds } from "../../lib/time.ts";
import { rowsOf } from "../../state/database.ts";
import type { AuditEntry, AuditRecord } from "../audit.ts";
import {
  type ActionFacts,
  type ActionLimits,
  type ActionSubject,
  decide,
  judgeKey,
  type NotBegun,
  restsAfter,
  toAnswerKey,
  toFamily,
} from "../ledger.ts";
import { type ChainedLine, type ChainHead, parseAuditLine, toAuditLine, toGranted } from "../line.ts";
import { createBackwardTimeCheck, isPast, toEntryTime, toStepFault } from "../times.ts";
import { hasEntry, readEarlier, readFacts, readRows } from "./statements.ts";
import { type EntryRow, findColumn } from "./verify.ts";

/** A row of the record was altered. */
class NoEntryError extends Error {
  override readonly name = "NoEntryError";
}

/** The row of the end of the chain was deleted: nothing can follow it. */
export class MissingHeadError extends Error {
  override readonly name = "MissingHeadError";
}

/** The entries that limit an action are not as they were written. */
class AlteredRowError extends Error {
  override readonly name = "AlteredRowError";
}

const hourMs = 3_600_000;

/** How many entries are read at a time: the first time, and after that. */
const [firstBatch, nextBatch] = [100, 1000];

interface Facts {
  readonly open: number;
  readonly is_running: boolean;
  readonly floor: number | null;
  readonly now: number;
  readonly is_read_only: boolean;
}

type ChainRow = { readonly head_seq: number; readonly head_hash: string } & (EntryRow | { readonly seq: null });

/**
 * What limits an action now. Rejects with pg's error, or when the entries of the last hour are not
 * as they were written.
 */
export async function readActionFacts(
  client: PoolClient,
  subject: ActionSubject,
  { budget, cooldownMs }: ActionLimits,
): Promise<{ readonly facts: ActionFacts; readonly isReadOnly: boolean }> {
  const [family, holder] = [toFamily(subject), toHolder(subject)];
  const [row] = await rowsOf<Facts>(client, readFacts, [family, subject.containerId]);
  if (!row) throw new Error("no row");
  let [taken, oldestMs, restedMs] = [0, 0, null as number | null];
  const recent = budget || cooldownMs !== null ? readRecent(client, row) : [];
  for await (const record of recent) {
    // An entry in the future counts as one of now: the clock was set back since.
    const ageMs = Math.max(0, row.now - Date.parse(record.at));
    const isRest = restsAfter(record) && record.containerId === subject.containerId;
    if (isRest) restedMs = Math.min(restedMs ?? ageMs, ageMs);
    const granted =
      ageMs < hourMs && toFamily(record) === family && toHolder(record) === holder ? toGranted(record) : 0;
    if (granted === 0) continue;
    taken += granted;
    oldestMs = Math.max(oldestMs, ageMs);
  }
  const left = budget && { count: budget.perHour - taken, retryAfterSeconds: toRetryAfterSeconds(hourMs - oldestMs) };
  const facts: ActionFacts = { isRunning: row.is_running, open: row.open, restedMs, left };
  return { facts, isReadOnly: row.is_read_only };
}

/**
 * The entries of the last hour and a moment, newest first, from their hashed lines: each is checked
 * against the entry after it, from the head on, and against its row. No column ends the reading:
 * where one says that an entry of the hour is before the last that is read, a forged time would
 * hide it. @throws AlteredRowError, MissingHeadError
 */
async function* readRecent(
  client: PoolClient,
  { now, floor }: Pick<Facts, "now" | "floor">,
): AsyncGenerator<AuditRecord> {
  const checkTime = createBackwardTimeCheck(now);
  let expected: ChainHead | null = null;
  for (let batch = firstBatch; ; batch = nextBatch) {
    const rows: readonly ChainRow[] = await rowsOf<ChainRow>(client, readRows, [expected && expected.seq + 1, batch]);
    const [newest] = rows;
    if (!newest) throw new MissingHeadError();
    expected ??= { seq: newest.head_seq, hash: newest.head_hash };
    for (const row of rows) {
      if (expected.seq === 0) return;
      const line: ChainedLine = checkRow(row, expected);
      const fault = checkTime(line.record);
      if (fault !== null) throw new AlteredRowError(fault);
      if (isPast(line.record, now)) {
        if (floor !== null && floor < expected.seq) throw new AlteredRowError(toStepFault(expected.seq, floor));
        return;
      }
      yield line.record;
      expected = { seq: expected.seq - 1, hash: line.prevHash };
    }
    if (expected.seq === 0) return;
  }
}

/** @throws AlteredRowError where a row is not the entry that was written. */
function checkRow(row: ChainRow, { seq, hash }: ChainHead): ChainedLine {
  if (row.seq !== seq) throw new AlteredRowError(`seq ${seq} is missing`);
  const line = parseAuditLine(row.line);
  if (!line?.intact || line.record.hash !== hash || line.record.seq !== seq) {
    throw new AlteredRowError(`seq ${seq} is not the one that was written`);
  }
  const column = findColumn(row, line.record);
  if (column !== null) throw new AlteredRowError(`seq ${seq}: its column ${column} is not what its line says`);
  return line;
}

/**
 * The result of an earlier request under the same key; null for a new one. Rejects with pg's error.
 */
export async function findEarlier(client: PoolClient, entry: AuditEntry): Promise<NotBegun | null> {
  const key = toAnswerKey(entry);
  if (key === null) return null;
  const [found] = await rowsOf<{ seq: number; line: string; outcome: string | null }>(client, readEarlier, [key]);
  if (!found) return null;
  const outcome = found.outcome === null ? null : toRecord(found.outcome);
  return judgeKey({ seq: found.seq, entry: toRecord(found.line), outcome }, entry);
}

/**
 * An earlier answer or a refusal, or how much of its budget an action gets. Rejects with pg's
 * error.
 */
export async function judge(client: PoolClient, asked: AuditEntry, limits: ActionLimits) {
  const known = await findEarlier(client, asked);
  if (known) return known;
  const decided = decide((await readActionFacts(client, asked, limits)).facts, limits);
  return "granted" in decided ? decided : ({ kind: "refused", refusal: decided } as const);
}

/** Whether an entry is in the record. Rejects with pg's error. */
export async function wasMade(
  client: PoolClient,
  { seq, line }: { readonly seq: number; readonly line: string },
): Promise<boolean> {
  const [row] = await rowsOf<{ has: boolean }>(client, hasEntry, [seq, line]);
  return row?.has === true;
}

/**
 * The end of the chain, with the time of the database. `at`: that of its entry; null without one.
 */
export type TableHead = ChainHead & { readonly now: Date; readonly at: string | null };

/** An entry behind the head, and its values in the order of the statements. */
export function toAppended(entry: AuditEntry, { now, at: newest, ...head }: TableHead, granted: number) {
  const at = toEntryTime(now, newest);
  const made = toAuditLine(entry, at, head, null, granted);
  const line = made.line.slice(0, -1);
  const common = [entry.outcome, toFamily(entry), entry.intent, toHolder(entry), toAnswerKey(entry), granted];
  return { seq: made.head.seq, head: made.head, line, values: [made.head.seq, at, line, ...common, made.head.hash] };
}

/** A line that was altered by hand may be no entry. @throws NoEntryError */
export function toRecord(line: string): AuditRecord {
  const parsed = parseAuditLine(line);
  if (!parsed) throw new NoEntryError();
  return parsed.record;
}
