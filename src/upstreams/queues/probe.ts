import type { SqlSource } from "./sql-source.ts";
import { toOpsError } from "../../errors.ts";
import { type Access, checkAccess } from "./access.ts";
import { detectSources } from "./detection.ts";
import { type Database, createDatabase } from "./pool.ts";
import { createQueueSource } from "./source-kinds.ts";
import type { QueueSourcesOptions } from "./source.ts";

/** One line of `cli check`. */
export interface QueueProbe {
  /** Name of the source, or "queues" for what concerns all of them. */
  readonly name: string;
  readonly ok: boolean;
  /** What was read, or the reason and the remedy. */
  readonly detail: string;
  readonly warnings: readonly string[];
}

/** Reads every source once, with a connection of its own that is closed again. Never rejects. */
export async function probeQueueSources(options: QueueSourcesOptions, signal: AbortSignal): Promise<readonly QueueProbe[]> {
  if (options.databaseUrl === null)
    return [failed("DATABASE_URL is not set: give it the URL of a role with SELECT on the job tables")];
  const database = createDatabase(options.databaseUrl, options.logger);
  try {
    const configs = options.sources ?? (await detectSources(database, signal));
    if (configs.length === 0) return [failed("no river_job table was found: describe your job tables in QUEUES_FILE")];
    const probes: QueueProbe[] = [];
    for (const config of configs) {
      probes.push(await probe(createQueueSource(config, { database, env: options.env }), database, signal));
    }
    return probes;
  } catch (error) {
    return [failed(`${toOpsError(error).message}: check DATABASE_URL`)];
  } finally {
    await database.close();
  }
}

async function probe(source: SqlSource, database: Database, signal: AbortSignal): Promise<QueueProbe> {
  const { name } = source;
  const access = await checkAccess(database, source.table, signal).catch((): Access => ({ obstacle: null, warnings: [] }));
  try {
    const start = performance.now();
    const queues = await source.metrics(signal);
    await source.errors(signal);
    const waiting = queues.reduce((sum, { depth }) => sum + depth, 0);
    const elapsed = Math.round(performance.now() - start);
    return {
      name,
      ok: true,
      detail: `${queues.length} queues, ${waiting} jobs waiting, read in ${elapsed} ms`,
      warnings: access.warnings,
    };
  } catch (error) {
    const { message } = toOpsError(error);
    return {
      name,
      ok: false,
      detail: access.obstacle === null ? message : `${message}: ${access.obstacle}`,
      warnings: access.warnings,
    };
  }
}

function failed(detail: string): QueueProbe {
  return { name: "queues", ok: false, detail, warnings: [] };
}
