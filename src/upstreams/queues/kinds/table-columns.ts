import { isOneOf, quoteIdentifier, quoteLiteral, quoteTable, toTableName } from "../sql/names.ts";
import type { TableSourceConfig } from "./table-config.ts";

/** The table, whose rows the expressions of this file call `job`. */
export function toFrom(config: TableSourceConfig): string {
  return `${quoteTable(toTableName(config.table))} as job`;
}

/** The queue of a row as text, and the condition that it has one. */
export function toQueue({ queue }: TableSourceConfig): { queue: string; hasQueue: string; byColumn: string | null } {
  if ("name" in queue) return { queue: `${quoteLiteral(queue.name)}::text`, hasQueue: "", byColumn: null };
  const byColumn = column(queue.column);
  return { queue: `${byColumn}::text`, hasQueue: ` and ${byColumn} is not null`, byColumn };
}

export function isStatus({ status }: TableSourceConfig, values: readonly (string | number)[]): string {
  return isOneOf(column(status), values);
}

/** Waits to run, again or for the first time. */
export function isWaiting(config: TableSourceConfig): string {
  return isStatus(config, [...config.waiting, ...(config.retrying ?? [])]);
}

export function column(name: string): string {
  return `job.${quoteIdentifier(name)}`;
}
