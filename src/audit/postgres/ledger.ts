import { randomUUID } from "node:crypto";
import type { PoolClient } from "pg";
import { toHolder } from "../../auth/principal.ts";
import { abortable } from "../../lib/abort.ts";
import { OpsError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { describe, explainConnection, isConnectionLost } from "../../lib/postgres/errors.ts";
import { createPool } from "../../lib/postgres/pool.ts";
import { toRetryAfterSeconds } from "../../lib/time.ts";
import { type ObserveCall, observed, unobserved } from "../../lib/upstream-call.ts";
import type { AuditEntry, AuditRecord, OpenIntent } from "../audit.ts";
import { type ChainHead, parseAuditLine, toAuditLine } from "../line.ts";
import {
  type ActionFacts,
  type ActionFamily,
  type ActionLimits,
  type ActionSubject,
  type AskedAction,
  decide,
  type Decision,
  describeRequest,
  isFinal,
  type Ledger,
  toAnswerKey,
  toFamily,
} from "../ledger.ts";
import {
  appendIntent,
  appendLastOutcome,
  appendOutcome,
  closeAction,
  extendLeases,
  forgetRests,
  hasEntry,
  lockHead,
  readBackward,
  readEarlier,
  readFacts,
  readForward,
  readOwner,
  takeOver,
} from "./schema.ts";
import { createTableCheck } from "./verify.ts";

interface PostgresLedgerOptions {
  readonly url: string;
  readonly logger: Logger;
  readonly observe?: ObserveCall;
  /** How long an action is its owner's without a word of it, ms. @default 30000 */
  readonly leaseMs?: number;
}

/** Total deadline of a decision, ms, including the wait for others. */
const deadlineMs = 5_000;
/** An owner acts only while its lease lasts this much longer, ms: what it asks an engine for begins before another gateway may look. */
const marginMs = 3_000;
/** Entries scanned for one page, and how many at a time. */
const [scanLimit, batch] = [10_000, 500];
const hourMs = 3_600_000;

/** SET LOCAL, not SET: behind PgBouncer in transaction mode the session is shared. */
const prologue = `begin transaction isolation level read committed read write;
  set local statement_timeout = '4s'; set local lock_timeout = '4s'; set local idle_in_transaction_session_timeout = '10s'`;

interface Facts {
  readonly open: number;
  readonly is_running: boolean;
  readonly rested_ms: number | null;
  readonly taken: number;
  readonly oldest_ms: number | null;
  readonly is_read_only: boolean;
}

/**
 * The ledger of several gateways, in PostgreSQL: each decision locks the end of the chain, reads what limits the action, and appends its intent, in one transaction. An open
 * action belongs to the gateway that began it, as long as that extends its lease; after that another one may take it over, and then it alone writes its outcome. Uses no
 * session state, so that it works behind PgBouncer in transaction mode. `migrate` makes its tables. All times are the database's.
 */
export function createPostgresLedger({
  url,
  logger,
  observe = unobserved,
  leaseMs = 30_000,
}: PostgresLedgerOptions): Ledger & { close(): Promise<void> } {
  const owner = randomUUID();
  const pool = createPool({
    url,
    logger,
    name: "state",
    application: "wallet-core-ops-state",
    connections: 4,
    connectMs: deadlineMs,
    idleMs: 30_000,
  });
  /** Until when each open action is ours, by our monotonic clock, ms. */
  const held = new Map<number, number>();
  const releasing = new Set<Promise<void>>();

  const guarded = async <T>(words: "written" | "read", task: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const signal = AbortSignal.timeout(deadlineMs);
    try {
      return await observed({ observe, upstream: "postgres", signal, toCode: () => "audit_unavailable" }, () => task(signal));
    } catch (error) {
      if (error instanceof OpsError) throw error;
      const reason = explain(error);
      logger.error({ upstream: "audit", cause: reason }, `The audit record cannot be ${words}`);
      throw new OpsError("audit_unavailable", `The audit record cannot be ${words}: ${reason}`, {
        cause: error,
        upstream: "audit",
      });
    }
  };
  const withClient = async <T>(signal: AbortSignal, work: (client: PoolClient) => Promise<T>, notBefore = 0): Promise<T> => {
    const client = await pool.connect(signal, notBefore);
    let isReusable = false;
    try {
      const result = await abortable(work(client), signal);
      isReusable = true;
      return result;
    } finally {
      // After any failure the state of the session is unknown. Closing it rolls back what was not committed.
      client.release(!isReusable);
    }
  };
  const rowsOf = async <Row extends object>(client: PoolClient, text: string, values: readonly unknown[] = []): Promise<Row[]> =>
    (await client.query<Row>(text, [...values])).rows;
  const query = <Row extends object>(words: "written" | "read", text: string, values: readonly unknown[] = []) =>
    guarded(words, (signal) => withClient(signal, (client) => rowsOf<Row>(client, text, values)));

  /**
   * Runs the work behind the locked end of the chain. What was not committed is tried once more on a new connection; after a commit whose answer was lost, `isDone` says whether
   * it was made.
   */
  const atHead = <T>(
    work: (client: PoolClient, head: ChainHead & { readonly now: Date }) => Promise<T>,
    isDone: (client: PoolClient, result: T) => Promise<boolean>,
  ): Promise<T> =>
    guarded("written", async (signal) => {
      const attempt = async (notBefore: number): Promise<{ readonly result: T; readonly lost: unknown }> =>
        withClient(
          signal,
          async (client) => {
            await client.query(prologue);
            const [head] = await rowsOf<ChainHead & { readonly now: Date }>(client, lockHead);
            if (!head) throw new Error("the table of the head is empty");
            const result = await work(client, head);
            const lost = await client.query("commit").then(
              () => null,
              (error: unknown) => error,
            );
            return { result, lost };
          },
          notBefore,
        );
      const { result, lost } = await attempt(0).catch((error: unknown) => {
        if (signal.aborted || !isConnectionLost(error)) throw error;
        return attempt(performance.now());
      });
      if (lost === null) return result;
      if (await withClient(signal, (client) => isDone(client, result), performance.now())) return result;
      throw lost;
    });

  const findEarlier = async (
    client: PoolClient,
    entry: AuditEntry,
  ): Promise<Exclude<Decision, { readonly kind: "begun" }> | null> => {
    const key = toAnswerKey(entry);
    if (key === null) return null;
    const [found] = await rowsOf<{ seq: number; line: string; outcome: string | null }>(client, readEarlier, [key]);
    if (!found) return null;
    const intent = toRecord(found.line);
    if (describeRequest(intent) !== describeRequest(entry))
      return { kind: "refused", refusal: { reason: "key_reused", retryAfterSeconds: null } };
    return { kind: "earlier", seq: found.seq, entry: intent, outcome: found.outcome === null ? null : toRecord(found.outcome) };
  };
  const readActionFacts = async (client: PoolClient, subject: ActionSubject, { budget }: ActionLimits) => {
    const values = [toFamily(subject), subject.containerId, toHolder(subject)];
    const [row] = await rowsOf<Facts>(client, readFacts, values);
    if (!row) throw new Error("no row");
    const left = budget && {
      count: budget.perHour - row.taken,
      retryAfterSeconds: toRetryAfterSeconds(hourMs - (row.oldest_ms ?? 0)),
    };
    const facts: ActionFacts = { isRunning: row.is_running, open: row.open, restedMs: row.rested_ms, left };
    return { facts, isReadOnly: row.is_read_only };
  };
  /** Values of an appended entry, in the order of the statements. */
  const toAppended = (entry: AuditEntry, { now, ...head }: ChainHead & { readonly now: Date }, granted: number) => {
    const made = toAuditLine(entry, now, head, null);
    const line = made.line.slice(0, -1);
    const common = [entry.outcome, toFamily(entry), entry.intent, toHolder(entry), toAnswerKey(entry), granted];
    return { seq: made.head.seq, line, values: [made.head.seq, now, line, ...common, made.head.hash] };
  };
  const noteHeld = (seq: number, sinceMs: number) => {
    held.set(seq, sinceMs + leaseMs);
    beating ??= setInterval(() => void beat(), leaseMs / 3).unref();
  };
  let beating: NodeJS.Timeout | null = null;
  const beat = async () => {
    if (held.size === 0 && beating) {
      clearInterval(beating);
      beating = null;
      return;
    }
    const sentMs = performance.now();
    const known = [...held.keys()];
    const kept = await query<{ seq: number }>("written", extendLeases, [owner, leaseMs, known]).catch(() => null);
    if (kept === null) return;
    const ours = new Set(kept.map(({ seq }) => seq));
    for (const seq of known) {
      if (ours.has(seq)) held.set(seq, sentMs + leaseMs);
      else held.delete(seq);
    }
  };
  const wasMade = (client: PoolClient, { seq, line }: { readonly seq: number; readonly line: string }) =>
    rowsOf<{ has: boolean }>(client, hasEntry, [seq, line]).then(([row]) => row?.has === true);

  const begin = async ({ limits, toEntry }: AskedAction): Promise<Decision> => {
    const wanted = limits.budget?.wanted ?? 0;
    const asked = toEntry(wanted);
    const sinceMs = performance.now();
    const decision = await atHead(
      async (client, head) => {
        const known = await findEarlier(client, asked);
        if (known) return { known };
        const { facts } = await readActionFacts(client, asked, limits);
        const decided = decide(facts, limits);
        if (!("granted" in decided)) return { known: { kind: "refused", refusal: decided } as const };
        const { granted } = decided;
        const entry = granted === wanted ? asked : toEntry(granted);
        const appended = toAppended(entry, head, granted);
        await client.query(appendIntent, [...appended.values, entry.containerId, owner, leaseMs]);
        return { known: null, entry, ...appended };
      },
      async (client, result) => (result.known ? true : wasMade(client, result)),
    );
    if (decision.known) return decision.known;
    const { seq, entry } = decision;
    noteHeld(seq, sinceMs);
    logger.info({ audit: { seq, outcome: "intent", action: entry.action, subject: entry.subject, kid: entry.kid } }, "audit");
    return { kind: "begun", seq, entry, isHeld: () => performance.now() < (held.get(seq) ?? 0) - marginMs };
  };

  const checkTable = createTableCheck((after, count) =>
    query<{ line: string }>("read", readForward, [after, count]).then((rows) => rows.map(({ line }) => line)),
  );
  return {
    begin,
    find: (entry) => guarded("read", (signal) => withClient(signal, (client) => findEarlier(client, entry))),
    async check(subject, limits) {
      const { facts, isReadOnly } = await guarded("written", (signal) =>
        withClient(signal, (client) => readActionFacts(client, subject, limits)),
      );
      const decided = decide(facts, limits);
      if (!("granted" in decided)) return decided;
      if (isReadOnly) throw new OpsError("audit_unavailable", "The audit record cannot be written: its database is read-only");
      return null;
    },
    async end({ seq, entry }, outcome) {
      const ended: AuditEntry = { ...entry, ...outcome, intent: seq };
      const isLast = isFinal(outcome);
      const rests = outcome.outcome !== "failed" && toFamily(entry) === "restart";
      const made = await atHead(
        async (client, head) => {
          const [row] = await rowsOf<{ owner: string }>(client, readOwner, [seq]);
          if (row?.owner !== owner) return null;
          const appended = toAppended(ended, head, 0);
          if (isLast) await client.query(appendLastOutcome, [...appended.values, owner, rests]);
          else await client.query(appendOutcome, [...appended.values, owner]);
          return appended;
        },
        async (client, appended) => appended === null || wasMade(client, appended),
      );
      if (isLast || made === null) held.delete(seq);
      // It was paused for longer than its lease: what happened is for its new owner to find out.
      if (made === null)
        logger.warn({ audit: { intent: seq, outcome: outcome.outcome } }, "Another gateway has taken this action over");
      else logger.info({ audit: { seq: made.seq, intent: seq, outcome: outcome.outcome, action: entry.action } }, "audit");
    },
    release({ seq }) {
      if (!held.delete(seq)) return;
      const released = query("written", closeAction, [seq, owner]).then(
        () => query("written", forgetRests),
        // Its lease ends: another gateway takes it over.
        () => [],
      );
      const waited = released.then(
        () => {},
        () => {},
      );
      releasing.add(waited);
      void waited.finally(() => releasing.delete(waited));
    },
    async adopt(family: ActionFamily) {
      const sinceMs = performance.now();
      const rows = await query<{ seq: number; has_outcome: boolean; line: string }>("written", takeOver, [
        family,
        owner,
        leaseMs,
      ]);
      const found = rows.toSorted((a, b) => a.seq - b.seq);
      for (const { seq } of found) noteHeld(seq, sinceMs);
      return found.map(({ has_outcome: hasOutcome, line }): OpenIntent => ({ intent: toRecord(line), hasOutcome }));
    },
    async read({ first, before, accepts }) {
      const found: AuditRecord[] = [];
      for (let [from, scanned] = [before, 0]; scanned < scanLimit; scanned += batch) {
        const rows = await query<{ line: string }>("read", readBackward, [from, batch]);
        for (const record of rows.map(({ line }) => toRecord(line))) {
          if (accepts(record)) found.push(record);
          if (found.length >= first) return found;
          from = record.seq;
        }
        if (rows.length < batch) break;
      }
      return found;
    },
    verify: checkTable,
    async close() {
      if (beating) clearInterval(beating);
      await Promise.all(releasing);
      await pool.close();
    },
  };
}

/** A line that was altered by hand may be no entry. @throws Error */
function toRecord(line: string): AuditRecord {
  const parsed = parseAuditLine(line);
  if (!parsed) throw new Error("a row of the record is no entry");
  return parsed.record;
}

/** Why the record cannot be reached, and what to do. */
function explain(error: unknown): string {
  const { code, message } = describe(error);
  if (code === "3F000" || code === "42P01") return "its tables are missing: run `wallet-core-ops migrate`";
  if (code === "42703") return "its tables are of another version: run `wallet-core-ops migrate`";
  if (code === "42501") return "the role of WALLET_CORE_OPS_STATE_URL may not write its tables";
  if (code === "25006") return "its database is read-only: a standby?";
  if (code === "TimeoutError" || code === "57014" || code === "55P03") return "PostgreSQL did not answer in time";
  if (message === "a row of the record is no entry") return message;
  return explainConnection(code, "WALLET_CORE_OPS_STATE_URL");
}
