import { isOneOf, quoteIdentifier, toTableName } from "../../postgres/names.ts";
import { type Measure, type Reading, uniteReadings } from "../../postgres/readings.ts";
import { inLast } from "../../postgres/sql.ts";
import type { IndexAdvice } from "../../postgres/statements.ts";
import type { TableSourceConfig } from "./config.ts";
import { column, isStatus, isWaiting, tableStatements, toFrom } from "./sql.ts";

/** Partial indexes with exactly the conditions of the statements. Source: shared/upstreams.md 3.2. */
export function tableIndexes(config: TableSourceConfig): readonly IndexAdvice[] {
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
    reading: toWays(readings, measure),
    rows: `select from ${toFrom(config)} where ${rows}`,
  });
  const where = (values: readonly (string | number)[]) => `where ${isOneOf(quoteIdentifier(config.status), values)}`;
  const ofStatus = (
    measure: "active" | "retrying" | "dead",
    values: readonly (string | number)[] | undefined,
    columns = queues,
  ) => (values ? [advise(measure, `${measure} jobs`, `(${orId(columns)}) ${where(values)}`, isStatus(config, values))] : []);
  const { waiting, retrying = [], done, failed } = config;
  const inWindow = (values: readonly (string | number)[], minutes: number) =>
    `${isStatus(config, values)} and ${inLast(minutes, column(config.finished_at))}`;
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

function toWays(readings: readonly Reading[], measure: Measure): IndexAdvice["reading"] {
  const found = readings.filter(({ measures }) => measures.includes(measure));
  return found.flatMap(({ plain, ...reading }) => [
    { sql: uniteReadings([reading]), ...(reading.costCorrection !== undefined && { costCorrection: reading.costCorrection }) },
    ...(plain === undefined ? [] : [{ sql: uniteReadings([{ ...reading, sql: plain }]) }]),
  ]);
}
