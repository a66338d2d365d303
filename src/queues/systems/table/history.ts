import type { ToHistoryRows } from "../../postgres/history.ts";
import { quoteLiteral } from "../../postgres/names.ts";
import type { TableSourceConfig } from "./config.ts";
import { column, isStatus, isWaiting, toFrom, toQueue } from "./sql.ts";

/**
 * The past of a queue from the rows of a table. Jobs without a time could run since nobody knows when: depth and age of a queue that has one in the range are null, and of
 * every queue where the mapping has no `run_at`. Without the time when a job was started it waits, here, until it ended: depth is then what waits or runs.
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
 * A condition: a job was tried before its present attempt. `attempts` says so where there are more than `own`, those that its status has by itself; and so does an error of a
 * job that did not end failed.
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
