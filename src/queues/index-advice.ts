import { OpsError, toOpsError } from "../lib/errors.ts";
import { detectSystems } from "./detect.ts";
import { createDatabase, type Database } from "./postgres/database.ts";
import { toQueueError } from "./postgres/errors.ts";
import { findMissing, type MissingIndex } from "./postgres/indexes.ts";
import { formatTable } from "./postgres/names.ts";
import { findKind, type QueueSourceConfig } from "./registry.ts";
import type { QueueSourcesOptions } from "./source.ts";

/** The report of `cli indexes` on one source. */
export interface SourceIndexes {
  readonly name: string;
  /** Its name as people write it. */
  readonly table: string;
  readonly missing: readonly MissingIndex[];
  /** Why it could not be checked; null when it was. */
  readonly obstacle: string | null;
}

/** Finds the indexes that the sources lack. Creates nothing: every transaction is read-only. Rejects with postgres_unavailable. */
export async function adviseIndexes(
  options: QueueSourcesOptions,
  signal: AbortSignal,
): Promise<readonly SourceIndexes[]> {
  const { databaseUrl, logger } = options;
  if (databaseUrl === null) throw new OpsError("postgres_unavailable", "WALLET_CORE_OPS_DATABASE_URL is not set");
  const database = createDatabase(databaseUrl, logger);
  try {
    const { sources = [], detect = true } = options;
    const brokers = { rabbitmq: null, redis: null };
    const detected = detect ? (await detectSystems({ ...options, database, brokers }, signal)).configs : [];
    const answers: SourceIndexes[] = [];
    for (const [index, config] of [...sources, ...detected].entries()) {
      answers.push(
        ...(await advise(config, { database, path: index < sources.length ? `sources[${index}]` : undefined }, signal)),
      );
    }
    return answers;
  } finally {
    await database.close();
  }
}

async function advise(
  config: QueueSourceConfig,
  { database, path }: { readonly database: Database; readonly path: string | undefined },
  signal: AbortSignal,
): Promise<readonly SourceIndexes[]> {
  const kind = findKind(config);
  const answers: SourceIndexes[] = [];
  let obstacle: string | null = null;
  const complete = await kind.prepare?.(config, { database, path }, signal).catch((error: unknown) => {
    obstacle = toOpsError(error).message;
    return config;
  });
  const byTable = Map.groupBy(kind.indexes?.(complete ?? config) ?? [], ({ table }) => formatTable(table));
  if (obstacle !== null)
    return [...byTable.keys()].map((table) => ({ name: config.name, table, missing: [], obstacle }));
  for (const [table, own] of byTable) {
    const found = await findMissing(own, (statement) => database.read(statement, signal)).catch((error: unknown) => ({
      obstacle: toQueueError(error, { source: null, table, sql: "" }).message,
    }));
    answers.push({ name: config.name, table, missing: [], obstacle: null, ...found });
  }
  return answers;
}
