import type { JobRef, JobStatements } from "../../jobs/control.ts";
import type { HistoryRows, ToWorkerColumn } from "../../postgres/history.ts";
import { isOneOf, quoteIdentifier, quoteLiteral, quoteTable, toTableName } from "../../postgres/names.ts";
import { createSqlSource } from "../../postgres/source.ts";
import { type IndexAdvice, type Measure, toWays, uniteReadings } from "../../postgres/statements.ts";
import { defineKind, type KindContext, type KindSource } from "../../system.ts";
import { column, errorText, inLastMinutes, isOwn, type TableMapping, timeColumn, toFrom, toTime } from "./columns.ts";
import { isIndexable } from "./condition.ts";
import { has, type Status, tableConfig, type TableSourceConfig } from "./config.ts";
import { tableJobs } from "./jobs.ts";
import { assumesUtc, createPrepared, prepareMapping } from "./prepare.ts";
import { isStatus, isWaiting, tableStatements, toHost, toQueue, withoutDiscarded } from "./sql.ts";

/**
 * Jobs in a table of the application's own. Such a table records no attempts, so failures are the
 * jobs that *ended* failed. A job that failed and went back to waiting, with its last error still
 * in the row, is not counted.
 */
export const tableKind = defineKind({
  kind: "table",
  config: tableConfig,
  create: createTableSource,
  prepare: async (config, context, signal) => (await prepareMapping(config, context, signal)).mapping,
  indexes: tableIndexes,
  control: tableControl,
});

function createTableSource(config: TableSourceConfig, context: KindContext): KindSource {
  const names = "name" in config.queue ? [config.queue.name] : config.queue.names;
  const prepared = createPrepared(config, context);
  const source = createSqlSource({ ...config, names }, context, {
    tables: [toTableName(config.table)],
    statements: async (_read, signal) => tableStatements((await prepared.refresh(signal)).mapping),
    namesWorkers: config.active !== undefined && config.worker !== undefined,
    history: async (isAsked, from, _read, withWorker) =>
      tableHistory((await prepared.get()).mapping, isAsked, from, withWorker),
    historyNamesHosts: config.worker !== undefined,
    jobs: tableJobs(config),
    prepareJobs: async () => tableJobs((await prepared.get()).mapping),
    isPastPartial: config.run_at === undefined,
    rows: config.where,
  });
  return { ...source, warnings: prepared.warnings };
}

/**
 * The history of a queue from the rows of a table. For a job without a run time it is unknown since
 * when it could run: depth and age are null for a queue that has one in the range, and for all
 * queues if the mapping has no `run_at`. Without `started_at` a job appears to wait until it ended:
 * depth then includes running jobs.
 */
function tableHistory(
  config: TableMapping,
  isAsked: (column: string) => string,
  from: string,
  withWorker: ToWorkerColumn,
): HistoryRows {
  const { run_at: runAt, started_at: startedAt, worker } = config;
  const ofWorker = withWorker(worker ? `${column(worker.column)}::text` : "null::text");
  const table = toFrom(config);
  const { queue } = toQueue(config);
  const { stored, atLeast, toTime: convert } = timeColumn(config, config.finished_at);
  const ended = convert(stored);
  const isLate = `${stored} >= ${atLeast(from)}`;
  const due = toTime(config, runAt);
  const started = startedAt === undefined ? ended : `coalesce(${toTime(config, startedAt)}, ${ended})`;
  const own = "name" in config.queue ? isAsked(quoteLiteral(config.queue.name)) : isAsked(column(config.queue.column));
  const endedAs = (values: readonly (string | number)[], succeeded: boolean) => `
    select ${queue} as queue, ${due} as due, ${started} as taken, ${ended} as ended, ${succeeded} as succeeded,
           ${isRetried(config, 1, !succeeded)} as retried${ofWorker}
    from ${table} where ${isStatus(config, values)} and ${isLate} and ${own}`;
  const isOpen = (condition: string, taken: string, attempts: 0 | 1) => `
    select ${queue}, ${due}, ${taken}, null, false, ${isRetried(config, attempts, false)}${withWorker("null::text")}
    from ${table} where ${condition} and ${own}`;
  return {
    jobs: [
      endedAs(config.done, true),
      endedAs(config.failed, false),
      isOpen(isWaiting(config), "null", 0),
      ...(config.active
        ? [isOpen(isStatus(config, config.active), startedAt === undefined ? "null" : toTime(config, startedAt), 1)]
        : []),
    ].join("\n    union all"),
    failures: `
    select ${queue} as queue, ${ended} as failed_at${ofWorker}
    from ${table} where ${isStatus(config, config.failed)} and ${isLate} and ${own}`,
    oldest: `select ${convert(`min(${stored})`)} from ${table} where ${isStatus(config, config.done)}`,
    ...(worker && { toHost: (name) => toHost(worker, name) }),
    keeps: true,
    hidesStarts: config.started_at === undefined,
    isAssumed: assumesUtc(config),
  };
}

/**
 * The condition that a job was tried before its current attempt: `attempts` is greater than `own`,
 * the attempts that its status implies; it has an error though it did not end failed; or it waits
 * in a `retrying` status.
 */
function isRetried(config: TableMapping, own: 0 | 1, hasEndedFailed: boolean): string {
  const { attempts, error, retrying } = config;
  const signs = [
    ...(attempts === undefined ? [] : [`coalesce(${column(attempts)} > ${own}, false)`]),
    ...(error === undefined || hasEndedFailed ? [] : [`coalesce(${errorText(config)}, '') <> ''`]),
    ...(retrying && own === 0 ? [isStatus(config, retrying)] : []),
  ];
  return signs.length === 0 ? "false" : `(${signs.join(" or ")})`;
}

/** Partial indexes with exactly the conditions of the statements. */
function tableIndexes(config: TableMapping): readonly IndexAdvice[] {
  const table = toTableName(config.table);
  const { readings } = tableStatements(config);
  const queues = "column" in config.queue ? [quoteIdentifier(config.queue.column)] : [];
  const finishedAt = quoteIdentifier(config.finished_at);
  const include = queues.length === 0 ? "" : ` include (${queues.join(", ")})`;
  const runAt = config.run_at === undefined ? [] : [quoteIdentifier(config.run_at)];
  const orId = (columns: readonly string[]) => (columns.length > 0 ? columns : [quoteIdentifier(config.id)]).join(", ");
  const advise = (measure: Measure, serves: string, definition: string, rows: string): IndexAdvice => ({
    table,
    serves,
    suffix: measure === "depth" ? "waiting" : measure,
    definition,
    reading: readings
      .filter(({ measures }) => measures.includes(measure))
      .flatMap(toWays)
      .map((reading) => ({ sql: uniteReadings([reading]), costCorrection: reading.costCorrection ?? 1 })),
    rows: `select from ${toFrom(config)} where ${rows}`,
  });
  const own = config.where !== undefined && isIndexable(config.where) ? ` and (${config.where})` : "";
  const where = (values: readonly (string | number)[]) =>
    `where ${isOneOf(quoteIdentifier(config.status), values)}${own}`;
  const ofStatus = (
    measure: "active" | "retrying" | "dead",
    values: readonly (string | number)[] | undefined,
    columns = queues,
  ) =>
    values ? [advise(measure, `${measure} jobs`, `(${orId(columns)}) ${where(values)}`, isStatus(config, values))] : [];
  const { waiting, retrying = [], done, failed } = config;
  const inWindow = (values: readonly (string | number)[], minutes: number) =>
    `${isStatus(config, values)} and ${inLastMinutes(timeColumn(config, config.finished_at), minutes)}`;
  return [
    advise(
      "depth",
      runAt.length > 0 ? "depth, deferred jobs, oldest age" : "depth",
      `(${orId([...queues, ...runAt])}) ${where([...waiting, ...retrying])}`,
      isWaiting(config),
    ),
    advise("processed", "processed in 5 minutes", `(${finishedAt})${include} ${where(done)}`, inWindow(done, 5)),
    advise(
      "failures",
      "failures and errors of the last hour",
      `(${finishedAt})${include} ${where(failed)}`,
      inWindow(failed, 60),
    ),
    ...ofStatus("active", config.active),
    // The count of deferred jobs subtracts them.
    ...ofStatus("retrying", config.retrying, [...queues, ...runAt]),
    ...ofStatus("dead", config.dead),
  ];
}

/**
 * Follows the mapping's `control`; an action that is missing there is not supported. Retries jobs
 * that are `failed` or `retrying`; discards these and `waiting` ones. Never changes an active job,
 * a done one, or one that already has the new status. A retried job may run at once; a discarded
 * one ends now.
 */
function tableControl(config: TableMapping): JobStatements {
  const table = toFrom(config);
  const { queue } = toQueue(config);
  const seen = `${queue} as queue, ${column(config.status)}::text as state`;
  const isJob = (job: JobRef) =>
    `${column(config.id)} = ${quoteLiteral(job.jobId)}${job.queue === null ? "" : ` and ${queue} = ${quoteLiteral(job.queue)}`}`;
  const update = (job: JobRef, from: readonly Status[], values: Readonly<Record<string, string>>) => `
update ${quoteTable(toTableName(config.table))} as job set ${Object.entries(values)
    .map(([name, value]) => `${quoteIdentifier(name)} = ${value}`)
    .join(", ")}
where ${isJob(job)} and ${isStatus(config, from)}${config.where === undefined ? "" : ` and ${isOwn(config.where)}`}
returning ${seen}`;
  const { control, retrying = [] } = config;
  return {
    table: toTableName(config.table),
    id: null,
    change(action, job, onlyFailed) {
      if (action === "retry") {
        const { retry } = control ?? {};
        if (!retry) return null;
        const failed = onlyFailed ? withoutDiscarded(config) : config.failed;
        const from = [...failed, ...retrying].filter((value) => !has([retry.status], value));
        const reset = Object.fromEntries((retry.reset ?? []).map((name) => [name, "null"]));
        return update(job, from, {
          [config.status]: quoteLiteral(retry.status),
          ...(config.run_at !== undefined && { [config.run_at]: timeColumn(config, config.run_at).atMost("now()") }),
          ...(config.attempts !== undefined &&
            retry.attempts !== undefined && { [config.attempts]: String(retry.attempts) }),
          ...reset,
        });
      }
      const { discard } = control ?? {};
      if (!discard) return null;
      const waiting = onlyFailed ? [] : [...config.waiting, ...retrying];
      const from = [...waiting, ...config.failed].filter((value) => !has([discard.status], value));
      return update(job, from, {
        [config.status]: quoteLiteral(discard.status),
        [config.finished_at]: endNow(config),
      });
    },
    look: (job) => `select ${seen} from ${table} where ${isJob(job)}`,
  };
}

/** The end that a job has, else now. */
function endNow(config: TableMapping): string {
  const { stored, atMost, isTime } = timeColumn(config, config.finished_at);
  return `coalesce(${isTime === null ? stored : `case when ${isTime} then ${stored} end`}, ${atMost("now()")})`;
}
