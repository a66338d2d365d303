import type { Pool, PoolClient, QueryResult } from "pg";
import { abortable } from "../../lib/abort.ts";
import type { Logger } from "../../lib/logger.ts";
import { type ObserveCall, observed } from "../../lib/upstream-call.ts";
import { describe, isConnectionLost, noSubject, toQueueError } from "./errors.ts";
import { createTurns } from "./turns.ts";

/** A row as our statements make them: everything that is not a name is text too, so that 64-bit numbers stay exact. */
export type Row = Readonly<Record<string, string | null>>;

/** Read-only access to one database. */
export interface Database {
  /**
   * Runs one statement in a read-only transaction, in one round trip. Rejects with the error of pg or with the signal's reason:
   * `toQueueError` makes an OpsError of either.
   */
  read(statement: string, signal: AbortSignal): Promise<readonly Row[]>;
  /** The same of several in one transaction, and one round trip: the rows of each. */
  readAll(statements: readonly string[], signal: AbortSignal): Promise<readonly (readonly Row[])[]>;
  close(): Promise<void>;
}

/** As many as the smallest role may have, with a second gateway beside this one. */
const connections = 3;
/** Total time of a read with its retry once it has a connection, milliseconds; without one it waits so long for a server that answers nobody. */
const readDeadlineMs = 4_000;
/** How long it waits for a connection while the server answers others, milliseconds: a fresh gateway has many questions, a busy server is slow. */
const waitMs = 10_000;

/**
 * SET LOCAL, not SET: behind PgBouncer in transaction mode a session is not ours. UTC, because job systems keep UTC in columns
 * without a time zone. No JIT: compiling costs more than these statements do. Read committed, since one
 * statement is one snapshot: where serializable is the default, our reads would make transactions of workers fail, and a hot standby refuses them. One process of the server for each: the others are for the jobs.
 */
const prologue = [
  "begin transaction isolation level read committed read only",
  "set local statement_timeout = '2s'",
  "set local lock_timeout = '500ms'",
  "set local timezone = 'UTC'",
  "set local jit = off",
  "set local max_parallel_workers_per_gather = 0",
];

/** A pool of our own, with a line before it: whoever comes when all connections are in use waits. Neither pg (50 ms) nor a connection is loaded before the first read. */
export function createDatabase(url: string, logger: Logger): Database {
  let pool: Promise<Pool> | null = null;
  const connectedAt = new WeakMap<PoolClient, number>();
  const turns = createTurns({ connections, silentMs: readDeadlineMs, waitMs });

  const open = async (): Promise<Pool> => {
    const { Pool: PgPool } = await import("pg");
    const opened = new PgPool({
      connectionString: url,
      max: connections,
      connectionTimeoutMillis: 2000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      allowExitOnIdle: true,
      application_name: "wallet-core-ops",
    });
    // Without this listener, the end of an idle connection (a restart of the server) would end our process.
    opened.on("error", (error) => logger.warn(describe(error), "idle PostgreSQL connection lost"));
    opened.on("connect", (client) => {
      connectedAt.set(client, performance.now());
      client.on("error", () => {}); // A checked-out connection may end between two events; its query tells us.
    });
    return opened;
  };

  const connect = async (notBefore: number, signal: AbortSignal): Promise<PoolClient> => {
    pool ??= open();
    for (;;) {
      const client = await abortable(
        pool.then((opened) => opened.connect()),
        signal,
        (late) => late.release(),
      );
      if ((connectedAt.get(client) ?? 0) >= notBefore) return client;
      client.release(true);
    }
  };

  const attempt = async (text: string, notBefore: number, signal: AbortSignal): Promise<QueryResult<Row>[]> => {
    const client = await connect(notBefore, signal);
    let reusable = false;
    try {
      // Several statements in one simple query: pg answers with one result for each.
      const results = (await abortable(client.query(text), signal)) as unknown as QueryResult<Row>[];
      reusable = true;
      return results;
    } finally {
      // After any failure the state of the session is unknown: close it. The server ends what still runs within 2 s.
      client.release(!reusable);
    }
  };

  const run = async (text: string, signal: AbortSignal): Promise<QueryResult<Row>[]> => {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(readDeadlineMs)]);
    try {
      return await attempt(text, 0, limited);
    } catch (error) {
      if (limited.aborted || !isConnectionLost(error)) throw error;
      logger.info(describe(error), "PostgreSQL connection lost, reading again on a new one");
      return attempt(text, performance.now(), limited);
    }
  };
  const readAll: Database["readAll"] = async (statements, signal) => {
    const text = [...prologue, ...statements, "commit"].join(";\n");
    const results = await turns.run(() => run(text, signal), signal);
    return statements.map((_, index) => results[prologue.length + index]?.rows ?? []);
  };

  return {
    read: async (statement, signal) => (await readAll([statement], signal))[0] ?? [],
    readAll,
    close: async () => {
      const opened = await pool?.catch(() => null);
      if (opened && !opened.ended && !opened.ending) await opened.end();
    },
  };
}

const toCode = (error: unknown) => toQueueError(error, noSubject).code;

/** The database, its reads observed: each with its retry is one. */
export function observeDatabase(database: Database, observe: ObserveCall): Database {
  return {
    ...database,
    read: (statement, signal) =>
      observed({ observe, upstream: "postgres", signal, toCode }, () => database.read(statement, signal)),
    readAll: (statements, signal) =>
      observed({ observe, upstream: "postgres", signal, toCode }, () => database.readAll(statements, signal)),
  };
}
