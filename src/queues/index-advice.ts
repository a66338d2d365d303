import { OpsError, toOpsError } from "../lib/errors.ts";
import { detectBrokers, detectSystems } from "./detect.ts";
import { createDatabase, type Database } from "./postgres/database.ts";
import { toQueueError } from "./postgres/errors.ts";
import { findMissing, type MissingIndex } from "./postgres/indexes.ts";
import { formatTable } from "./postgres/names.ts";
import { findPlace, listPlaces, nameOnlyPlace, type Place, type Places } from "./places.ts";
import { findKind, type QueueSourceConfig } from "./registry.ts";
import type { QueueSourcesOptions } from "./source.ts";

/** The report of `cli indexes` on one source. */
export interface SourceIndexes {
  readonly name: string;
  /**
   * The table's name as people write it; null for a database that could not be searched for
   * sources.
   */
  readonly table: string | null;
  readonly missing: readonly MissingIndex[];
  /** Why it could not be checked; null when it was. */
  readonly obstacle: string | null;
}

/**
 * Finds the indexes that the sources lack, listed by database in the configured order. Creates
 * nothing: every transaction is read-only. A named database that cannot be searched is reported as
 * an obstacle; one without a name rejects with postgres_unavailable.
 */
export async function adviseIndexes(
  options: QueueSourcesOptions,
  signal: AbortSignal,
): Promise<readonly SourceIndexes[]> {
  const { databaseUrl, brokers = noBrokers } = options;
  const places = { databaseUrl, brokers };
  const sources = (options.sources ?? []).map((config, index) => ({
    config: nameOnlyPlace(config, places),
    path: `sources[${index}]`,
  }));
  if (databaseUrl === null) throw new OpsError("postgres_unavailable", "WALLET_CORE_OPS_DATABASE_URL is not set");
  const answers = await Promise.all(
    listPlaces(databaseUrl).map((place) => {
      const own = sources.filter(({ config }) => findPlace(config, [place]) !== null);
      return adviseDatabase(place, own, options, signal);
    }),
  );
  return answers.flat();
}

const noBrokers: Places["brokers"] = { rabbitmq: null, redis: null };

interface AdvisedSource {
  readonly config: QueueSourceConfig;
  /** Its path in QUEUES_FILE; undefined for a detected one. */
  readonly path: string | undefined;
}

async function adviseDatabase(
  { name: place, url }: Place,
  configured: readonly AdvisedSource[],
  options: QueueSourcesOptions,
  signal: AbortSignal,
): Promise<readonly SourceIndexes[]> {
  const { logger, detect = true } = options;
  const database = createDatabase(url, logger);
  const sources = configured.map(({ config }) => config);
  const answers: SourceIndexes[] = [];
  try {
    const taken = [...(options.sources ?? []), ...detectBrokers(options.brokers ?? noBrokers)].map(({ name }) => name);
    const searched = { ...options, sources, taken, database, place, brokers: noBrokers };
    const detected = detect
      ? await detectSystems(searched, signal).catch((error: unknown) => {
          if (place === null) throw error;
          answers.push({ name: place, table: null, missing: [], obstacle: toOpsError(error).message });
          return { configs: [] };
        })
      : { configs: [] };
    const all: readonly AdvisedSource[] = [
      ...configured,
      ...detected.configs.map((config) => ({ config, path: undefined })),
    ];
    for (const { config, path } of all) answers.push(...(await advise(config, { database, path }, signal)));
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
