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
  toAnswerKey,
  toFamily,
} from "../ledger.ts";
import { type ChainHead, parseAuditLine, toAuditLine } from "../line.ts";
import { hasEntry, readEarlier, readFacts } from "./statements.ts";

/** A row of the record was altered. */
class NoEntryError extends Error {
  override readonly name = "NoEntryError";
}

/** The row of the end of the chain was deleted: nothing can follow it. */
export class MissingHeadError extends Error {
  override readonly name = "MissingHeadError";
}

const hourMs = 3_600_000;

interface Facts {
  readonly open: number;
  readonly is_running: boolean;
  readonly rested_ms: number | null;
  readonly taken: number;
  readonly oldest_ms: number | null;
  readonly is_read_only: boolean;
}

/** What limits an action now. Rejects with pg's error. */
export async function readActionFacts(
  client: PoolClient,
  subject: ActionSubject,
  { budget }: ActionLimits,
): Promise<{ readonly facts: ActionFacts; readonly isReadOnly: boolean }> {
  const values = [toFamily(subject), subject.containerId, toHolder(subject)];
  const [row] = await rowsOf<Facts>(client, readFacts, values);
  if (!row) throw new Error("no row");
  const left = budget && {
    count: budget.perHour - row.taken,
    retryAfterSeconds: toRetryAfterSeconds(hourMs - (row.oldest_ms ?? 0)),
  };
  const facts: ActionFacts = { isRunning: row.is_running, open: row.open, restedMs: row.rested_ms, left };
  return { facts, isReadOnly: row.is_read_only };
}

/** What an earlier request under the same key came to; null for a new one. Rejects with pg's error. */
export async function findEarlier(client: PoolClient, entry: AuditEntry): Promise<NotBegun | null> {
  const key = toAnswerKey(entry);
  if (key === null) return null;
  const [found] = await rowsOf<{ seq: number; line: string; outcome: string | null }>(client, readEarlier, [key]);
  if (!found) return null;
  const outcome = found.outcome === null ? null : toRecord(found.outcome);
  return judgeKey({ seq: found.seq, entry: toRecord(found.line), outcome }, entry);
}

/** An earlier answer or a refusal, or how much of its budget an action gets. Rejects with pg's error. */
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

/** The end of the chain, with the time of the database. */
export type TableHead = ChainHead & { readonly now: Date };

/** An entry behind the head, and its values in the order of the statements. */
export function toAppended(entry: AuditEntry, { now, ...head }: TableHead, granted: number) {
  const made = toAuditLine(entry, now, head, null, granted);
  const line = made.line.slice(0, -1);
  const common = [entry.outcome, toFamily(entry), entry.intent, toHolder(entry), toAnswerKey(entry), granted];
  return { seq: made.head.seq, head: made.head, line, values: [made.head.seq, now, line, ...common, made.head.hash] };
}

/** A line that was altered by hand may be no entry. @throws NoEntryError */
export function toRecord(line: string): AuditRecord {
  const parsed = parseAuditLine(line);
  if (!parsed) throw new NoEntryError();
  return parsed.record;
}
