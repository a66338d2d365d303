import * as z from "zod";
import type { JobStatements } from "../jobs/control.ts";
import { common, defineKind, identifier, type QueueKind, sqlText, type UnsupportedTables } from "../system.ts";
import type { ToHistoryRows } from "./history.ts";
import type { JobQuery } from "./job-query.ts";
import { quoteTable } from "./names.ts";
import { createSqlSource, type SqlSource } from "./source.ts";
import { type IndexAdvice, type Measure, type SqlStatements, uniteReadings } from "./statements.ts";

/** The configuration of a job system whose tables have fixed names. */
export const toSchemaConfig = <const Kind extends string>(kind: Kind) =>
  z.strictObject({
    ...common,
    kind: z.literal(kind),
    /** Schema of its tables. */
    schema: identifier,
    /** Queues to list even if never seen. */
    names: z.array(sqlText).max(1000).optional(),
  });

/** A job system whose statements need only the schema. */
interface SchemaKind<Kind extends string> {
  readonly kind: Kind;
  /** Its tables, all in one schema; the first one appears in messages. */
  readonly tables: readonly [string, ...string[]];
  /** A schema with all of these tables has this system. @default `tables` */
  readonly detectedBy?: readonly [string, ...string[]];
  /** As `QueueKind.unsupported`. */
  readonly unsupported?: UnsupportedTables;
  /** As `SqlSource.statements`. */
  readonly statements: (schema: string) => SqlSource["statements"];
  /** Absent where rows of ended jobs are deleted. */
  readonly history?: (schema: string) => ToHistoryRows;
  /** As `SqlSource.historyNamesHosts`. */
  readonly historyNamesHosts?: boolean;
  /** How its jobs are read one by one; absent where they cannot be. */
  readonly jobs?: (schema: string) => JobQuery;
  /** Indexes that the system itself does not create. */
  readonly indexes?: (schema: string) => readonly IndexAdvice[];
  /** Absent where its jobs are only read. */
  readonly control?: (schema: string) => JobStatements;
}

/** Defines the kind of such a system, which is configured by its schema or detected. */
export function defineSchemaKind<const Kind extends string>(
  own: SchemaKind<Kind>,
): QueueKind<ReturnType<typeof toSchemaConfig<Kind>>> {
  const { kind, tables, statements, history, jobs, indexes, control, unsupported } = own;
  const [first, ...others] = tables;
  type Config = ReturnType<typeof toSchemaConfig<Kind>>;
  return defineKind<Config>({
    kind,
    config: toSchemaConfig(kind),
    detected: { tables: own.detectedBy ?? tables, toConfig: ({ name, schema }) => ({ name, kind, schema }) },
    ...(unsupported && { unsupported }),
    create: (config, context) =>
      createSqlSource(config, context, {
        tables: [{ schema: config.schema, table: first }, ...others.map((table) => ({ schema: config.schema, table }))],
        statements: statements(config.schema),
        history: history?.(config.schema),
        historyNamesHosts: own.historyNamesHosts,
        jobs: jobs?.(config.schema),
      }),
    ...(indexes && { indexes: ({ schema }) => indexes(schema) }),
    ...(control && { control: ({ schema }) => control(schema) }),
  });
}

/** An index that a large history needs. */
export interface RecommendedIndex {
  readonly table: string;
  /** As `IndexAdvice`. */
  readonly suffix: string;
  readonly definition: string;
  readonly serves: string;
  /** The measure that it serves. */
  readonly measure: Measure;
  /** A condition for the rows that the read must visit. */
  readonly rows: string;
}

/**
 * Makes the advice for such indexes. The reads that use an index are the readings of its measure.
 */
export function toIndexAdvices(
  indexes: readonly RecommendedIndex[],
  schema: string,
  { readings }: SqlStatements,
): IndexAdvice[] {
  return indexes.map(({ table, measure, rows, ...index }) => ({
    ...index,
    table: { schema, table },
    reading: readings
      .filter(({ measures }) => measures.includes(measure))
      .map((one) => ({ sql: uniteReadings([one]) })),
    rows: `select from ${quoteTable({ schema, table })} where ${rows}`,
  }));
}
