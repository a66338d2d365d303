import { toOpsError } from "../../errors.ts";
import type { KindSource } from "./kind.ts";
import { type QueueSourcesOptions, openQueueSources } from "./source.ts";
import { type Access, checkAccess } from "./sql/access.ts";
import type { Database } from "./sql/pool.ts";

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
  const { databaseUrl, brokers } = options;
  if (databaseUrl === null && !options.sources?.length && !brokers?.rabbitmq && !brokers?.redis)
    return [failed("DATABASE_URL is not set: give it the URL of a role with SELECT on the job tables")];
  const opened = openQueueSources(options);
  try {
    const sources = await opened.all(signal);
    if (sources.length === 0) return [failed("no job system was found: describe your job tables in QUEUES_FILE")];
    const probes: QueueProbe[] = [];
    for (const source of sources) probes.push(await probe(source, opened.database, signal));
    return probes;
  } catch (error) {
    return [failed(`${toOpsError(error).message}: check DATABASE_URL`)];
  } finally {
    await opened.close();
  }
}

async function probe(source: KindSource, database: Database, signal: AbortSignal): Promise<QueueProbe> {
  const { name } = source;
  const accesses = await Promise.all(
    source.tables.map((table) => checkAccess(database, table, signal).catch((): Access => ({ obstacle: null, warnings: [] }))),
  );
  const warnings = [...new Set(accesses.flatMap((access) => access.warnings))];
  try {
    const start = performance.now();
    const queues = await source.metrics(signal);
    await source.failures(signal);
    await source.control?.verify();
    const waiting = queues.reduce((sum, { depth }) => sum + depth, 0);
    const elapsed = Math.round(performance.now() - start);
    return { name, ok: true, detail: `${queues.length} queues, ${waiting} jobs waiting, read in ${elapsed} ms`, warnings };
  } catch (error) {
    const { message } = toOpsError(error);
    const obstacle = accesses.find((access) => access.obstacle !== null)?.obstacle;
    return { name, ok: false, detail: obstacle ? `${message}: ${obstacle}` : message, warnings };
  }
}

function failed(detail: string): QueueProbe {
  return { name: "queues", ok: false, detail, warnings: [] };
}
