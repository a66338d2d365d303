import type { ToHistoryRows } from "../sql/history.ts";
import { quoteLiteral } from "../sql/names.ts";
import { column, isStatus, isWaiting, toFrom, toQueue } from "./table-columns.ts";
import type { TableSourceConfig } from "./table-config.ts";

/**
 * The past of a queue from the rows of a table. Null without a time from which a job could run. Without the time when a job was started it waits, here, until it
 * ended: depth is then what waits or runs. Jobs without a time could run since nobody knows when: depth and age of a queue that has one in the range are null.
 */
export function tableHistory(config: TableSourceConfig): ToHistoryRows | null {
  const { run_at: runAt, started_at: startedAt } = config;
  if (runAt === undefined) return null;
  const table = toFrom(config);
  const { queue } = toQueue(config);
  const [due, ended] = [column(runAt), column(config.finished_at)];
  const started = startedAt === undefined ? ended : `coalesce(${column(startedAt)}, ${ended})`;
  return (isAsked, from) => {
    const own = "name" in config.queue ? isAsked(quoteLiteral(config.queue.name)) : isAsked(column(config.queue.column));
    const endedAs = (values: readonly (string | number)[], succeeded: boolean) => `
    select ${queue} as queue, ${due} as due, ${started} as taken, ${ended} as ended, ${succeeded} as succeeded
    from ${table} where ${isStatus(config, values)} and ${ended} >= ${from} and ${own}`;
    const isOpen = (condition: string, taken: string) => `
    select ${queue}, ${due}, ${taken}, null, false from ${table} where ${condition} and ${own}`;
    return {
      jobs: [
        endedAs(config.done, true),
        endedAs(config.failed, false),
        isOpen(isWaiting(config), "null"),
        ...(config.active ? [isOpen(isStatus(config, config.active), startedAt === undefined ? "null" : column(startedAt))] : []),
      ].join("\n    union all"),
      failures: `select ${queue} as queue, ${ended} as failed_at from ${table} where ${isStatus(config, config.failed)} and ${ended} >= ${from} and ${own}`,
      oldest: `select min(${ended}) from ${table} where ${isStatus(config, config.done)}`,
      keeps: true,
    };
  };
}
