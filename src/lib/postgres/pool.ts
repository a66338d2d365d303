import type { Pool, PoolClient, QueryResult } from "pg";
import { abortable } from "../abort.ts";
import type { Logger } from "../logger.ts";
import { describe } from "./errors.ts";

/** A row of a simple query. All values are text, so that 64-bit numbers stay exact. */
export type Row = Readonly<Record<string, string | null>>;

interface PoolOptions {
  readonly url: string;
  readonly logger: Logger;
  /** For the log. */
  readonly name: string;
  /** `application_name` of its sessions. */
  readonly application: string;
  readonly connections: number;
  readonly connectMs: number;
  readonly idleMs: number;
}

/** Loads pg (50 ms), and connects, on the first call. */
export function createPool({ url, logger, name, application, connections: max, connectMs, idleMs }: PoolOptions) {
  let pool: Promise<Pool> | null = null;
  const connectedAt = new WeakMap<PoolClient, number>();
  const open = async (): Promise<Pool> => {
    const { Pool: PgPool } = await import("pg");
    const opened = new PgPool({
      connectionString: url,
      max,
      connectionTimeoutMillis: connectMs,
      idleTimeoutMillis: idleMs,
      keepAlive: true,
      allowExitOnIdle: true,
      application_name: application,
    });
    // Without this listener, the end of an idle connection (a restart of the server) would end our
    // process.
    opened.on("error", (error) => logger.warn(describe(error), `idle ${name} connection lost`));
    opened.on("connect", (client) => {
      connectedAt.set(client, performance.now());
      client.on("error", () => {}); // A checked-out connection may end between two events; its query then fails.
    });
    return opened;
  };
  return {
    /**
     * A connection that was opened at this time or later (`performance.now()`). The caller releases
     * it.
     */
    async connect(signal: AbortSignal, notBefore = 0): Promise<PoolClient> {
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
    },
    async close(): Promise<void> {
      const opened = await pool?.catch(() => null);
      if (opened && !opened.ended && !opened.ending) await opened.end();
    },
  };
}

/** Several statements in one simple query: pg returns one result for each. */
export async function queryAll(client: PoolClient, text: string, signal: AbortSignal): Promise<QueryResult<Row>[]> {
  return (await abortable(client.query(text), signal)) as unknown as QueryResult<Row>[];
}
