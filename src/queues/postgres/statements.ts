import type { Row } from "./database.ts";
import type { TableName } from "./names.ts";
import type { Measure, Reading } from "./readings.ts";

/** An index that a kind's statements are made for. */
export interface IndexAdvice {
  readonly table: TableName;
  /** What is read by it, as people call it. */
  readonly serves: string;
  /** Of its name, behind that of the table. */
  readonly suffix: string;
  /** What stands behind the table in `create index`: columns and condition. */
  readonly definition: string;
  /** What is read by it: the ways to do so. */
  readonly reading: readonly Candidate[];
  /** A query for the rows that have to be read. */
  readonly rows: string;
}

export interface PlanCheckOptions {
  /** As `heavyCost`. */
  readonly cost?: number;
  /** How long a verdict holds, milliseconds: statistics and indexes change. @default 300000 */
  readonly againMs?: number;
  /** How long everything is heavy after a statement ran out of time, milliseconds. @default 60000 */
  readonly distrustMs?: number;
}

/** How the rows of one table are read part by part, where a whole scan would take too long. */
export interface TableParts {
  readonly table: TableName;
  /** One reading of those of the measures that add up. `condition`: on `job`, the alias of the table. */
  readonly reading: (measures: readonly Measure[], condition: string) => Reading;
  /** As `groupFailures` makes it with the times of the jobs. */
  readonly failures: (condition: string) => string;
  /** What the rows of the table do not tell; absent where they tell everything. */
  readonly rest?: PartsRest;
}

/** What is read at once beside the parts, and added to them. */
interface PartsRest {
  /** Each queue there is, with the same measures. A count that is null cannot be known, whatever the parts have. */
  readonly reading: Reading;
  /** As those of the parts. */
  readonly failures: string;
}

export interface PacedOptions {
  /** From the begin of one run to that of the next, milliseconds; after one that took long at least twice as long as it took. @default 60000 */
  readonly everyMs?: number;
  /** How long a caller without an answer waits for a run, milliseconds. @default 8000 */
  readonly waitMs?: number;
}

/** What is done about plans that would scan a huge table. */
export interface HeavyOptions extends PlanCheckOptions, PacedOptions {
  /** Pages of the first part. @default firstChunkPages */
  readonly firstPages?: number;
}

/** One way to get the same rows. */
export interface Candidate {
  readonly sql: string;
  /** Costs so many times less than the planner thinks. @default 1 */
  readonly costCorrection?: number;
}

/** The statements of a job system. */
export interface SqlStatements {
  readonly readings: readonly Reading[];
  /** As `groupFailures` makes it; null where the system keeps no errors. */
  readonly failures: string | null;
  /** The query that `groupFailures` was given; absent where jobs are not looked for by their error. */
  readonly failed?: string;
  /** Characters to which the system itself cuts its error texts; absent where it keeps them whole. */
  readonly errorLimit?: number;
  /** As `pickRunning` makes it; absent where the rows do not tell who works on them. */
  readonly running?: (hosts: readonly string[]) => string;
  /** As `pickWorkers` makes it; absent as `running`. */
  readonly workers?: string;
  /** As `groupRuns` makes it, over as many rows as an index finds at once; absent where rows do not say how long jobs ran. */
  readonly usualRuns?: string;
  /** How the table is read part by part where a scan of it is needed; absent where that cannot be. */
  readonly parts?: TableParts;
}

/** Reads one statement; rejects as `Database.read` does. */
export type ReadRows = (statement: string) => Promise<readonly Row[]>;

/** Reads several in one round trip; rejects as `Database.readAll` does. */
export type ReadAllRows = (statements: readonly string[]) => Promise<readonly (readonly Row[])[]>;
