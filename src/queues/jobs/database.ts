import type { Pool, PoolClient, QueryResult } from "pg";
import { abortable } from "../../lib/abort.ts";
import type { Logger } from "../../lib/logger.ts";
import { type ObserveCall, observed, unobserved } from "../../lib/upstream-call.ts";
import type { Row } from "../postgres/database.ts";
import { describe, isConnectionLost, isSqlState, noSubject, toQueueError } from "../postgres/errors.ts";
import { createTurns } from "../postgres/turns.ts";

/** The one way to change anything in a database. Nothing that only reads goes here, but for a look at the job that was or was to be changed. */
export interface ControlDatabase {
  /**
   * Runs the statements in one transaction and gives the rows of each. Rejects with the error of pg, in which case nothing was changed, or with
   * AnswerLost. Ends with nobody's request.
   */
  run(statements: readonly string[]): Promise<readonly (readonly Row[])[]>;
  close(): Promise<void>;
}

/** The connection ended while the change was under way: it may have been done. */
export class AnswerLost extends Error {
  constructor(cause: unknown) {
    super("The connection was lost during the change", { cause });
    this.name = "AnswerLost";
  }
}

/** Total time, milliseconds: waiting for the connection, and the statements. */
const deadlineMs = 15_000;
/** Of it, waiting for the one connection while others change jobs, or the server says nothing. */
const waitMs = 5_000;

/** SET LOCAL, not SET: behind PgBouncer in transaction mode a session is not ours. UTC, because job systems keep UTC in columns without a time zone. */
const prologue = [
  "begin transaction isolation level read committed read write",
  "set local statement_timeout = '5s'",
  "set local lock_timeout = '1s'",
  "set local timezone = 'UTC'",
].join(";\n");

/** A pool of our own, of one connection. Neither pg nor the connection is loaded before the first change. */
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
  /** A connection with a transaction begun: until then nothing can have been changed, and it may be tried again on a new connection. */
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
      // Several statements in one simple query: pg answers with one result for each.
      const results = (await abortable(client.query(text), signal)) as unknown as QueryResult<Row>[];
      reusable = true;
      return statements.map((_, index) => results[index]?.rows ?? []);
    } catch (error) {
      throw isRolledBack(error) ? error : new AnswerLost(error);
    } finally {
      // After a failure the state of the session is unknown: closing it rolls back what was not committed.
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

/** Whether the server itself refused a statement: then it has rolled back. A server that stops (57P) may have committed before. */
function isRolledBack(error: unknown): boolean {
  const { code } = describe(error);
  return isSqlState(code) && !/^(?:57P|08)/.test(code);
}
