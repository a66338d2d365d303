import type { Pool, PoolClient, QueryResult } from "pg";
import { abortable } from "../../lib/abort.ts";
import type { Logger } from "../../lib/logger.ts";
import { type ObserveCall, observed } from "../../lib/upstream-call.ts";
import { describe, isConnectionLost, noSubject, toQueueError } from "./errors.ts";
import { createTurns } from "./turns.ts";

/** A row of our statements. All values are text, so that 64-bit numbers stay exact. */
export type Row = Readonly<Record<string, string | null>>;

/** Read-only access to one database. */
export interface Database {
  /**
   * Runs one statement in a read-only transaction, in one round trip. Rejects with pg's error or the signal's reason; `toQueueError` turns either into an
   * OpsError.
   */
  read(statement: string, signal: AbortSignal): Promise<readonly Row[]>;
  /** Runs several statements in one transaction and one round trip; returns the rows of each. */
  readAll(statements: readonly string[], signal: AbortSignal): Promise<readonly (readonly Row[])[]>;
  close(): Promise<void>;
}

/** As many connections as the smallest role may open, with a second gateway beside this one. */
const connections = 3;
/** Total time of a read and its retry once it has a connection, milliseconds. Also the longest wait for a connection while the server is silent. */
const readDeadlineMs = 4_000;
/** Longest wait for a connection while the server answers others, milliseconds: a fresh gateway has many reads, a busy server is slow. */
const waitMs = 10_000;

/**
 * SET LOCAL, not SET: behind PgBouncer in transaction mode the session is shared. UTC, because job systems write UTC to columns without a time zone. No JIT:
 * compiling costs more than these statements. Read committed, since one statement is one snapshot; serializable reads would make workers' transactions fail, and a
 * hot standby refuses them. No parallel workers: the server's other processes are for the jobs.
 */
const prologue = [
  "begin transaction isolation level read committed read only",
  "set local statement_timeout = '2s'",
  "set local lock_timeout = '500ms'",
  "set local timezone = 'UTC'",
  "set local jit = off",
  "set local max_parallel_workers_per_gather = 0",
];

/** A pool of our own with a queue before it: callers wait while all connections are in use. pg (50 ms) is loaded, and connects, on the first read. */
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
      client.on("error", () => {}); // A checked-out connection may end between two events; its query then fails.
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
      // Several statements in one simple query: pg returns one result for each.
      const results = (await abortable(client.query(text), signal)) as unknown as QueryResult<Row>[];
      reusable = true;
      return results;
    } finally {
      // After any failure the state of the session is unknown: close it. The server stops what still runs within 2 s.
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

/** Observes the reads of the database. A read and its retry count as one. */
export function observeDatabase(database: Database, observe: ObserveCall): Database {
  return {
    ...database,
    read: (statement, signal) =>
      observed({ observe, upstream: "postgres", signal, toCode }, () => database.read(statement, signal)),
    readAll: (statements, signal) =>
      observed({ observe, upstream: "postgres", signal, toCode }, () => database.readAll(statements, signal)),
  };
}
