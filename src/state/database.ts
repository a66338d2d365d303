import type { PoolClient } from "pg";
import { abortable } from "../lib/abort.ts";
import { createClock, readClock } from "../lib/clock-skew.ts";
import { OpsError } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { createPool } from "../lib/postgres/pool.ts";
import { type ObserveCall, observed, toDatabaseFacts, unobserved } from "../lib/upstream-call.ts";
import { explainState } from "./errors.ts";

interface StateDatabaseOptions {
  readonly url: string;
  readonly logger: Logger;
  /** Most sessions at a time. */
  readonly connections: number;
  readonly observe?: ObserveCall;
}

/** The database that several gateways share. */
export interface StateDatabase {
  /**
   * Runs the work on a session that was opened at this time or later (`performance.now()`). After
   * any failure it closes that session, whose state is unknown: this rolls back what was not
   * committed. Rejects with pg's error, or as soon as the signal aborts.
   */
  withClient<T>(signal: AbortSignal, work: (client: PoolClient) => Promise<T>, notBefore?: number): Promise<T>;
  /** The same, within 5 s. Rejects with OpsError `postgres_unavailable`, which says why. */
  readonly ask: <T>(work: (client: PoolClient) => Promise<T>) => Promise<T>;
  /**
   * How far its clock is ahead of ours, s; null until measured. Measured beside other work, at most
   * once in 30 s.
   */
  clockSkew(): number | null;
  close(): Promise<void>;
}

const deadlineMs = 5000;
/** How often to compare the database's clock with ours, ms. */
const clockMs = 30_000;
const [connectMs, idleMs] = [5000, 30_000];

/**
 * Ends on the server what a gateway has given up (after 5 s at the latest), such as a wait for a
 * lock. SET LOCAL, not SET: behind PgBouncer in transaction mode the session is shared.
 */
const bounds =
  "set local statement_timeout = '4s'; set local lock_timeout = '4s'; set local idle_in_transaction_session_timeout = '10s'";
/** Begins a transaction that writes. */
export const beginWriting = `begin transaction isolation level read committed read write; ${bounds}`;
const beginReading = `begin transaction isolation level read committed; ${bounds}`;

/** Runs the work in a transaction that is bounded on the server too. Rejects with pg's error. */
export async function transact<T>(
  client: Pick<PoolClient, "query">,
  mode: "written" | "read",
  work: () => Promise<T>,
): Promise<T> {
  await client.query(mode === "written" ? beginWriting : beginReading);
  const result = await work();
  await client.query(mode === "written" ? "commit" : "rollback");
  return result;
}

/** Connects on first use. Uses no session state. */
export function createStateDatabase({
  url,
  logger,
  connections,
  observe = unobserved,
}: StateDatabaseOptions): StateDatabase {
  const application = "wallet-core-ops-state";
  const pool = createPool({ url, logger, name: "state", application, connections, connectMs, idleMs });
  const facts = () => toDatabaseFacts("postgresql", "TRANSACTION", url);
  const clock = createClock(clockMs);
  const withClient: StateDatabase["withClient"] = async (signal, work, notBefore = 0) => {
    const client = await pool.connect(signal, notBefore);
    let isReusable = false;
    const measured = async () => {
      await clock.measure(async () => (await rowsOf<{ now: number }>(client, readClock))[0]?.now);
      return work(client);
    };
    try {
      const result = await abortable(measured(), signal);
      isReusable = true;
      return result;
    } finally {
      client.release(!isReusable);
    }
  };
  return {
    withClient,
    async ask(work) {
      const signal = AbortSignal.timeout(deadlineMs);
      const call = { observe, upstream: "postgres", signal, toCode: () => "postgres_unavailable", facts } as const;
      try {
        return await observed(call, () => withClient(signal, work));
      } catch (error) {
        const message = `The shared state cannot be read: ${explainState(error)}`;
        throw new OpsError("postgres_unavailable", message, { cause: error, upstream: "state" });
      }
    },
    clockSkew: () => clock.skew(),
    close: () => pool.close(),
  };
}

/** The rows of one statement. Rejects with pg's error. */
export async function rowsOf<Row extends object>(
  client: Pick<PoolClient, "query">,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return (await client.query<Row>(text, [...values])).rows;
}
