import { inject } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueSources } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { createTestDatabase, type TestDatabase } from "./postgres-database.ts";

/** A job as every job system knows it; times are seconds before now, negative in the future. */
export interface Job {
  readonly id?: string | number;
  readonly queue: string;
  readonly state: "waiting" | "running" | "done" | "failed";
  /** When a waiting one may run. @default 1 */
  readonly dueAgo?: number;
  /** When it ended. @default 1 */
  readonly endedAgo?: number;
  readonly error?: string | null;
  /** @default {} */
  readonly args?: object;
}

/** What a kind records; otherwise its numbers are null, or the battery skips the test. */
export interface Abilities {
  /** Rows of successes stay: their rate is exact. Otherwise it must be null without samples. */
  readonly processed: boolean;
  /** Failures stay with their time. Otherwise their number must be null without samples. */
  readonly failures: boolean;
  /** Errors have texts. Else `failures` of the port is empty. */
  readonly errors: boolean;
  /** Ids of 64 bits can be given. */
  readonly bigIds: boolean;
  /** A queue may have any name. */
  readonly anyName: boolean;
  /** A job may wait for a time to come. */
  readonly deferred: boolean;
  /** Which jobs run. */
  readonly active: boolean;
  /** Rows of successes stay. */
  readonly done: boolean;
  /** Arguments can be given, and read. */
  readonly args: boolean;
}

/** A job system that the battery can fill. */
export interface JobBackend {
  readonly config: QueueSourceConfig;
  readonly abilities: Abilities;
  insert(jobs: readonly Job[]): Promise<void>;
  /** Deletes one job, or all. */
  remove?(id: string): Promise<void>;
  clear(): Promise<void>;
  /** Sources over it, without a cache. */
  open(): QueueSources;
  close(): Promise<void>;
  /** For a database: the table that tests lock or rename. */
  readonly sql?: { readonly database: TestDatabase; readonly table: string };
  /** The expected message when its system is missing. */
  readonly unavailable: string;
}

export const allAbilities: Abilities = {
  processed: true,
  failures: true,
  errors: true,
  bigIds: true,
  anyName: true,
  deferred: true,
  active: true,
  done: true,
  args: true,
};

/** A kind of job system, with a table that works like one of its. */
export interface JobTable {
  readonly config: QueueSourceConfig;
  /** Quoted name, with its schema where that is not public. */
  readonly table: string;
  readonly abilities?: Partial<Abilities>;
  insert(jobs: readonly Job[]): Promise<void>;
  /** Table to delete a job from. @default `table` */
  readonly rows?: string;
  /** @default deletes all rows of `table` */
  clear?(): Promise<void>;
}

/** A database of its own with this job system in it. */
export async function createSqlBackend(
  name: string,
  create: (database: TestDatabase) => Promise<JobTable>,
): Promise<JobBackend> {
  const database = await createTestDatabase(inject("postgresUrl"), `battery_${name}`);
  const jobs = await create(database);
  const { config, table } = jobs;
  return {
    config,
    abilities: { ...allAbilities, ...jobs.abilities },
    // One transaction: now() is the same for all.
    insert: async (rows) => {
      await database.query("begin");
      try {
        await jobs.insert(rows);
      } finally {
        await database.query("commit");
      }
    },
    remove: async (id) => void (await database.query(`delete from ${jobs.rows ?? table} where id = $1`, [id])),
    clear: async () => (jobs.clear ? jobs.clear() : void (await database.query(`delete from ${table}`))),
    open: () =>
      createQueueSources({
        databaseUrl: database.url,
        sources: [config],
        detect: false,
        env: "staging",
        logger: silentLogger,
        ttlMs: 0,
      }),
    close: () => database.drop(),
    sql: { database, table },
    unavailable: "postgres_unavailable",
  };
}
