import * as z from "zod";
import { common, defineKind, identifier, type QueueKind, sqlText } from "../system.ts";
import type { ToHistoryRows } from "./history.ts";
import { quoteTable } from "./names.ts";
import { type Measure, uniteReadings } from "./readings.ts";
import { createSqlSource } from "./source.ts";
import type { IndexAdvice, SqlStatements } from "./statements.ts";

/** A job system that is known by the names of its tables, and read by statements that need to know nothing but their schema. */
interface Preset<Kind extends string> {
  readonly kind: Kind;
  /** All in one schema; the first one is named in messages. */
  readonly tables: readonly [string, ...string[]];
  /** What the statements need of them, for messages. */
  readonly columns: readonly string[];
  readonly statements: (schema: string) => SqlStatements;
  /** Absent where what ended is not kept. */
  readonly history?: (schema: string) => ToHistoryRows;
  /** What the system itself has no index for. */
  readonly recommendedIndexes?: readonly RecommendedIndex[];
}

/** An index that a large history wants. */
export interface RecommendedIndex {
  readonly table: string;
  /** As `IndexAdvice`. */
  readonly suffix: string;
  readonly definition: string;
  readonly serves: string;
  /** What is read by it. */
  readonly measure: Measure;
  /** A condition for the rows that have to be read. */
  readonly rows: string;
}

const toConfig = <const Kind extends string>(kind: Kind) =>
  z.strictObject({
    ...common,
    kind: z.literal(kind),
    /** Of its tables. */
    schema: identifier,
    /** Queues to list even if they are never seen. */
    names: z.array(sqlText).max(1000).optional(),
  });

/** The kind of such a system: configured by its schema, and detected. */
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
