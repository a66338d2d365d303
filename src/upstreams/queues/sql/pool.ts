import type { Pool, PoolClient, QueryResult } from "pg";
import type { Logger } from "../../../logger.ts";
import { abortable } from "../../../domain/abortable.ts";
import { describe, isConnectionLost } from "./failures.ts";

/** A row as our statements make them: everything that is not a name is text too, so that 64-bit numbers stay exact. */
export type Row = Readonly<Record<string, string | null>>;

/** Read-only access to one database. */
export interface Database {
  /**
   * Runs one statement in a read-only transaction, in one round trip. Rejects with the error of pg or with the signal's reason:
   * `toQueueError` makes an OpsError of either.
   */
  read(statement: string, signal: AbortSignal): Promise<readonly Row[]>;
  close(): Promise<void>;
}

/** Total time of a read with its retry, milliseconds. */
const readDeadlineMs = 4_000;

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

/** A pool of our own, of at most 3 connections. Neither pg (50 ms) nor a connection is loaded before the first read. */
export function createDatabase(url: string, logger: Logger): Database {
  let pool: Promise<Pool> | null = null;
  const connectedAt = new WeakMap<PoolClient, number>();

  const open = async (): Promise<Pool> => {
    const { Pool: PgPool } = await import("pg");
    const opened = new PgPool({
      connectionString: url,
      max: 3,
      connectionTimeoutMillis: 1000,
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

  const attempt = async (text: string, notBefore: number, signal: AbortSignal): Promise<readonly Row[]> => {
    const client = await connect(notBefore, signal);
    let reusable = false;
    try {
      // Several statements in one simple query: pg answers with one result for each.
      const results = (await abortable(client.query(text), signal)) as unknown as QueryResult<Row>[];
      reusable = true;
      return results[prologue.length]?.rows ?? [];
    } finally {
      // After any failure the state of the session is unknown: close it. The server ends what still runs within 2 s.
      client.release(!reusable);
    }
  };

  return {
    read: async (statement, signal) => {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(readDeadlineMs)]);
      const text = [...prologue, statement, "commit"].join(";\n");
      try {
        return await attempt(text, 0, limited);
      } catch (error) {
        if (limited.aborted || !isConnectionLost(error)) throw error;
        logger.info(describe(error), "PostgreSQL connection lost, reading again on a new one");
        return await attempt(text, performance.now(), limited);
      }
    },
    close: async () => {
      const opened = await pool?.catch(() => null);
      if (opened && !opened.ended && !opened.ending) await opened.end();
    },
  };
}
