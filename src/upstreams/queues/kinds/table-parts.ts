import type { Measure, Reading } from "../sql/measures.ts";
import { toTableName } from "../sql/names.ts";
import type { TableParts } from "../sql/plan-heavy.ts";
import { groupFailures, inLast, secondsBetween } from "../sql/windows.ts";
import { column, isStatus, isWaiting, toFrom, toQueue } from "./table-columns.ts";
import type { TableSourceConfig } from "./table-config.ts";

/** How one measure is made of the rows that are read for it. */
interface Part {
  readonly measure: Measure;
  /** Which rows are read, */
  readonly rows: string;
  /** and which of these count; null: all. */
  readonly counts: string | null;
  /** An aggregate of them. @default their number */
  readonly aggregate?: (filter: string) => string;
}

/** The table in parts: `failed` is a query for the failures with this condition. */
export function tableParts(config: TableSourceConfig, failed: (condition: string) => string): TableParts {
  return {
    table: toTableName(config.table),
    reading: (measures, condition) => readAtOnce(config, measures, condition),
    failures: (condition) => groupFailures(failed(condition), { withTimes: true }),
  };
}

/** Those of the measures that an aggregate over single rows gives (quantiles are none), in one scan of the rows with this condition. */
export function readAtOnce(config: TableSourceConfig, measures: readonly Measure[], condition: string | null = null): Reading {
  const { queue, hasQueue } = toQueue(config);
  const parts = toParts(config).filter(({ measure }) => measures.includes(measure));
  const rows = [...new Set(parts.map((part) => part.rows))];
  const columns = parts.map(({ measure, rows: read, counts, aggregate = (filter) => `count(*)${filter}` }) => {
    // An index that is made for the rows does not hold their status: it is not looked at again where no other rows are read.
    const conditions = [...(rows.length > 1 ? [read] : []), ...(counts === null ? [] : [counts])];
    return `${aggregate(conditions.length === 0 ? "" : ` filter (where ${conditions.join(" and ")})`)} as ${measure}`;
  });
  const isRead = rows.length === 1 ? rows.join("") : `(${rows.map((read) => `(${read})`).join(" or ")})`;
  return {
    measures: parts.map(({ measure }) => measure),
    sql: `
select ${queue} as queue, ${columns.join(",\n       ")}
from ${toFrom(config)} where ${condition === null ? "" : `${condition} and `}${isRead}${hasQueue} group by 1`,
  };
}

function toParts(config: TableSourceConfig): readonly Part[] {
  const { run_at: runAt, active, retrying, dead } = config;
  const waiting = isWaiting(config);
  const finishedAt = column(config.finished_at);
  const ofStatus = (measure: Measure, values: readonly (string | number)[] | undefined): Part[] =>
    values ? [{ measure, rows: isStatus(config, values), counts: null }] : [];
  const ended = (measure: Measure, values: readonly (string | number)[], minutes: number): Part => ({
    measure,
    rows: `${isStatus(config, values)} and ${inLast(minutes, finishedAt)}`,
    counts: null,
  });
  return [
    ...(runAt === undefined
      ? [{ measure: "depth" as const, rows: waiting, counts: null }]
      : toWaitingParts(waiting, column(runAt), retrying ? isStatus(config, config.waiting) : null)),
    ended("processed", config.done, 5),
    ended("failures", config.failed, 60),
    { ...ended("failures_recent", config.failed, 60), counts: inLast(5, finishedAt) },
    ...ofStatus("active", active),
    ...ofStatus("retrying", retrying),
    ...ofStatus("dead", dead),
  ];
}

/** `neverFailed`: a condition that tells those rows from the others; null where there are no others. */
function toWaitingParts(rows: string, runAt: string, neverFailed: string | null): Part[] {
  return [
    { measure: "depth", rows, counts: `(${runAt} is null or ${runAt} <= now())` },
    { measure: "deferred", rows, counts: `${runAt} > now()${neverFailed === null ? "" : ` and ${neverFailed}`}` },
    {
      measure: "oldest_age",
      rows,
      counts: `${runAt} <= now()`,
      aggregate: (filter) => secondsBetween(`min(${runAt})${filter}`, "now()"),
    },
  ];
}
