import * as z from "zod";
import { common, defineKind, identifier, type QueueKind, sqlText } from "../system.ts";
import type { ToHistoryRows } from "./history.ts";
import { quoteTable } from "./names.ts";
import { type Measure, uniteReadings } from "./readings.ts";
import { createSqlSource } from "./source.ts";
import type { IndexAdvice, SqlStatements } from "./statements.ts";

/** A job system with fixed table names; its statements need only the schema. */
interface Preset<Kind extends string> {
  readonly kind: Kind;
  /** All in one schema; the first one appears in messages. */
  readonly tables: readonly [string, ...string[]];
  /** Columns that the statements need, for messages. */
  readonly columns: readonly string[];
  readonly statements: (schema: string) => SqlStatements;
  /** Absent where rows of ended jobs are deleted. */
  readonly history?: (schema: string) => ToHistoryRows;
  /** Indexes that the system itself does not create. */
  readonly recommendedIndexes?: readonly RecommendedIndex[];
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

const toConfig = <const Kind extends string>(kind: Kind) =>
  z.strictObject({
    ...common,
    kind: z.literal(kind),
    /** Schema of its tables. */
    schema: identifier,
    /** Queues to list even if never seen. */
    names: z.array(sqlText).max(1000).optional(),
  });

/** The kind of such a system: configured by its schema, or detected. */
export function definePreset<const Kind extends string>(preset: Preset<Kind>): QueueKind<ReturnType<typeof toConfig<Kind>>> {
  const { kind, tables, columns, statements, recommendedIndexes: lacks = [] } = preset;
  const [first, ...others] = tables;
  type Config = ReturnType<typeof toConfig<Kind>>;
  return defineKind<Config>({
    kind,
    config: toConfig(kind),
    detected: { tables, toConfig: ({ name, schema }) => ({ name, kind, schema }) },
    create: ({ name, schema, names = [], ...own }, { database, env, heavy }) =>
      createSqlSource({
        name,
        kind,
        env: own.env ?? env,
        database,
        heavy,
        tables: [{ schema, table: first }, ...others.map((table) => ({ schema, table }))],
        columns,
        names,
        statements: statements(schema),
        history: preset.history?.(schema) ?? null,
      }),
    indexes: ({ schema }) => lacks.map((lack) => toAdvice(lack, schema, statements(schema))),
  });
}

function toAdvice({ table, measure, rows, ...lack }: RecommendedIndex, schema: string, { readings }: SqlStatements): IndexAdvice {
  const reading = readings.filter(({ measures }) => measures.includes(measure)).map((own) => ({ sql: uniteReadings([own]) }));
  return { ...lack, table: { schema, table }, reading, rows: `select from ${quoteTable({ schema, table })} where ${rows}` };
}
