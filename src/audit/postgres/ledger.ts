import { randomUUID } from "node:crypto";
import type { PoolClient } from "pg";
import { OpsError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { isConnectionLost } from "../../lib/postgres/errors.ts";
import { type ObserveCall, observed, toDatabaseFacts, unobserved } from "../../lib/upstream-call.ts";
import { beginWriting, createStateDatabase, rowsOf, transact } from "../../state/database.ts";
import { explainState } from "../../state/errors.ts";
import type { AuditEntry, AuditRecord, OpenIntent } from "../audit.ts";
import {
  type ActionFamily,
  type ActionLimits,
  type ActionSubject,
  type AskedAction,
  decide,
  type Decision,
  isAmendable,
  isFinal,
  type Ledger,
  type OpenAction,
  toFamily,
  toOpenIntent,
} from "../ledger.ts";
import { parseAuditLine, toLogged } from "../line.ts";
import {
  findEarlier,
  judge,
  MissingHeadError,
  readActionFacts,
  type TableHead,
  toAppended,
  toRecord,
  wasMade,
} from "./rows.ts";
import {
  appendAmendment,
  appendIntent,
  appendLastOutcome,
  appendOutcome,
  endLease,
  extendLeases,
  lockHead,
  missingHead,
  readAbandoned,
  readBackward,
  readHead,
  readNewest,
  readOwner,
  takeOver,
  tryAppending,
} from "./statements.ts";
import { createTableCheck, readTableState } from "./verify.ts";

interface PostgresLedgerOptions {
  readonly url: string;
  readonly logger: Logger;
  readonly observe?: ObserveCall;
  /** How long an action stays its owner's without a sign of life, ms. @default 30000 */
  readonly leaseMs?: number;
  /** The same for a restart: others wait for its container. @default 10000 */
  readonly restartLeaseMs?: number;
}

/** For a try: what reads all that limits an action. */
const nobody: ActionSubject = { action: "restart", containerId: "", kid: "", subject: "", issuer: null };
const everyEntry: ActionLimits = { cooldownMs: 0, parallel: null, budget: null };

interface OpenRow {
  readonly seq: number;
  readonly has_outcome: boolean;
  readonly line: string;
  /** Its newest outcome. */
  readonly outcome: string | null;
}

/** Total deadlines, ms: of a decision with the wait for others, and of what only reads. */
const deadlineMs = { written: 5_000, read: 2_000 };
/**
 * An owner acts only while its lease lasts this much longer, ms: what it asks an engine for begins
 * before another gateway may look.
 */
const marginMs = 3_000;
/** Entries scanned for one page, and how many at a time. */
const [scanLimit, batch] = [10_000, 500];

/**
 * The ledger of several gateways, in PostgreSQL: each decision locks the end of the chain, reads
 * what limits the action, and appends its intent, in one transaction. An open action belongs to the
 * gateway that began it, as long as that extends its lease; after that another one may take it
 * over, and then it alone writes its outcome. Uses no session state, so that it works behind
 * PgBouncer in transaction mode. `migrate` makes its tables. All times are the database's.
 */
export function createPostgresLedger({
  url,
  logger,
  observe = unobserved,
  leaseMs = 30_000,
  restartLeaseMs = Math.min(10_000, leaseMs),
}: PostgresLedgerOptions): Ledger & { close(): Promise<void> } {
  const owner = randomUUID();
  const database = createStateDatabase({ url, logger, connections: 4 });
  /** Until when each open action is ours, by our monotonic clock, ms. */
  const held = new Map<number, { readonly until: number; readonly leaseMs: number }>();
  const toLeaseMs = (family: ActionFamily) => (family === "restart" ? restartLeaseMs : leaseMs);
  const releasing = new Set<Promise<unknown>>();
  /**
   * Outcomes whose write was not confirmed. They may already be there when they are written again.
   */
  const unanswered = new Map<string, ReturnType<typeof toAppended>[]>();
  /** Open actions that are not entries; each is logged once. */
  const unreadable = new Set<number>();
  /**
   * Whether the entries that limit an action must be read by the next try: not yet, or an action
   * failed since.
   */
  let isDoubtful = true;
  /** Since the last success: one line of the log for each time that the record goes away. */
  let isAway = false;

  const callFacts = () => toDatabaseFacts("postgresql", "TRANSACTION", url);
  const guarded = async <T>(words: "written" | "read", task: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const signal = AbortSignal.timeout(deadlineMs[words]);
    try {
      const call = {
        observe,
        upstream: "postgres",
        signal,
        toCode: () => "audit_unavailable",
        facts: callFacts,
      } as const;
      const result = await observed(call, () => task(signal));
      if (isAway) logger.info({ upstream: "audit" }, "The audit record is back");
      isAway = false;
      return result;
    } catch (error) {
      if (error instanceof OpsError) throw error;
      const reason = explainState(error);
      if (!isAway) logger.error({ upstream: "audit", cause: reason }, `The audit record cannot be ${words}`);
      isAway = true;
      throw new OpsError("audit_unavailable", `The audit record cannot be ${words}: ${reason}`, {
        cause: error,
        upstream: "audit",
      });
    }
  };
  /** `words`: for the deadline, and in the error. */
  const ask = <T>(
    words: "written" | "read",
    work: (client: PoolClient) => Promise<T>,
    mode: "written" | "read" = "read",
  ) => guarded(words, (signal) => database.withClient(signal, (client) => transact(client, mode, () => work(client))));
  const query = <Row extends object>(mode: "written" | "read", text: string, values: readonly unknown[]) =>
    ask(mode, (client) => rowsOf<Row>(client, text, values), mode);

  /**
   * Runs the work behind the locked end of the chain. What was not committed is tried once more on
   * a new connection; after a commit whose answer was lost, `isDone` says whether it was made.
   */
  const atHead = <T>(
    work: (client: PoolClient, head: TableHead) => Promise<T>,
    isDone: (client: PoolClient, result: T) => Promise<boolean>,
  ): Promise<T> =>
    guarded("written", async (signal) => {
      const attempt = async (notBefore: number): Promise<{ readonly result: T; readonly lost: unknown }> =>
        database.withClient(
          signal,
          async (client) => {
            await client.query(beginWriting);
            const [head] = await rowsOf<Omit<TableHead, "at">>(client, lockHead);
            if (!head) throw new MissingHeadError();
            const [newest] = await rowsOf<{ line: string }>(client, readNewest, [head.seq]);
            const result = await work(client, { ...head, at: parseAuditLine(newest?.line ?? "")?.record.at ?? null });
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
      // Behind the lock: a commit that is still under way has it.
      const look = async (client: PoolClient): Promise<boolean> => {
        await client.query(beginWriting);
        await client.query(lockHead);
        const wasDone = await isDone(client, result);
        // Its commit waits for a synchronous standby, a rollback would not: where the first
        // commit's session was ended in that wait, the primary alone may have it.
        await client.query("commit");
        return wasDone;
      };
      if (await database.withClient(signal, look, performance.now())) return result;
      throw lost;
    });

  const noteHeld = (seq: number, family: ActionFamily, sinceMs: number) => {
    held.set(seq, { until: sinceMs + toLeaseMs(family), leaseMs: toLeaseMs(family) });
    beating ??= setInterval(() => void beat(), Math.min(leaseMs, restartLeaseMs) / 3).unref();
  };
  let beating: NodeJS.Timeout | null = null;
  const beat = async () => {
    if (held.size === 0 && beating) {
      clearInterval(beating);
      beating = null;
      return;
    }
    const sentMs = performance.now();
    const [known, leases] = [[...held.keys()], [...held.values()].map((one) => one.leaseMs)];
    const rows = await query<{ seq: number }>("written", extendLeases, [owner, known, leases]).catch(() => null);
    if (rows === null) return;
    const ours = new Set(rows.map(({ seq }) => seq));
    for (const seq of known) {
      // What was released meanwhile stays so: its lease must end.
      const lease = held.get(seq);
      if (!lease) continue;
      if (ours.has(seq)) held.set(seq, { ...lease, until: sentMs + lease.leaseMs });
      else held.delete(seq);
    }
  };
  const begin = async ({ limits, toEntry }: AskedAction): Promise<Decision> => {
    const wanted = limits.budget?.wanted ?? 0;
    const asked = toEntry(wanted);
    // An action that existing entries already refuse need not wait for the lock.
    const early = await ask("written", (client) => judge(client, asked, limits));
    if ("kind" in early) return early;
    const sinceMs = performance.now();
    const decision = await atHead(
      async (client, head) => {
        const judged = await judge(client, asked, limits);
        if ("kind" in judged) return { known: judged };
        const { granted } = judged;
        const entry = granted === wanted ? asked : toEntry(granted);
        const appended = toAppended(entry, head, granted);
        await client.query(appendIntent, [...appended.values, entry.containerId, owner, toLeaseMs(toFamily(entry))]);
        return { known: null, entry, ...appended };
      },
      async (client, result) => (result.known ? true : wasMade(client, result)),
    );
    if (decision.known) return decision.known;
    const { seq, entry } = decision;
    noteHeld(seq, toFamily(entry), sinceMs);
    logger.info({ audit: toLogged(entry, decision.head) }, "audit");
    return { kind: "begun", seq, entry, isHeld: () => performance.now() < (held.get(seq)?.until ?? 0) - marginMs };
  };

  const toOpenIntents = (rows: readonly OpenRow[]): OpenIntent[] =>
    rows
      .toSorted((a, b) => a.seq - b.seq)
      .flatMap(({ seq, has_outcome: hasOutcome, line, outcome }): OpenIntent[] => {
        const intent = parseAuditLine(line)?.record;
        const newest = outcome === null ? null : parseAuditLine(outcome)?.record;
        if (intent?.seq === seq) return [{ ...toOpenIntent(intent, newest ?? null), hasOutcome }];
        if (unreadable.has(seq)) return [];
        unreadable.add(seq);
        logger.error(
          { upstream: "audit", seq },
          "An open action of the audit record is no entry: run `wallet-core-ops audit verify`",
        );
        return [];
      });

  /**
   * Writes an outcome behind the locked end of the chain, once. Resolves to whether `append` wrote
   * it.
   */
  const write = async (
    { seq, entry }: OpenAction,
    outcome: Parameters<Ledger["end"]>[1],
    append: (client: PoolClient, values: readonly unknown[]) => Promise<boolean>,
  ): Promise<boolean> => {
    const ended: AuditEntry = { ...entry, ...outcome, intent: seq };
    const key = JSON.stringify([seq, outcome]);
    const written = unanswered.get(key) ?? [];
    unanswered.set(key, written);
    const made = await atHead(
      async (client, head) => {
        for (const one of written) if (await wasMade(client, one)) return one;
        const appended = toAppended(ended, head, 0);
        if (!(await append(client, appended.values))) return null;
        written.push(appended);
        return appended;
      },
      async (client, appended) => appended === null || wasMade(client, appended),
    );
    unanswered.delete(key);
    if (made !== null) logger.info({ audit: toLogged(ended, made.head) }, "audit");
    return made !== null;
  };

  const checkTable = createTableCheck({
    partial: true,
    read: (after, count) => ask("read", (client) => readTableState(client, after, count)),
  });
  return {
    begin: (asked) =>
      begin(asked).catch((error: unknown) => {
        isDoubtful = true;
        throw error;
      }),
    find: (entry) => ask("read", (client) => findEarlier(client, entry)),
    async check(subject, limits) {
      const { facts, isReadOnly } = await ask("written", (client) => readActionFacts(client, subject, limits));
      const decided = decide(facts, limits);
      if (!("granted" in decided)) return decided;
      if (isReadOnly)
        throw new OpsError("audit_unavailable", "The audit record cannot be written: its database is read-only");
      return null;
    },
    async tryWriting() {
      // Without the lock, and not each time, because an hour may have thousands of entries.
      if (isDoubtful) await ask("written", (client) => readActionFacts(client, nobody, everyEntry));
      isDoubtful = false;
      await atHead(
        async (client) => void (await client.query(tryAppending)),
        async () => true,
      );
    },
    async end(action, outcome) {
      const { seq, entry } = action;
      const isLast = isFinal({ ...entry, ...outcome });
      const rests = outcome.outcome !== "failed" && toFamily(entry) === "restart";
      const made = await write(action, outcome, async (client, values) => {
        const [row] = await rowsOf<{ owner: string }>(client, readOwner, [seq]);
        if (row?.owner !== owner) return false;
        if (isLast) await client.query(appendLastOutcome, [...values, owner, rests]);
        else await client.query(appendOutcome, [...values, owner]);
        return true;
      });
      if (isLast || !made) held.delete(seq);
      // It was paused for longer than its lease: what happened is for its new owner to find out.
      if (!made)
        logger.warn({ audit: { intent: seq, outcome: outcome.outcome } }, "Another gateway has taken this action over");
    },
    amend: (action, outcome) =>
      write(action, outcome, async (client, values) => {
        if (!(await isAmendable(action, (wanted) => readNewestOf(wanted, (from) => readEntries(client, from)))))
          return false;
        await client.query(appendAmendment, [...values, action.entry.containerId]);
        return true;
      }),
    release({ seq }) {
      held.delete(seq);
      // If that fails, its lease expires by itself.
      const ended = query("written", endLease, [seq, owner]).catch(() => {});
      releasing.add(ended);
      void ended.then(() => releasing.delete(ended));
    },
    async adopt(family: ActionFamily, accepts = async () => true) {
      const abandoned = await query<OpenRow>("written", readAbandoned, [family, owner, [...held.keys()]]);
      const offered = toOpenIntents(abandoned);
      const accepted = await Promise.all(offered.map(accepts));
      const wanted = offered.flatMap(({ intent }, index) => (accepted[index] ? intent.seq : []));
      if (wanted.length === 0) return [];
      const sinceMs = performance.now();
      const values = [family, owner, toLeaseMs(family), [...held.keys()], wanted];
      const taken = toOpenIntents(await query<OpenRow>("written", takeOver, values));
      for (const { intent } of taken) noteHeld(intent.seq, family, sinceMs);
      return taken;
    },
    read: (wanted) => readNewestOf(wanted, (from) => ask("read", (client) => readEntries(client, from))),
    verify: checkTable,
    async head() {
      const [head] = await query<{ seq: number; hash: string; line: string | null }>("read", readHead, []);
      if (!head)
        throw new OpsError("audit_unavailable", `The audit record cannot be read: ${missingHead}`, {
          upstream: "audit",
        });
      const { seq, hash, line } = head;
      return { seq, hash, at: parseAuditLine(line ?? "")?.record.at ?? null };
    },
    async close() {
      if (beating) clearInterval(beating);
      await Promise.all(releasing);
      await database.close();
    },
  };
}

async function readEntries(client: PoolClient, before: number | null): Promise<readonly AuditRecord[]> {
  const rows = await rowsOf<{ line: string }>(client, readBackward, [before, batch]);
  return rows.map(({ line }) => toRecord(line));
}

/** The newest entries that a query accepts, from batches of entries before a number. */
async function readNewestOf(
  { first, before, accepts }: Parameters<Ledger["read"]>[0],
  readBatch: (from: number | null) => Promise<readonly AuditRecord[]>,
): Promise<readonly AuditRecord[]> {
  const found: AuditRecord[] = [];
  for (let [from, scanned] = [before, 0]; scanned < scanLimit; scanned += batch) {
    const records = await readBatch(from);
    for (const record of records) {
      if (accepts(record)) found.push(record);
      if (found.length >= first) return found;
      from = record.seq;
    }
    if (records.length < batch) break;
  }
  return found;
}
