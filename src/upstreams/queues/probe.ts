import type { UnsupportedSystem } from "../../domain/queue.ts";
import { toOpsError } from "../../errors.ts";
import type { KindSource } from "./kind.ts";
import { type QueueSourcesOptions, openQueueSources } from "./source.ts";
import { type Access, checkAccess } from "./sql/access.ts";
import { describe, noSubject, toQueueError } from "./sql/failures.ts";
import type { Database } from "./sql/pool.ts";

/** One line of `cli check`. */
export interface QueueProbe {
  /** Name of the source, or "queues" for what concerns all of them. */
  readonly name: string;
  readonly ok: boolean;
  /** What was read, or the reason and the remedy; null where there is nothing to read. */
  readonly detail: string | null;
  readonly warnings: readonly string[];
}

const notSet = "DATABASE_URL is not set: give it the URL of a role with SELECT on the job tables";

/** Reads every source once, with a connection of its own that is closed again. Never rejects. */
export async function probeQueueSources(options: QueueSourcesOptions, signal: AbortSignal): Promise<readonly QueueProbe[]> {
  const { databaseUrl, brokers } = options;
  if (databaseUrl === null && !options.sources?.length && !brokers?.rabbitmq && !brokers?.redis) return [failed(notSet)];
  const opened = openQueueSources(options);
  try {
    const problem = await findProblem(options, opened.database, signal);
    const sources = await opened.all(signal).catch((error: unknown) => {
      if (problem !== null) return [];
      throw error;
    });
    // Of a database that does not answer, once and not for each of its sources.
    const asked = problem === null ? sources : sources.filter(({ tables }) => tables.length === 0);
    const isNeeded = problem !== null && (databaseUrl !== null || asked.length < sources.length);
    const unsupported = (await opened.unsupported(signal)).map(toUnsupported);
    if (sources.length === 0 && !isNeeded) {
      const which = unsupported.length === 0 ? "" : " that can be read";
      return [failed(`no job system was found${which}: describe your job tables in QUEUES_FILE`), ...unsupported];
    }
    const probes: QueueProbe[] = isNeeded ? [failed(problem)] : [];
    for (const source of asked) probes.push(await probe(source, opened.database, signal));
    return [...probes, ...unsupported];
  } catch (error) {
    return [failed(`${toOpsError(error).message}: check DATABASE_URL`)];
  } finally {
    await opened.close();
  }
}

/** Why the database cannot be asked at all, with the remedy; null when it answers. */
async function findProblem(
  { databaseUrl }: QueueSourcesOptions,
  database: Database,
  signal: AbortSignal,
): Promise<string | null> {
  if (databaseUrl === null) return notSet;
  try {
    await database.read("select 1", signal);
    return null;
  } catch (error) {
    const { message } = toQueueError(error, noSubject);
    const { code } = describe(error);
    const reason = message === "PostgreSQL cannot be reached" && code !== "" ? ` (${code})` : "";
    return `${message}${reason}: check DATABASE_URL`;
  }
}

async function probe(source: KindSource, database: Database, signal: AbortSignal): Promise<QueueProbe> {
  const { name } = source;
  const accesses = await Promise.all(
    source.tables.map((table) =>
      checkAccess(database, table, source.kind === "table", signal).catch((): Access => ({ obstacle: null, warnings: [] })),
    ),
  );
  const toWarnings = () => [...new Set([...accesses.flatMap((access) => access.warnings), ...(source.warnings?.() ?? [])])];
  try {
    const start = performance.now();
    const queues = await source.metrics(signal);
    await source.failures(signal);
    await source.control?.verify();
    const waiting = queues.reduce((sum, { depth }) => sum + depth, 0);
    const elapsed = Math.round(performance.now() - start);
    return {
      name,
      ok: true,
      detail: `${queues.length} queues, ${waiting} jobs waiting, read in ${elapsed} ms`,
      warnings: toWarnings(),
    };
  } catch (error) {
    const { message } = toOpsError(error);
    const obstacle = accesses.find((access) => access.obstacle !== null)?.obstacle;
    return { name, ok: false, detail: obstacle ? `${message}: ${obstacle}` : message, warnings: toWarnings() };
  }
}

/** Nothing is wrong with it. */
function toUnsupported({ name, reason }: UnsupportedSystem): QueueProbe {
  return { name, ok: true, detail: null, warnings: [`found, not supported, because ${reason}`] };
}

function failed(detail: string): QueueProbe {
  return { name: "queues", ok: false, detail, warnings: [] };
}
