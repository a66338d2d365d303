import type { TableSourceConfig } from "./table-config.ts";

type Status = TableSourceConfig["failed"][number];

/** Statuses of jobs that failed. Where a discarded job has one of its own, it is told from them; where it has the only one, from none. */
export function withoutDiscarded({ failed, control }: TableSourceConfig): readonly Status[] {
  const others = failed.filter((value) => value !== control?.discard?.status);
  return others.length === 0 ? failed : others;
}
