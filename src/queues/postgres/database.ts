import pLimit, { type LimitFunction } from "p-limit";
import type { PoolClient, QueryConfig, QueryResult } from "pg";
import { abortable } from "../../lib/abort.ts";
import { type ClockOffset, createClock, readClock } from "../../lib/clock-skew.ts";
import type { Logger } from "../../lib/logger.ts";
import { type ObserveCall, observed, toDatabaseFacts, unobserved } from "../../lib/upstream-call.ts";
import { describe, isConnectionLost, isSqlState } from "../../lib/postgres/errors.ts";
import { createPool, queryAll, type Row } from "../../lib/postgres/pool.ts";
import { noSubject, toQueueError } from "./errors.ts";

/** Read-only access to one database. */
export interface Database {
  /**
   * Runs one statement in a read-only transaction, in one round trip. Rejects with pg's error or
   * the signal's reason; `toQueueError` turns either into an OpsError.
   */
  read(statement: string, signal: AbortSignal): Promise<readonly Row[]>;
  /** Runs several statements in one transaction and one round trip; returns the rows of each. */
  readAll(statements: readonly string[], signal: AbortSignal): Promise<readonly (readonly Row[])[]>;
  /**
   * As `read`, for a statement that contains text from outside: the server refuses it if it holds a
   * second statement (42601). Takes three round trips.
   */
  readSingle(statement: string, signal: AbortSignal): Promise<readonly Row[]>;
  readonly limits: ReadLimits;
  /**
   * How far its clock is ahead of ours; null until it was asked. Measured along with other reads,
   * at most once in 30 s.
   */
  clockOffset(): ClockOffset | null;
  close(): Promise<void>;
}

/**
 * Limits histories and heavy reads to one connection each, over all sources, because current
 * numbers and failures must not wait for them.
 */
export interface ReadLimits {
  readonly histories: LimitFunction;
  readonly heavyReads: LimitFunction;
}

export function createReadLimits(): ReadLimits {
  return { histories: pLimit(1), heavyReads: pLimit(1) };
}

/**
 * As many connections as the smallest role may open while a second gateway runs beside this one.
 */
const readConnections = 3;
/**
 * Total time of a read and its retry once it has a connection, milliseconds. Also the longest wait
 * for a connection while the server is silent.
 */
const readDeadlineMs = 4_000;
/**
 * Longest wait for a connection while the server answers others, milliseconds: a gateway that has
 * just started has many reads, and a busy server is slow.
 */
const readWaitMs = 10_000;
/** How often the clock of the database is compared with ours, ms. */
const clockMs = 30_000;

/**
 * SET LOCAL, not SET: behind PgBouncer in transaction mode the session is shared. UTC, because job
 * systems write UTC to columns without a time zone. No JIT: compiling costs more than these
 * statements. Read committed, since one statement is one snapshot; serializable reads would make
 * workers' transactions fail, and a hot standby refuses them. No parallel workers: the server's
 * other processes are for the jobs.
 */
const prologue = [
  "begin transaction isolation level read committed read only",
  "set local statement_timeout = '2s'",
  "set local lock_timeout = '500ms'",
  "set local timezone = 'UTC'",
  "set local jit = off",
  "set local max_parallel_workers_per_gather = 0",
];

/** Runs statements on a connection. */
type Query = (client: PoolClient, signal: AbortSignal) => Promise<QueryResult<Row>[]>;

/**
 * Creates a pool with a queue in front of it: callers wait while all connections are in use.
 * Connects on the first read. Observes a read and its retry as one.
 */
export function createDatabase(url: string, logger: Logger, observe: ObserveCall = unobserved): Database {
  const pool = createPool({
    url,
    logger,
    name: "PostgreSQL",
    application: "wallet-core-ops",
    connections: readConnections,
    connectMs: 2000,
    idleMs: 30_000,
  });
  const turns = createTurns({ connections: readConnections, silentMs: readDeadlineMs, waitMs: readWaitMs });

  const clock = createClock(clockMs);
  const attempt = async (query: Query, notBefore: number, signal: AbortSignal): Promise<QueryResult<Row>[]> => {
    const client = await pool.connect(signal, notBefore);
    let reusable = false;
    try {
      await clock.measure(async () => Number((await abortable(client.query<Row>(readClock), signal)).rows[0]?.["now"]));
      const results = await query(client, signal);
      reusable = true;
      return results;
    } finally {
      // After any failure the state of the session is unknown: close it. The server stops what
      // still runs within 2 s.
      client.release(!reusable);
    }
  };

  const run = async (query: Query, signal: AbortSignal): Promise<QueryResult<Row>[]> => {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(readDeadlineMs)]);
    try {
      return await attempt(query, 0, limited);
    } catch (error) {
      if (limited.aborted || !isConnectionLost(error)) throw error;
      logger.info(describe(error), "PostgreSQL connection lost, reading again on a new one");
      return attempt(query, performance.now(), limited);
    }
  };
  const ask = (query: Query, statements: number, signal: AbortSignal) => {
    const facts = () => toDatabaseFacts("postgresql", "SELECT", url, statements);
    return observed({ observe, upstream: "postgres", signal, toCode, facts }, () =>
      turns.run(() => run(query, signal), signal),
    );
  };
  const readAll: Database["readAll"] = async (statements, signal) => {
    const text = [...prologue, ...statements, "commit"].join(";\n");
    const results = await ask((client, limited) => queryAll(client, text, limited), statements.length, signal);
    return statements.map((_, index) => results[prologue.length + index]?.rows ?? []);
  };

  return {
    read: async (statement, signal) => (await readAll([statement], signal))[0] ?? [],
    readAll,
    async readSingle(statement, signal) {
      const results = await ask(
        async (client, limited) => {
          await queryAll(client, prologue.join(";\n"), limited);
          const single: QueryConfig & { readonly queryMode: "extended" } = { text: statement, queryMode: "extended" };
          const result = await abortable(client.query<Row>(single), limited);
          await queryAll(client, "commit", limited);
          return [result];
        },
        1,
        signal,
      );
      return results[0]?.rows ?? [];
    },
    limits: createReadLimits(),
    clockOffset: () => clock.offset(),
    close: () => pool.close(),
  };
}

const toCode = (error: unknown) => toQueueError(error, noSubject).code;

interface TurnsOptions {
  /** How much work runs at once: the number of connections. */
  readonly connections: number;
  /**
   * A caller that waits this long while the server answers no one gets a TimeoutError,
   * milliseconds.
   */
  readonly silentMs: number;
  /**
   * A caller that waits this long while the server answers others gets a ConnectionsBusyError,
   * milliseconds.
   */
  readonly waitMs: number;
}

/** All connections were in use for too long. */
export class ConnectionsBusyError extends Error {
  override readonly name = "ConnectionsBusyError";
}

/**
 * A queue in front of the connections of one database. pg's own pool rejects callers that wait in
 * it, and cannot distinguish a busy server from one that hangs.
 */
export function createTurns({ connections, silentMs, waitMs }: TurnsOptions) {
  const limit = pLimit(connections);
  let answeredAt = -Infinity;
  const noteAnswer = () => {
    answeredAt = performance.now();
  };
  const observe = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const result = await work();
      noteAnswer();
      return result;
    } catch (error) {
      if (isSqlState(describe(error).code)) noteAnswer();
      throw error;
    }
  };
  return {
    /**
     * Runs the work when a connection is free, in call order. Rejects as the work does, with the
     * signal's reason, or as the options say.
     */
    async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
      const since = performance.now();
      const patience = new AbortController();
      const giveUpOnSilence = () => {
        if (answeredAt < since) patience.abort(new DOMException("The server accepts no connection", "TimeoutError"));
      };
      const timers = [
        setTimeout(giveUpOnSilence, silentMs),
        setTimeout(() => patience.abort(new ConnectionsBusyError()), waitMs),
      ];
      const stopWaiting = () => {
        for (const timer of timers) clearTimeout(timer);
      };
      const waiting = AbortSignal.any([signal, patience.signal]);
      const turn = limit(async () => {
        stopWaiting();
        // Skip the work if the caller left while waiting.
        waiting.throwIfAborted();
        return observe(work);
      });
      try {
        return await abortable(turn, waiting);
      } finally {
        stopWaiting();
      }
    },
  };
}
