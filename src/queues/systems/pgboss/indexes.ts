import { quoteTable } from "../../postgres/names.ts";
import { uniteReadings } from "../../postgres/readings.ts";
import type { IndexAdvice } from "../../postgres/statements.ts";
import { findJobs, isEnded, isFailed, isLive, pgbossStatements } from "./sql.ts";

/**
 * Indexes that pg-boss lacks before 12.38, whose own indexes serve the same, queue by queue. With both, the one pass over the jobs reads only those that it
 * counts. Source: shared/upstreams.md 3.1.
 */
export function pgbossIndexes(schema: string): readonly IndexAdvice[] {
  const table = { schema, table: "job" };
  const own = pgbossStatements(schema, { indexed: true, archived: false }).readings;
  const advise = (
    rest: Pick<IndexAdvice, "serves" | "suffix" | "definition">,
    measure: "depth" | "processed",
    rows: string[],
  ) => {
    const jobs = findJobs(schema, { indexed: false, archived: false }, rows, "");
    const atOnce = {
      measures: [measure],
      sql: `select job.name as queue, count(*) as ${measure} from (${jobs}) as job group by 1`,
    };
    const byQueue = own.filter(({ measures }) => measures.includes(measure));
    return {
      ...rest,
      table,
      reading: [atOnce, ...byQueue].map((reading) => ({ sql: uniteReadings([reading]) })),
      rows: `select from ${quoteTable(table)} as job where ${rows.map((condition) => `(${condition})`).join(" or ")}`,
    };
  };
  return [
    advise(
      {
        serves: "depth, deferred, retrying, active and dead jobs, oldest age",
        suffix: "live",
        definition: "(name) where state in ('created', 'retry', 'active', 'failed')",
      },
      "depth",
      [isLive],
    ),
    advise(
      {
        serves: "processed in 5 minutes, failures and errors of the last hour",
        suffix: "ended",
        definition: "(completed_on) where completed_on is not null",
      },
      "processed",
      [isEnded, isFailed],
    ),
  ];
}
