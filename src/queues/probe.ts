import { quoteRefusal } from "../lib/postgres/errors.ts";
import type { Row } from "../lib/postgres/pool.ts";
import { toOpsError } from "../lib/errors.ts";
import { formatCount } from "../facts/format.ts";
import { quoteReply } from "../lib/upstream-reply.ts";
import type { Database } from "./postgres/database.ts";
import { noSubject, toQueueError } from "./postgres/errors.ts";
import { formatTable, quoteIdentifier, quoteLiteral, quoteTable, type TableName } from "./postgres/names.ts";
import type { UnsupportedSystem } from "./queue.ts";
import { createQueueSources, type OpenSource, type QueueSourcesOptions } from "./source.ts";

/** One line of `cli check`. */
interface QueueProbe {
  /** Name of the source, or "queues" for a line about all of them. */
  readonly name: string;
  readonly ok: boolean;
  /** What was read, or the reason and the remedy; null where there was nothing to read. */
  readonly detail: string | null;
  readonly warnings: readonly string[];
  /** False where no source is configured. @default true */
  readonly isConfigured?: boolean;
}

const notConfigured: QueueProbe = {
  name: "queues",
  ok: true,
  isConfigured: false,
  detail:
    "not configured: for job tables set WALLET_CORE_OPS_DATABASE_URL to the URL of a role with SELECT on them, for brokers WALLET_CORE_OPS_RABBITMQ_URL or WALLET_CORE_OPS_REDIS_URL",
  warnings: [],
};
const notSet = "WALLET_CORE_OPS_DATABASE_URL is not set: give it the URL of a role with SELECT on the job tables";

/** Reads every source once, over its own connections, which it then closes. Never rejects. */
export async function probeQueueSources(
  options: QueueSourcesOptions,
  signal: AbortSignal,
): Promise<readonly QueueProbe[]> {
  const { databaseUrl, brokers } = options;
  if (databaseUrl === null && !options.sources?.length && !brokers?.rabbitmq && !brokers?.redis) return [notConfigured];
  const opened = createQueueSources(options);
  const { databases } = opened;
  try {
    const problems = new Map(
      await Promise.all(
        databases.map(async (one) => [one, await findProblem(one.database, signal)] as [typeof one, string | null]),
      ),
    );
    const isDown = (database: OpenSource["database"]) => database !== null && (problems.get(database) ?? null) !== null;
    const sources = await opened.all(signal).catch((error: unknown) => {
      if (databases.some(isDown)) return [];
      throw error;
    });
    const unsupported = (await opened.unsupported(signal)).map(toUnsupported);
    // A database that does not answer is reported once, not for each source.
    const lines = databases.flatMap((database) => {
      const problem = problems.get(database) ?? null;
      if (problem !== null) return [failed(problem, database.name)];
      const hasSource = sources.some((source) => source.database === database);
      return database.name === null || hasSource
        ? []
        : [failed(explainEmpty(unsupported, database.name), database.name)];
    });
    if (sources.some(isUnset)) lines.push(failed(notSet));
    const asked = sources.filter((source) => !isUnset(source) && !isDown(source.database));
    if (sources.length === 0 && lines.length === 0) return [failed(explainEmpty(unsupported)), ...unsupported];
    for (const source of asked) lines.push(await probe(source, signal));
    return [...lines, ...unsupported];
  } catch (error) {
    return [
      failed(`${signal.aborted ? "no answer in time" : toOpsError(error).message}: check ${listVariables(options)}`),
    ];
  } finally {
    await opened.close();
  }
}

/** The variables that are set. */
function listVariables({ databaseUrl, brokers }: QueueSourcesOptions): string {
  const names = [
    databaseUrl ? databaseVariable : [],
    brokers?.rabbitmq ? "WALLET_CORE_OPS_RABBITMQ_URL" : [],
    brokers?.redis ? "WALLET_CORE_OPS_REDIS_URL" : [],
  ];
  return names.flat().join(", ");
}

/** Whether the source needs a database and none is configured for it. */
function isUnset({ tables, database }: OpenSource): boolean {
  return tables.length > 0 && database === null;
}

/** Why there is no source, with the remedy. `place`: the database without sources. */
function explainEmpty(unsupported: readonly QueueProbe[], place: string | null = null): string {
  const isOther = unsupported.some(({ name }) => place === null || name.startsWith(`${place}:`));
  const reason = isOther
    ? "no job system was found that can be read:"
    : "no job system was found: check that WALLET_CORE_OPS_DATABASE_URL names the database with the job tables, or";
  return `${reason} describe your job tables in WALLET_CORE_OPS_QUEUES_FILE (docs/queues.md)`;
}

/** Why a database cannot be read at all, with the remedy; null when it answers. */
async function findProblem(database: Database, signal: AbortSignal): Promise<string | null> {
  try {
    await database.read("select 1", signal);
    return null;
  } catch (error) {
    return withRemedy(toQueueError(error, noSubject).message, quoteRefusal(error));
  }
}

const databaseVariable = "WALLET_CORE_OPS_DATABASE_URL";

/**
 * Adds the remedy to a refusal, in which PostgreSQL names our address as it sees it, and the role
 * and database that we requested.
 */
function withRemedy(message: string, refusal: string | null): string {
  if (refusal === null) return withVariable(message, databaseVariable);
  const isEntry = refusal.includes("pg_hba.conf");
  const remedy = `${isEntry ? "allow that host, which is ours, in its pg_hba.conf, or " : ""}check ${databaseVariable}`;
  return `${message}: ${refusal}: ${remedy}`;
}

/** Adds the variable to a message that names none, so that it says where to look. */
function withVariable(message: string, variable: string): string {
  return message.includes("WALLET_CORE_OPS_") ? message : `${message}: check ${variable}`;
}

/** The variable with the URL of what a source is read from. */
function toVariable({ kind, database }: OpenSource): string {
  if (database !== null) return databaseVariable;
  return kind === "rabbitmq" ? "WALLET_CORE_OPS_RABBITMQ_URL" : "WALLET_CORE_OPS_REDIS_URL";
}

async function probe(source: OpenSource, signal: AbortSignal): Promise<QueueProbe> {
  const { name } = source;
  const database = source.database?.database ?? null;
  const accesses = await Promise.all(
    source.tables.map(async (table): Promise<Access> => {
      const unknown = { obstacle: null, warnings: [] };
      return database ? checkAccess(database, table, signal).catch(() => unknown) : unknown;
    }),
  );
  const toWarnings = () => [
    ...new Set([...accesses.flatMap((access) => access.warnings), ...(source.warnings?.() ?? [])]),
  ];
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
      detail: `${formatCount(queues.length, "queue")}, ${formatCount(waiting, "job")} waiting, read in ${elapsed} ms`,
      warnings: toWarnings(),
    };
  } catch (error) {
    const { message, cause } = toOpsError(error);
    const said = quoteReply(cause) ?? quoteRefusal(cause);
    const obstacle = accesses.find((access) => access.obstacle !== null)?.obstacle ?? null;
    const failure = said === null ? message : `${message}: ${said}`;
    // An obstacle has its own remedy.
    const detail =
      said === null && obstacle !== null ? `${message}: ${obstacle}` : withVariable(failure, toVariable(source));
    return { name, ok: false, detail, warnings: toWarnings() };
  }
}

/** The line is ok: an unsupported system is only a warning. */
function toUnsupported({ name, reason }: UnsupportedSystem): QueueProbe {
  return { name, ok: true, detail: null, warnings: [`found, not supported, because ${reason}`] };
}

/** A failed line: about the database of this name, else about all sources. */
function failed(detail: string, place: string | null = null): QueueProbe {
  return { name: place ?? "queues", ok: false, detail, warnings: [] };
}

/** The rights of the DATABASE_URL role on a table. */
interface Access {
  /** Why it cannot be read, with the remedy; null when it can. */
  readonly obstacle: string | null;
  /** What the owner should know even though the table can be read. */
  readonly warnings: readonly string[];
}

/**
 * Reads pg_catalog, which every role may read. It does not touch the table, so a lock on the table
 * does not matter.
 */
function accessStatement({ schema, table }: TableName): string {
  return `
select current_user::text as role, namespace.nspname::text as schema,
       has_schema_privilege(namespace.oid, 'usage')::text as usable,
       has_any_column_privilege(class.oid, 'select')::text as readable,
       has_table_privilege(class.oid, 'insert, update, delete, truncate')::text as writable,
       row_security_active(class.oid)::text as filtered
from pg_catalog.pg_class as class join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relname = ${quoteLiteral(table)} and class.relkind in ('r', 'p', 'v', 'm', 'f')
  and ${schema === null ? "pg_catalog.pg_table_is_visible(class.oid)" : `namespace.nspname = ${quoteLiteral(schema)}`}`;
}

/** Checks the rights. Rejects as `Database.read` does. */
export async function checkAccess(database: Database, table: TableName, signal: AbortSignal): Promise<Access> {
  const [row] = await database.read(accessStatement(table), signal);
  if (!row)
    return {
      obstacle: `there is no table ${formatTable(table)} in this database: correct WALLET_CORE_OPS_QUEUES_FILE`,
      warnings: [],
    };
  return { obstacle: findObstacle(row, table.table), warnings: findWarnings(row, formatTable(table)) };
}

function findObstacle(row: Row, table: string): string | null {
  const schema = row["schema"] ?? "";
  const role = quoteIdentifier(row["role"] ?? "");
  const grants = [
    row["usable"] === "true" ? [] : [`grant usage on schema ${quoteIdentifier(schema)} to ${role};`],
    row["readable"] === "true" ? [] : [`grant select on ${quoteTable({ schema, table })} to ${role};`],
  ].flat();
  return grants.length === 0 ? null : `the role has no right to read it; as the owner: ${grants.join(" ")}`;
}

function findWarnings(row: Row, table: string): string[] {
  return [
    row["writable"] === "true" ? [`role ${row["role"]} may write to ${table}: use a role with SELECT only`] : [],
    row["filtered"] === "true" ? [`row-level security hides rows of ${table}: grant BYPASSRLS, or read a view`] : [],
  ].flat();
}
