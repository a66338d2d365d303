import { toHolder } from "../../auth/principal.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import { rowsOf } from "../../state/database.ts";
import type { AuditChain, AuditRecord } from "../audit.ts";
import type { AnchorCheck } from "../anchors.ts";
import { isFinal, restsAfter, toAnswerKey, toFamily } from "../ledger.ts";
import { type ChainHead, createLineVerifier, genesis, parseAuditLine, toGranted, toHeadFault } from "../line.ts";
import { createTimeCheck, type TimeCheck } from "../times.ts";
import { missingHead, readState } from "./statements.ts";

/** Entries that are read at a time. */
const batch = 2000;
/**
 * After this time everything is checked again, ms: what was checked may have been changed since.
 */
const fullEveryMs = 600_000;
/** How long an answer is reused, ms. */
const ttlMs = 1000;
/** How long the longest cooldown is, ms. */
const restMs = 3_600_000;
/**
 * 0.2 took the time of a cooldown a moment after that of its line: at most the deadline of a
 * transaction, ms.
 */
const lateMs = 10_000;

/** A row of an entry; its time in unix ms. */
export interface EntryRow {
  readonly seq: number;
  readonly at: number;
  readonly line: string;
  readonly outcome: string;
  readonly family: string;
  readonly intent: number | null;
  readonly holder: string;
  readonly answer_key: string | null;
  readonly granted: number;
}

interface OpenRow {
  readonly seq: number;
  readonly family: string;
  readonly container_id: string;
  readonly has_outcome: boolean;
}

/** The tables of a record at one time: some of the entries, and all of the rest. */
export interface TableState {
  readonly entries: readonly EntryRow[];
  /** Null when its row is missing. */
  readonly head: ChainHead | null;
  /** The number of an entry outside of the chain. */
  readonly outside: string | null;
  readonly open: readonly OpenRow[];
  /** `ended_at` is a text where it is infinite. */
  readonly rests: readonly { readonly container_id: string; readonly ended_at: number | string }[];
  readonly now: number;
}

/**
 * The state with so many entries after a number, in one statement and so at one time. Rejects with
 * pg's error.
 */
export async function readTableState(
  client: Parameters<typeof rowsOf>[0],
  after: number,
  count: number,
): Promise<TableState> {
  const [row] = await rowsOf<TableState>(client, readState, [after, count]);
  if (!row) throw new Error("no row");
  return row;
}

/** How far a record was checked, and what its lines say of the other tables. */
interface Progress {
  readonly beganAtMs: number;
  /** The database's time, unix ms. */
  now: number;
  readonly times: TimeCheck;
  head: ChainHead | null;
  firstSeq: number | null;
  /** Intents without a last outcome. */
  readonly open: Map<number, OpenRow>;
  /** By container: the outcome after which it rests, within the last hour and a moment. */
  readonly rests: Map<string, Pick<AuditRecord, "seq" | "at" | "format">>;
}

interface TableCheckOptions {
  /** The state with the entries after a number. Rejects with pg's error. */
  readonly read: (after: number, count: number) => Promise<TableState>;
  /** Whether the oldest entries may be missing. */
  readonly partial: boolean;
  readonly anchors?: AnchorCheck;
  /** What a successful check says about the clocks. */
  readonly onTimes?: (words: string) => void;
}

/**
 * Checks a record in a table: the hash chain, its head, and that every column and row that limits
 * an action is as the hashed lines say. Checks only what was appended since the last time, and
 * everything again every ten minutes. An end that was there once must stay there.
 */
export function createTableCheck({
  read,
  partial,
  anchors,
  onTimes = () => {},
}: TableCheckOptions): () => Promise<AuditChain> {
  let progress: Progress | null = null;
  let newest = genesis;
  let answer: AuditChain = { ok: null, firstSeq: null, lastSeq: null, checkedAt: null, problem: null };
  let answeredAtMs = -ttlMs;
  let running: Promise<AuditChain> | null = null;

  const check = async (): Promise<AuditChain> => {
    const isDue = progress === null || performance.now() - progress.beganAtMs > fullEveryMs;
    const going: Progress = isDue || progress === null ? begin() : progress;
    for (;;) {
      const state = await read(going.head?.seq ?? 0, batch);
      const isEnd = state.entries.length < batch;
      going.now = state.now;
      const problem = advance(going, state.entries, partial, anchors) ?? (isEnd ? compare(going, state, newest) : null);
      const fault = problem ?? (isEnd ? (anchors?.end() ?? null) : null);
      const found = {
        firstSeq: going.firstSeq,
        lastSeq: going.head?.seq ?? null,
        checkedAt: formatRfc3339(Date.now()),
      };
      // After a fault the next check starts over, because the record may have been repaired.
      progress = fault === null ? going : null;
      if (fault !== null) return { ok: false, ...found, problem: fault };
      if (!isEnd) continue;
      newest = going.head ?? newest;
      onTimes(going.times.note());
      return { ok: true, ...found, problem: null };
    }
  };
  return async () => {
    if (performance.now() - answeredAtMs < ttlMs && answer.ok !== null) return answer;
    running ??= check().finally(() => (running = null));
    answer = await running;
    answeredAtMs = performance.now();
    return answer;
  };
}

function begin(): Progress {
  const times = createTimeCheck(() => progress.now);
  const progress: Progress = {
    beganAtMs: performance.now(),
    now: 0,
    times,
    head: null,
    firstSeq: null,
    open: new Map(),
    rests: new Map(),
  };
  return progress;
}

/** Checks the next entries. Returns the fault. */
function advance(
  progress: Progress,
  rows: readonly EntryRow[],
  partial: boolean,
  anchors: AnchorCheck | undefined,
): string | null {
  const verifier = createLineVerifier(progress.head ?? (partial ? null : genesis), progress.times);
  for (const row of rows) {
    const fault = verifier.push(`${row.line}\n`);
    if (fault !== null) return fault;
    const record = parseAuditLine(row.line)?.record;
    // For a line that is not an entry, the verifier reports the fault at the next line, or at the
    // end.
    if (!record) continue;
    const column = findColumn(row, record);
    if (column !== null) return `seq ${record.seq}: its column ${column} is not what its line says`;
    progress.firstSeq ??= record.seq;
    progress.head = { seq: record.seq, hash: record.hash };
    note(progress, record);
    const other = anchors?.push(progress.head) ?? null;
    if (other !== null) return other;
  }
  return verifier.end();
}

/** The first column that differs from the line of its row. */
export function findColumn(row: EntryRow, record: AuditRecord): string | null {
  const expected: Omit<EntryRow, "line"> = {
    seq: record.seq,
    at: Date.parse(record.at),
    outcome: record.outcome,
    family: toFamily(record),
    intent: record.intent,
    holder: record.format == null ? `${record.kid} ${record.subject}` : toHolder(record),
    answer_key: toAnswerKey(record),
    granted: toGranted(record),
  };
  // In format 1, a further restart of a role took nothing, without saying so. It counts as one
  // (`toGranted`).
  const isFurther = record.format == null && expected.family === "restart" && row.granted === 0;
  const columns = Object.keys(expected) as (keyof typeof expected)[];
  return columns.find((name) => row[name] !== expected[name] && !(name === "granted" && isFurther)) ?? null;
}

/** What an entry means for the other tables. */
function note({ open, rests }: Progress, record: AuditRecord): void {
  if (record.outcome === "intent") {
    const { seq, containerId } = record;
    open.set(seq, { seq, family: toFamily(record), container_id: containerId, has_outcome: false });
    return;
  }
  const intent = record.intent ?? 0;
  const known = open.get(intent);
  if (isFinal(record)) open.delete(intent);
  else if (known) open.set(intent, { ...known, has_outcome: true });
  if (restsAfter(record))
    rests.set(record.containerId, { seq: record.seq, at: record.at, format: record.format ?? null });
}

/**
 * Compares the end of the chain, what is open and what rests with what the lines say. Returns the
 * fault.
 */
function compare({ head, open, rests }: Progress, state: TableState, newest: ChainHead): string | null {
  if (state.head === null) return missingHead;
  const end = head ?? genesis;
  const fault = toHeadFault(end, newest) ?? toHeadFault(end, state.head);
  if (fault !== null) return fault;
  if (state.head.seq !== end.seq) return `its head is seq ${state.head.seq}, and its last entry seq ${end.seq}`;
  if (state.outside !== null) return `seq ${state.outside} is a row outside of the chain`;
  for (const row of state.open) {
    const expected = open.get(row.seq);
    if (!expected) return `seq ${row.seq} is open, and its last outcome is in the record`;
    for (const name of ["family", "container_id", "has_outcome"] as const)
      if (row[name] !== expected[name]) return `seq ${row.seq} is open: its column ${name} is not what the lines say`;
  }
  const there = new Set(state.open.map(({ seq }) => seq));
  const lost = [...open.keys()].find((seq) => !there.has(seq));
  if (lost !== undefined) return `seq ${lost} has no last outcome, and is not open`;
  return findRest(rests, state);
}

/** A container whose cooldown is not that of its newest outcome, or which rests without one. */
function findRest(rests: Progress["rests"], { rests: rows, now }: TableState): string | null {
  const endedAt = new Map(rows.map((row) => [row.container_id, Number(row.ended_at)]));
  for (const [container, outcome] of rests) {
    const at = Date.parse(outcome.at);
    const ended = endedAt.get(container) ?? null;
    if (now - at >= restMs + lateMs) rests.delete(container);
    else if (ended === null ? now - at < restMs : !isOf(ended, outcome))
      return `seq ${outcome.seq}: the cooldown of its container is not what its line says`;
  }
  const added = [...endedAt].find(([container, ended]) => !rests.has(container) && !isOver(ended, now));
  return added ? `the cooldown of container ${JSON.stringify(added[0])} is in no line` : null;
}

/** Whether a cooldown began with an outcome. */
function isOf(endedAt: number, { at, format }: Pick<AuditRecord, "at" | "format">): boolean {
  const late = endedAt - Date.parse(at);
  return late === 0 || (format == null && late > 0 && late <= lateMs);
}

/** Whether a cooldown limits nothing any more, however long it is. */
function isOver(endedAt: number, now: number): boolean {
  return Number.isFinite(endedAt) && now - endedAt >= restMs;
}
