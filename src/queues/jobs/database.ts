import type { Pool, PoolClient, QueryResult } from "pg";
import { abortable } from "../../lib/abort.ts";
import type { Logger } from "../../lib/logger.ts";
import { type ObserveCall, observed, unobserved } from "../../lib/upstream-call.ts";
import type { Row } from "../postgres/database.ts";
import { describe, isConnectionLost, isSqlState, noSubject, toQueueError } from "../postgres/errors.ts";
import { createTurns } from "../postgres/turns.ts";

/** The only way to change a database. Does no reads, except of the job that is to be or was changed. */
export interface ControlDatabase {
  /**
   * Runs the statements in one transaction and returns the rows of each. Rejects with pg's error, and then nothing was changed, or with AnswerLost. Goes on when
   * the request ends.
   */
  run(statements: readonly string[]): Promise<readonly (readonly Row[])[]>;
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
/** The part of it for waiting for the one connection, while others change jobs or the server is silent. */
const waitMs = 5_000;

/** SET LOCAL, not SET: behind PgBouncer in transaction mode the session is shared. UTC, because job systems write UTC to columns without a time zone. */
const prologue = [
  "begin transaction isolation level read committed read write",
  "set local statement_timeout = '5s'",
  "set local lock_timeout = '1s'",
  "set local timezone = 'UTC'",
].join(";\n");

/** A pool of one connection, separate from the reads. pg is loaded, and connects, on the first change. */
export function createControlDatabase(url: string, logger: Logger, observe: ObserveCall = unobserved): ControlDatabase {
  let pool: Promise<Pool> | null = null;
  const turns = createTurns({ connections: 1, silentMs: waitMs, waitMs });

  const open = async (): Promise<Pool> => {
    const { Pool: PgPool } = await import("pg");
    const opened = new PgPool({
      connectionString: url,
      max: 1,
      connectionTimeoutMillis: 5000,
      idleTimeoutMillis: 10_000,
      keepAlive: true,
      allowExitOnIdle: true,
      application_name: "wallet-core-ops-control",
    });
    // Without this listener, the end of an idle connection (a restart of the server) would end our process.
    opened.on("error", (error) => logger.warn(describe(error), "idle control connection lost"));
    opened.on("connect", (client) => client.on("error", () => {}));
    return opened;
  };
  /** Opens a connection and begins a transaction. Nothing can have changed before, so it may try again on a new connection. */
  const begin = async (signal: AbortSignal, mayRetry: boolean): Promise<PoolClient> => {
    pool ??= open();
    const client = await abortable(
      pool.then((opened) => opened.connect()),
      signal,
      (late) => late.release(),
    );
    try {
      await abortable(client.query(prologue), signal);
      return client;
    } catch (error) {
      client.release(true);
      if (!mayRetry || !isConnectionLost(error)) throw error;
      return begin(signal, false);
    }
  };

  const run = async (statements: readonly string[], signal: AbortSignal): Promise<readonly (readonly Row[])[]> => {
    const client = await begin(signal, true);
    let reusable = false;
    try {
      const text = [...statements, "commit"].join(";\n");
      // Several statements in one simple query: pg returns one result for each.
      const results = (await abortable(client.query(text), signal)) as unknown as QueryResult<Row>[];
      reusable = true;
      return statements.map((_, index) => results[index]?.rows ?? []);
    } catch (error) {
      throw isRolledBack(error) ? error : new AnswerLost(error);
    } finally {
      // After a failure the state of the session is unknown. Closing it rolls back what was not committed.
      client.release(!reusable);
    }
  };

  return {
    run(statements) {
      const signal = AbortSignal.timeout(deadlineMs);
      return observed({ observe, upstream: "postgres", signal, toCode }, () => turns.run(() => run(statements, signal), signal));
    },
    async close() {
      const opened = await pool?.catch(() => null);
      if (opened && !opened.ended && !opened.ending) await opened.end();
    },
  };
}

function toCode(error: unknown): string {
  return toQueueError(error instanceof AnswerLost ? error.cause : error, noSubject).code;
}

/** Whether the server itself refused a statement, and so rolled back. A stopping server (57P) may have committed before. */
function isRolledBack(error: unknown): boolean {
  const { code } = describe(error);
  return isSqlState(code) && !/^(?:57P|08)/.test(code);
}
