import type { ToHistoryRows } from "../sql/history.ts";
import { isOneOf, quoteIdentifier, quoteLiteral, quoteTable, toTableName } from "../sql/names.ts";
import type { TableSourceConfig } from "./table-config.ts";

/**
 * The past of a queue from the rows of a table. Null without a time from which a job could run. Without the time when a job was started it waits, here, until it
 * ended: depth is then what waits or runs.
 */
export function tableHistory(config: TableSourceConfig): ToHistoryRows | null {
  const { run_at: runAt, started_at: startedAt } = config;
  if (runAt === undefined) return null;
  const table = `${quoteTable(toTableName(config.table))} as job`;
  const isStatus = (values: readonly (string | number)[]) => isOneOf(column(config.status), values);
  const [due, ended] = [column(runAt), column(config.finished_at)];
  const started = startedAt === undefined ? ended : `coalesce(${column(startedAt)}, ${ended})`;
  const queue = "name" in config.queue ? `${quoteLiteral(config.queue.name)}::text` : `${column(config.queue.column)}::text`;
  const open = [...config.waiting, ...(config.retrying ?? [])];
  return (isAsked, from) => {
    const own = "name" in config.queue ? isAsked(quoteLiteral(config.queue.name)) : isAsked(column(config.queue.column));
    const endedAs = (values: readonly (string | number)[], succeeded: boolean) => `
    select ${queue} as queue, ${due} as due, ${started} as taken, ${ended} as ended, ${succeeded} as succeeded
    from ${table} where ${isStatus(values)} and ${ended} >= ${from} and ${own}`;
    const isOpen = (values: readonly (string | number)[], taken: string) => `
    select ${queue}, ${due}, ${taken}, null, false from ${table} where ${isStatus(values)} and ${own}`;
    return {
      jobs: [
        endedAs(config.done, true),
        endedAs(config.failed, false),
        isOpen(open, "null"),
        ...(config.active ? [isOpen(config.active, startedAt === undefined ? "null" : column(startedAt))] : []),
      ].join("\n    union all"),
      failures: `select ${queue} as queue, ${ended} as failed_at from ${table} where ${isStatus(config.failed)} and ${ended} >= ${from} and ${own}`,
      oldest: `select min(${ended}) from ${table} where ${isStatus(config.done)}`,
    };
  };
}

function column(name: string): string {
  return `job.${quoteIdentifier(name)}`;
}
