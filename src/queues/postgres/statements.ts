import type { Row } from "./database.ts";
import type { TableName } from "./names.ts";
import type { Measure, Reading } from "./readings.ts";

/** An index that a kind's statements need. */
export interface IndexAdvice {
  readonly table: TableName;
  /** What the index serves, in plain words. */
  readonly serves: string;
  /** End of its name, after that of the table. */
  readonly suffix: string;
  /** What follows the table in `create index`: columns and condition. */
  readonly definition: string;
  /** The reads that use it: alternative statements. */
  readonly reading: readonly Candidate[];
  /** A query for the rows that the read must visit. */
  readonly rows: string;
}

export interface PlanCheckOptions {
  /** As `heavyCost`. */
  readonly cost?: number;
  /** How long a choice is cached, milliseconds: statistics and indexes change. @default 300000 */
  readonly againMs?: number;
  /** How long all statements count as heavy after one timed out, milliseconds. @default 60000 */
  readonly distrustMs?: number;
}

/** How to read a table part by part, where a whole scan would take too long. */
export interface TableParts {
  readonly table: TableName;
  /** One reading of the given measures that add up. `condition` is on `job`, the alias of the table. */
  readonly reading: (measures: readonly Measure[], condition: string) => Reading;
  /** As `groupFailures` makes it, with the times of the jobs. */
  readonly failures: (condition: string) => string;
  /** What the rows of the table do not hold; absent where they hold everything. */
  readonly rest?: PartsRest;
}

/** Read at once beside the parts, and added to them. */
interface PartsRest {
  /** All queues, with the same measures. A count of null makes the sum unknown, whatever the parts have. */
  readonly reading: Reading;
  /** As that of the parts. */
  readonly failures: string;
}

export interface PacedOptions {
  /** Time between the starts of two runs, milliseconds; at least twice as long as the last run took. @default 60000 */
  readonly everyMs?: number;
  /** How long a caller without a result waits for a run, milliseconds. @default 8000 */
  readonly waitMs?: number;
}

/** Limits for plans that would scan a huge table. */
export interface HeavyOptions extends PlanCheckOptions, PacedOptions {
  /** Pages of the first part. @default firstChunkPages */
  readonly firstPages?: number;
}

/** One way to get the same rows. */
export interface Candidate {
  readonly sql: string;
  /** Costs this many times less than the planner estimates. @default 1 */
  readonly costCorrection?: number;
}

/** The statements of a job system. */
export interface SqlStatements {
  readonly readings: readonly Reading[];
  /** As `groupFailures` makes it; null where the system records no errors. */
  readonly failures: string | null;
  /** The query for `groupFailures`; absent where jobs cannot be found by their error. */
  readonly failed?: string;
  /** Length to which the system itself cuts its error texts, characters; absent where it does not. */
  readonly errorLimit?: number;
  /** As `pickRunning` makes it; absent where the rows do not name workers. */
  readonly running?: (hosts: readonly string[]) => string;
  /** As `pickWorkers` makes it; absent where `running` is. */
  readonly workers?: string;
  /** As `groupRuns` makes it, over as many rows as an index finds quickly; absent where the rows hold no run times. */
  readonly usualRuns?: string;
  /** How to read the table part by part where it needs a scan; absent where that is impossible. */
  readonly parts?: TableParts;
}

/** Reads one statement; rejects as `Database.read` does. */
export type ReadRows = (statement: string) => Promise<readonly Row[]>;

/** Reads several statements in one round trip; rejects as `Database.readAll` does. */
export type ReadAllRows = (statements: readonly string[]) => Promise<readonly (readonly Row[])[]>;
