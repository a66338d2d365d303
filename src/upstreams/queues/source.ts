import type { Environment } from "../../domain/environment.ts";
import type { QueueSource, QueueSources } from "../../domain/queue.ts";
import { OpsError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { createFlight } from "./abortable.ts";
import { detectSources } from "./detection.ts";
import { toQueueError } from "./failures.ts";
import { type Database, createDatabase } from "./pool.ts";
import { type QueueSourceConfig, createQueueSource } from "./source-kinds.ts";

export interface QueueSourcesOptions {
  /** Null: `all` rejects with queues_unavailable. */
  readonly databaseUrl: string | null;
  /** From QUEUES_FILE; null without one: job systems are detected. */
  readonly sources: readonly QueueSourceConfig[] | null;
  /** Environment of the sources that name none. */
  readonly env: Environment | null;
  readonly logger: Logger;
}

/** While nothing has been detected, the database is asked again after this time, milliseconds. */
const detectAgainMs = 60_000;

/** The queue sources of one database, behind one pool. Nothing is connected before the first call. */
export function createQueueSources(options: QueueSourcesOptions): QueueSources {
  if (options.databaseUrl === null) {
    return {
      all: () => Promise.reject(new OpsError("queues_unavailable", "DATABASE_URL is not set")),
      close: () => Promise.resolve(),
    };
  }
  const database = createDatabase(options.databaseUrl, options.logger);
  const toSource = (config: QueueSourceConfig) => createQueueSource(config, { database, env: options.env });
  const configured = options.sources?.map(toSource);
  const all = configured ? () => Promise.resolve(configured) : createDetector(database, toSource, options.logger);
  return { all, close: () => database.close() };
}

function createDetector(
  database: Database,
  toSource: (config: QueueSourceConfig) => QueueSource,
  logger: Logger,
): QueueSources["all"] {
  let detected: readonly QueueSource[] = [];
  let askAgainAt = 0;
  const detect = createFlight(async (signal) => {
    detected = (await detectSources(database, signal)).map(toSource);
    askAgainAt = performance.now() + detectAgainMs;
    if (detected.length > 0) logger.info({ sources: detected.map(({ name }) => name) }, "queue sources detected");
    return detected;
  });
  return (signal) =>
    detected.length > 0 || performance.now() < askAgainAt
      ? Promise.resolve(detected)
      : detect(signal).catch((error: unknown) => {
          throw toQueueError(error, { source: null, table: "pg_class", columns: [] });
        });
}
