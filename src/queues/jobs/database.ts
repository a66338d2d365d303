import { describe, isConnectionLost, isSqlState } from "../../lib/postgres/errors.ts";
import { createPool, queryAll, type Row } from "../../lib/postgres/pool.ts";
import type { PoolClient } from "pg";
import { abortable } from "../../lib/abort.ts";
import type { Logger } from "../../lib/logger.ts";
import { type ObserveCall, observed, toDatabaseFacts, unobserved } from "../../lib/upstream-call.ts";
import { createTurns } from "../postgres/database.ts";
import { noSubject, toQueueError } from "../postgres/errors.ts";

/**
 * The only way to change a database. It reads only the jobs to change and the identity of the
 * database.
 */
export interface ControlDatabase {
  /**
   * Runs the statements in one transaction and returns the rows of each. Rejects with pg's error if
   * nothing was changed, else with AnswerLost. Goes on when the request ends. `check` is called
   * right before the statements are sent, after all waits; if it throws, the call rejects with that
   * error and nothing was changed.
   */
  run(statements: readonly string[], check?: () => void): Promise<readonly (readonly Row[])[]>;
  close(): Promise<void>;
}

/** The connection ended during the change, which may have been made. */
export class AnswerLost extends Error {
  constructor(cause: unknown) {
    super("The connection was lost during the change", { cause });
    this.name = "AnswerLost";
  }
}

/** Total time, milliseconds: waiting for the connection, and running the statements. */
const deadlineMs = 15_000;
/**
 * The part of `deadlineMs` that a caller may wait for the only connection, while others change jobs
 * or the server is silent.
 */
const waitMs = 5_000;

/**
 * SET LOCAL, not SET: behind PgBouncer in transaction mode the session is shared. UTC, because job
 * systems write UTC to columns without a time zone.
 */
const prologue = [
  "begin transaction isolation level read committed read write",
  "set local statement_timeout = '5s'",
  "set local lock_timeout = '1s'",
  // A change may arrive late, after this process paused or the network was cut. By then another
  // gateway may own the action.
  "set local idle_in_transaction_session_timeout = '5s'",
  "set local timezone = 'UTC'",
].join(";\n");

/** A pool of one connection, separate from the reads. Connects on the first change. */
export function createControlDatabase(url: string, logger: Logger, observe: ObserveCall = unobserved): ControlDatabase {
  const application = "wallet-core-ops-control";
  const pool = createPool({
    url,
    logger,
    name: "control",
    application,
    connections: 1,
    connectMs: 5000,
    idleMs: 10_000,
  });
  const turns = createTurns({ connections: 1, silentMs: waitMs, waitMs });

  /**
   * Opens a connection and begins a transaction. Nothing has been changed at this point, so it may
   * try again on a new connection.
   */
  const begin = async (signal: AbortSignal, mayRetry: boolean): Promise<PoolClient> => {
    const client = await pool.connect(signal);
    try {
      await abortable(client.query(prologue), signal);
      return client;
    } catch (error) {
      client.release(true);
      if (!mayRetry || !isConnectionLost(error)) throw error;
      return begin(signal, false);
    }
  };

  const run = async (
    statements: readonly string[],
    check: () => void,
    signal: AbortSignal,
  ): Promise<readonly (readonly Row[])[]> => {
    const client = await begin(signal, true);
    let [wasSent, reusable] = [false, false];
    try {
      check();
      wasSent = true;
      const text = [...statements, "commit"].join(";\n");
      const results = await queryAll(client, text, signal);
      reusable = true;
      return statements.map((_, index) => results[index]?.rows ?? []);
    } catch (error) {
      throw !wasSent || isRolledBack(error) ? error : new AnswerLost(error);
    } finally {
      // After a failure the state of the session is unknown. Closing it rolls back what was not
      // committed.
      client.release(!reusable);
    }
  };

  return {
    run(statements, check = () => {}) {
      const signal = AbortSignal.timeout(deadlineMs);
      const facts = () => toDatabaseFacts("postgresql", "TRANSACTION", url, statements.length);
      return observed({ observe, upstream: "postgres", signal, toCode, facts }, () =>
        turns.run(() => run(statements, check, signal), signal),
      );
    },
    close: () => pool.close(),
  };
}

function toCode(error: unknown): string {
  return toQueueError(error instanceof AnswerLost ? error.cause : error, noSubject).code;
}

/**
 * Whether the server itself refused a statement, and so rolled back. A stopping server (57P) may
 * have committed before.
 */
function isRolledBack(error: unknown): boolean {
  const { code } = describe(error);
  return isSqlState(code) && !/^(?:57P|08)/.test(code);
}
