import type { ToHistoryRows } from "../../postgres/history.ts";
import { quoteLiteral } from "../../postgres/names.ts";
import type { TableSourceConfig } from "./config.ts";
import { column, isStatus, isWaiting, toFrom, toQueue } from "./sql.ts";

/**
 * The history of a queue from the rows of a table. For a job without a run time it is unknown since when it could run: depth and age are null for a queue that has
 * one in the range, and for all queues if the mapping has no `run_at`. Without `started_at` a job appears to wait until it ended: depth then includes running
 * jobs.
 */
export function tableHistory(config: TableSourceConfig): ToHistoryRows {
  const { run_at: runAt, started_at: startedAt } = config;
  const table = toFrom(config);
  const { queue } = toQueue(config);
  const ended = column(config.finished_at);
  const due = runAt === undefined ? "null::timestamptz" : column(runAt);
  const started = startedAt === undefined ? ended : `coalesce(${column(startedAt)}, ${ended})`;
  return (isAsked, from) => {
    const own = "name" in config.queue ? isAsked(quoteLiteral(config.queue.name)) : isAsked(column(config.queue.column));
    const endedAs = (values: readonly (string | number)[], succeeded: boolean) => `
    select ${queue} as queue, ${due} as due, ${started} as taken, ${ended} as ended, ${succeeded} as succeeded,
           ${isRetried(config, 1, !succeeded)} as retried
    from ${table} where ${isStatus(config, values)} and ${ended} >= ${from} and ${own}`;
    const isOpen = (condition: string, taken: string, attempts: 0 | 1) => `
    select ${queue}, ${due}, ${taken}, null, false, ${isRetried(config, attempts, false)} from ${table} where ${condition} and ${own}`;
    return {
      jobs: [
        endedAs(config.done, true),
        endedAs(config.failed, false),
        isOpen(isWaiting(config), "null", 0),
        ...(config.active
          ? [isOpen(isStatus(config, config.active), startedAt === undefined ? "null" : column(startedAt), 1)]
          : []),
      ].join("\n    union all"),
      failures: `select ${queue} as queue, ${ended} as failed_at from ${table} where ${isStatus(config, config.failed)} and ${ended} >= ${from} and ${own}`,
      oldest: `select min(${ended}) from ${table} where ${isStatus(config, config.done)}`,
      keeps: true,
    };
  };
}

/**
 * The condition that a job was tried before its current attempt: `attempts` is greater than `own`, the attempts that its status implies; it has an error though it
 * did not end failed; or it waits in a `retrying` status.
 */
function isRetried(config: TableSourceConfig, own: 0 | 1, hasEndedFailed: boolean): string {
  const { attempts, error, retrying } = config;
  const signs = [
    ...(attempts === undefined ? [] : [`coalesce(${column(attempts)} > ${own}, false)`]),
    ...(error === undefined || hasEndedFailed ? [] : [`coalesce(${column(error)}::text, '') <> ''`]),
    ...(retrying && own === 0 ? [isStatus(config, retrying)] : []),
  ];
  return signs.length === 0 ? "false" : `(${signs.join(" or ")})`;
}
