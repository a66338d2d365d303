import { type JobQuery, selectAttempts } from "../../postgres/job-query.ts";
import { toTableName } from "../../postgres/names.ts";
import { column, errorText, type TableMapping, timeColumn, toFrom, toTime } from "./columns.ts";
import { isIndexable } from "./condition.ts";
import { has } from "./config.ts";
import { isStatus, isWaiting, toHost, toQueue, withoutDiscarded } from "./sql.ts";

/**
 * How the jobs of a table are read one by one. It has the last attempt only; the error of a job
 * that does not end failed is of an unknown time.
 */
export function tableJobs(config: TableMapping): JobQuery {
  const { queue, byColumn } = toQueue(config);
  const { error, finished_at: finishedAt, started_at: startedAt, attempts, worker, args } = config;
  const failed = withoutDiscarded(config);
  const isFailed = isStatus(config, [...failed, ...(config.retrying ?? [])]);
  const ended = column(finishedAt);
  const whose = worker && {
    worker: `${column(worker.column)}::text`,
    host: toHost(worker, `${column(worker.column)}::text`),
  };
  return {
    table: toTableName(config.table),
    from: toFrom(config),
    id: column(config.id),
    idFormat: null,
    queue,
    ...(config.where !== undefined && isIndexable(config.where) && { indexWhere: config.where }),
    ...(byColumn !== null && { where: `${byColumn} is not null` }),
    systemState: `${column(config.status)}::text`,
    states: toConditions(config),
    columns: {
      ...(config.type !== undefined && { kind: `${column(config.type)}::text` }),
      ...toColumn(config.priority, "priority"),
      ...toTimeColumn(config, config.created_at, "created_at"),
      ...toTimeColumn(config, config.run_at, "scheduled_at"),
      ...toTimeColumn(config, startedAt, "started_at"),
      finished_at: toTime(config, finishedAt),
      ...toColumn(attempts, "attempt"),
      ...toColumn(config.max_attempts, "max_attempts"),
      ...whose,
    },
    order: { failed: ended, completed: ended, cancelled: ended },
    attempts: selectAttempts(
      {
        ...(attempts !== undefined && { number: `case when ${isFailed} then ${column(attempts)} end` }),
        at: `case when ${isStatus(config, failed)} then ${toTime(config, finishedAt)} end`,
        ...toTimeColumn(config, startedAt, "started_at"),
        ...(error !== undefined && { error: errorText(config) }),
        ...whose,
      },
      `where ${isFailed}${error === undefined ? "" : ` or coalesce(${errorText(config)}, '') <> ''`}`,
    ),
    ...(args !== undefined && { args: column(args) }),
  };
}

function toConditions(config: TableMapping): JobQuery["states"] {
  const { waiting, run_at: runAt, retrying, active, control } = config;
  const failed = withoutDiscarded(config);
  const time = runAt === undefined ? null : timeColumn(config, runAt);
  const isFuture = time && `${time.stored} > ${time.atMost("now()")}`;
  const discarded = control?.discard?.status;
  return {
    ...(retrying && { retrying: isStatus(config, retrying) }),
    ...(isFuture !== null && { scheduled: `${isStatus(config, waiting)} and ${isFuture}` }),
    available:
      isFuture === null ? isWaiting(config) : `${isStatus(config, waiting)} and not coalesce(${isFuture}, false)`,
    ...(active && { running: isStatus(config, active) }),
    ...(discarded !== undefined && !has(failed, discarded) && { cancelled: isStatus(config, [discarded]) }),
    failed: isStatus(config, failed),
    completed: isStatus(config, config.done),
  };
}

/** Nothing where the mapping has no such column. */
function toColumn(name: string | undefined, as: string): Readonly<Record<string, string>> {
  return name === undefined ? {} : { [as]: column(name) };
}

/** The same for a column of times. */
function toTimeColumn(config: TableMapping, name: string | undefined, as: string): Readonly<Record<string, string>> {
  return name === undefined ? {} : { [as]: toTime(config, name) };
}
