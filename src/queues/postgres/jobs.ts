import { describe } from "../../lib/postgres/errors.ts";
import type { Row } from "../../lib/postgres/pool.ts";
import { OpsError } from "../../lib/errors.ts";
import { cutMargin, redactStart } from "../../lib/redact/sanitize.ts";
import { errorReadLimit, toErrorText } from "../errors.ts";
import {
  argsLimit,
  attemptsLimit,
  type Job,
  type JobArgs,
  type JobAttempt,
  type JobPlace,
  type JobReader,
  type JobsQuery,
  type JobState,
  type PlacedJob,
  traceLimit,
} from "../job.ts";
import { type JobRef, uuidId } from "../jobs/control.ts";
import type { Database } from "./database.ts";
import { toQueueError } from "./errors.ts";
import { type JobQuery, selectRaw } from "./job-query.ts";
import { formatTable, quoteLiteral } from "./names.ts";
import { explain, toCost, toPlan } from "./planner.ts";
import { heavyCost } from "./reads.ts";
import { toTimeText } from "./sql.ts";
import { toNumber } from "./statements.ts";

interface JobReaderOptions {
  /** Name of the source. */
  readonly source: string;
  readonly database: Pick<Database, "read" | "readAll">;
  readonly query: JobQuery;
  /** Makes the query for the actual columns; rejects with an OpsError. @default `query` */
  readonly prepare?: (() => Promise<JobQuery>) | undefined;
  /** Highest cost of a statement, in the planner's units. @default heavyCost */
  readonly cost?: number | undefined;
}

/** Limits for any id: text that PostgreSQL can store, no longer than real keys. */
const anyId = /^[^\0\p{Cs}]{1,200}$/u;
const largestBigint = 2n ** 63n - 1n;

/**
 * Reads jobs with the query of their system. Refuses to run a statement whose plan would scan much
 * of a huge table.
 */
export function createJobReader({ prepare, ...options }: JobReaderOptions): JobReader {
  const reader = createReader(options);
  if (!prepare) return reader;
  const ready = async () => createReader({ ...options, query: await prepare() });
  return {
    find: async (keys, signal) => (await ready()).find(keys, signal),
    page: async (asked, signal) => (await ready()).page(asked, signal),
    attempts: async (jobs, signal) => (await ready()).attempts(jobs, signal),
    ...(reader.args && { args: async (jobs, signal) => (await (await ready()).args?.(jobs, signal)) ?? [] }),
  };
}

function createReader({
  source,
  database,
  query,
  cost: mostCost = heavyCost,
}: Omit<JobReaderOptions, "prepare">): JobReader {
  const upstream = `queues:${source}`;
  const table = formatTable(query.table);
  const refuse = (message: string) => new OpsError("invalid_request", message, { upstream });
  const asOpsError = (error: unknown): never => {
    throw toQueueError(error, { source, table, sql: JSON.stringify(query) });
  };
  /** Runs the cheapest of the statements, which all return the same rows. */
  const read = async (ways: readonly string[], advice: string, signal: AbortSignal): Promise<readonly Row[]> => {
    const plans = await database.readAll(ways.map(explain), signal);
    const costs = plans.map((rows) => toCost(toPlan(rows)));
    const least = Math.min(...costs);
    if (least > mostCost)
      throw new OpsError("query_refused", `This would read too much of the huge table ${table}: ${advice}`, {
        upstream,
      });
    return database.read(ways[costs.indexOf(least)] ?? "", signal);
  };
  /** Reads rows of jobs that were found before, so their ids are valid. */
  const readOf = async (jobs: readonly Job[], select: (condition: string) => string, signal: AbortSignal) => {
    const rows = await read([select(toCondition(query, jobs))], adviseIndex(query, null), signal);
    return Map.groupBy(rows, toRowKey);
  };
  const checkId = (id: string): OpsError | null => {
    const isValid =
      anyId.test(id) && (query.idFormat?.pattern.test(id) ?? true) && !(/^\d+$/.test(id) && isTooLarge(id, query));
    return isValid ? null : refuse(`id must be ${query.idFormat?.expected ?? "1 to 200 characters"} in this source`);
  };
  const findValid = async (
    keys: readonly JobRef[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly Job[]>> => {
    if (keys.length === 0) return new Map();
    const rows = await read([selectJobs(query, toCondition(query, keys))], adviseIndex(query, null), signal);
    return Map.groupBy(
      rows.map((row) => toJob(row, source)),
      ({ jobId }) => jobId,
    );
  };

  const find: JobReader["find"] = async (keys, signal) => {
    const refusals = keys.map(({ jobId }) => checkId(jobId));
    const valid = keys.filter((_, index) => refusals[index] === null);
    try {
      const found = await findValid(valid, signal);
      return keys.map((key, index) => refusals[index] ?? pickJob(key, found, refuse));
    } catch (error) {
      // Only the database knows the type of the ids, and it refuses all of them because of one.
      if (!valid.some(({ jobId }) => isRefused(error, jobId))) return asOpsError(error);
      if (keys.length === 1) return [refuse("id is not of the type that the ids of this source have")];
      return (await Promise.all(keys.map((key) => find([key], signal)))).flat();
    }
  };
  return {
    find,
    async page(asked, signal) {
      const places = [asked.after, asked.before].filter((place) => place !== null);
      const by = toOrder(query, asked.state);
      if (places.some(({ id, time }) => checkId(id) !== null || (time === "") !== (by === null)))
        throw refuse("The cursor is not of this list");
      if (asked.state !== null && query.states[asked.state] === undefined) return [];
      const rows = await read(selectPage(query, asked), adviseIndex(query, asked), signal).catch((error: unknown) => {
        if (places.some(({ id, time }) => isRefused(error, id) || isRefused(error, time)))
          throw refuse("The cursor is not of this list");
        return asOpsError(error);
      });
      return rows.map((row) => toPlaced(row, source));
    },
    async attempts(jobs, signal) {
      const found = await readOf(jobs, (condition) => selectAttemptRows(query, condition), signal).catch(asOpsError);
      return jobs.map((job) => (found.get(toJobKey(job)) ?? []).map((row) => toAttempt(row, query)));
    },
    ...(query.args !== undefined && {
      async args(jobs, signal) {
        const found = await readOf(jobs, (condition) => selectArgs(query, condition), signal).catch(
          (error: unknown) => {
            if (describe(error).code !== "42501") return asOpsError(error);
            const column = (query.args ?? "").replace(/^job\./, "");
            throw new OpsError(
              "schema_mismatch",
              `The database role may not read the arguments of jobs, column ${column} of table ${table}`,
              {
                upstream,
              },
            );
          },
        );
        return jobs.map((job) => toArgs(found.get(toJobKey(job))?.[0]));
      },
    }),
  };
}

/** Whether a whole number is larger than any id, so that PostgreSQL would refuse the statement. */
function isTooLarge(id: string, { idFormat }: JobQuery): boolean {
  return idFormat !== null && BigInt(id) > largestBigint;
}

/** Whether the database could not parse this value, which its message quotes. */
function isRefused(error: unknown, value: string): boolean {
  const { code, message } = describe(error);
  return ["22P02", "22003", "22007", "22008"].includes(code) && message.includes(`"${value}"`);
}

function pickJob(
  { jobId, queue }: JobRef,
  found: ReadonlyMap<string, readonly Job[]>,
  refuse: (message: string) => OpsError,
): Job | Error | null {
  const own = (found.get(jobId) ?? found.get(toStored(jobId)) ?? []).filter(
    (job) => queue === null || job.queue === queue,
  );
  return own.length > 1 ? refuse("Several queues have a job of this id: name one") : (own[0] ?? null);
}

/** A UUID or a number as PostgreSQL writes it; other ids are unchanged. */
function toStored(id: string): string {
  return uuidId.pattern.test(id) ? id.toLowerCase() : id.replace(/^0+(?=\d+$)/, "");
}

/** A unique key of a job, because ids are unique only within a queue. */
function toJobKey({ jobId, queue }: JobRef): string {
  return JSON.stringify([jobId, queue]);
}

function toRowKey(row: Row): string {
  return toJobKey({ jobId: row["id"] ?? "", queue: row["queue"] ?? "" });
}

/** The condition that finds these jobs. */
function toCondition({ id, lookup = (ids) => `${id} in (${ids})` }: JobQuery, keys: readonly JobRef[]): string {
  const queues = keys.map(({ queue }) => queue);
  return lookup(listLiterals(keys.map(({ jobId }) => jobId)), queues.includes(null) ? null : listLiterals(queues));
}

function listLiterals(values: readonly (string | null)[]): string {
  return [...new Set(values)].map((value) => quoteLiteral(value ?? "")).join(", ");
}

/** The time that a list is ordered by; null: by ids. */
function toOrder({ order = {} }: JobQuery, state: JobState | null): string | null {
  return (state === null ? null : order[state]) ?? order.any ?? null;
}

const formatted = [
  "id::text as id, placed_at::text as placed_at, queue, system_state, state, kind, priority::text as priority, attempt::text as attempt, max_attempts::text as max_attempts, worker, host",
  ...["created_at", "scheduled_at", "started_at", "finished_at"].map((name) => `${toTimeText(name)} as ${name}`),
].join(", ");

function selectJobs(query: JobQuery, condition: string): string {
  const { from, where = "true" } = query;
  return `select ${formatted} from (select ${selectRaw(query, null)} from ${from} where ${where} and ${condition}) as row`;
}

/**
 * Makes two statements that find a page. One reads in the order of an index, which is cheap where
 * most rows match; the other reads all matching rows by an index on the state or queue, which is
 * cheap where they are few. The planner alone would choose the first, assuming that it finds enough
 * rows early. Only the rows of the page are read in full.
 */
function selectPage(query: JobQuery, { queue, state, after, before, inverted, limit }: JobsQuery): readonly string[] {
  const { from, id, where = "true" } = query;
  const by = toOrder(query, state);
  const beyond = (place: JobPlace | null, sign: "<" | ">") => {
    if (place === null) return [];
    const last = quoteLiteral(place.id);
    return [by === null ? `${id} ${sign} ${last}` : `(${by}, ${id}) ${sign} (${quoteLiteral(place.time)}, ${last})`];
  };
  const conditions = [
    where,
    ...(state === null ? [] : [query.states[state] ?? "false"]),
    ...(queue === null ? [] : [`${query.queue} = ${quoteLiteral(queue)}`]),
    ...(by === null ? [] : [`${by} is not null`]),
    ...beyond(after, "<"),
    ...beyond(before, ">"),
  ].map((condition) => `(${condition})`);
  const toOrderBy = (...columns: readonly (string | null)[]) =>
    `order by ${columns.flatMap((name) => name ?? []).join(`${inverted ? "" : " desc"}, `)}${inverted ? "" : " desc"}`;
  const placed = by === null ? null : "placed_at";
  const matching = `select ${query.queue} as queue, ${id} as id, ${by ?? "null::text"} as placed_at from ${from} where ${conditions.join(" and ")}`;
  const read = `
select ${formatted} from (
  select ${selectRaw(query, by)} from ${from} where ${where} and (${query.queue}, ${id}) in (select queue, id from picked)
) as row ${toOrderBy(placed && `row.${placed}`, "row.id")}`;
  return [
    `with picked as (${matching} ${toOrderBy(by, id)} limit ${limit})${read}`,
    `with matching as materialized (${matching}), picked as (select * from matching ${toOrderBy(placed, "id")} limit ${limit})${read}`,
  ];
}

function selectAttemptRows({ from, id, queue, where = "true", attempts }: JobQuery, condition: string): string {
  return `
select ${id}::text as id, ${queue} as queue, attempt.number::text as number, ${toTimeText("attempt.at")} as at, ${toTimeText("attempt.started_at")} as started_at,
       left(attempt.error, ${errorReadLimit}) as error, left(attempt.trace, ${traceLimit + cutMargin}) as trace, attempt.worker, attempt.host
from ${from} cross join lateral (
  select * from (${attempts}) as failed order by number desc nulls last, at desc limit ${attemptsLimit}
) as attempt
where ${where} and ${condition} order by attempt.number desc nulls last, attempt.at desc`;
}

function selectArgs({ from, id, queue, where = "true", args }: JobQuery, condition: string): string {
  return `
select ${id}::text as id, ${queue} as queue, left(${args}::text, ${argsLimit + cutMargin}) as args, (length(${args}::text) > ${argsLimit})::text as cut
from ${from} where ${where} and ${condition}`;
}

/**
 * What to do where no index serves a list, or, if `asked` is null, the look-up of jobs by their
 * ids.
 */
function adviseIndex(query: JobQuery, asked: JobsQuery | null): string {
  const { id, queue, systemState, table, indexWhere } = query;
  const columns =
    asked === null
      ? [id]
      : [
          asked.queue === null ? "" : queue,
          asked.state === null ? "" : systemState,
          toOrder(query, asked.state) ?? "",
          id,
        ];
  const names = columns.flatMap((column) => /^job\.("(?:[^"]|"")+"|\w+)(?:::text)?$/.exec(column)?.[1] ?? []);
  const index = `an index on ${formatTable(table)} (${names.join(", ")})${indexWhere === undefined ? "" : ` where ${indexWhere}`} would serve it`;
  return asked === null || (asked.queue !== null && asked.state !== null)
    ? index
    : `name a queue and a state; ${index}`;
}

function toJob(row: Row, source: string): Job {
  const text = (name: string) => row[name] || null;
  return {
    source,
    queue: row["queue"] ?? "",
    jobId: row["id"] ?? "",
    kind: text("kind"),
    state: text("state") as JobState | null,
    systemState: row["system_state"] ?? "",
    priority: toNumber(row["priority"]),
    createdAt: text("created_at"),
    scheduledAt: text("scheduled_at"),
    startedAt: text("started_at"),
    finishedAt: text("finished_at"),
    attempt: toNumber(row["attempt"]),
    maxAttempts: toNumber(row["max_attempts"]),
    worker: text("worker"),
    host: text("host"),
  };
}

function toPlaced(row: Row, source: string): PlacedJob {
  return { ...toJob(row, source), place: { time: row["placed_at"] ?? "", id: row["id"] ?? "" } };
}

function toAttempt(row: Row, { errorLimit = Infinity }: JobQuery): JobAttempt {
  const { number, at, started_at: startedAt, error, trace, worker, host } = row;
  const text = error ?? "";
  return {
    number: toNumber(number),
    at: at || null,
    startedAt: startedAt || null,
    error: toErrorText(text.trimStart(), text.length >= errorLimit),
    trace: (trace && redactStart(trace, traceLimit)) || null,
    worker: worker || null,
    host: host || null,
  };
}

function toArgs(row: Row | undefined): JobArgs | null {
  const text = row?.["args"] ?? null;
  return text === null ? null : { text: redactStart(text, argsLimit), truncated: row?.["cut"] === "true" };
}
