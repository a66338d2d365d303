import type { JobState } from "../job.ts";
import { isOneOf, type TableName } from "./names.ts";

/** Times have a time zone, or are in UTC. */
const jobColumns = {
  kind: "text",
  priority: "int",
  created_at: "timestamptz",
  scheduled_at: "timestamptz",
  started_at: "timestamptz",
  finished_at: "timestamptz",
  attempt: "int",
  max_attempts: "int",
  worker: "text",
  host: "text",
} as const;

const attemptColumns = {
  number: "int",
  at: "timestamptz",
  started_at: "timestamptz",
  error: "text",
  trace: "text",
  worker: "text",
  host: "text",
} as const;

/** How the jobs of a system are read one by one. All expressions are on `job`, a row of `from`. */
export interface JobQuery {
  /** For messages. */
  readonly table: TableName;
  /** The table as `job`, and what is joined to it: one row for each job. */
  readonly from: string;
  /** Column of the id; jobs created later have larger ones, unless `order` has a time. */
  readonly id: string;
  /**
   * The format of an id; null where it depends on the type of the column, which the database
   * checks.
   */
  readonly idFormat: IdFormat | null;
  /** Column of the queue, text. */
  readonly queue: string;
  /** A condition for the rows that are jobs. @default all */
  readonly where?: string;
  /** For messages: the condition of an index on these jobs alone. @default none */
  readonly indexWhere?: string;
  /** Column or expression of the state as the system calls it, text. */
  readonly systemState: string;
  /**
   * The condition of each state that the system has. A job is in the first state whose condition
   * holds.
   */
  readonly states: { readonly [State in JobState]?: string };
  /** The other columns that the system has. */
  readonly columns: { readonly [Column in keyof typeof jobColumns]?: string };
  /**
   * Columns with the time that lists are ordered by: for each state that has a better one, and
   * `any` for all other lists. Absent: lists are ordered by ids.
   */
  readonly order?: { readonly [State in JobState]?: string } & { readonly any?: string };
  /**
   * The condition that finds jobs by SQL literals of their ids, and of their queues where all are
   * known. @default by the id alone
   */
  readonly lookup?: (ids: string, queues: string | null) => string;
  /** A query for the failed attempts of `job`: see `selectAttempts`. */
  readonly attempts: string;
  /**
   * Length to which the system itself cuts its error texts, characters; absent where it does not.
   */
  readonly errorLimit?: number;
  /** Column of the arguments; absent where they cannot be read. */
  readonly args?: string;
}

/** The format of a system's ids. */
interface IdFormat {
  readonly pattern: RegExp;
  readonly expected: string;
}

/** Makes the conditions of states from the words that a column has for them. */
export function toStates<State extends JobState>(
  column: string,
  words: Readonly<Record<State, readonly (string | number)[]>>,
): Readonly<Record<State, string>> {
  const entries = Object.entries<readonly (string | number)[]>(words);
  return Object.fromEntries(entries.map(([state, own]) => [state, isOneOf(column, own)])) as Record<State, string>;
}

/**
 * The query for failed attempts; what a system does not have is null. `from` is the rest of the
 * query: its `from` clause, or a condition on the job.
 */
export function selectAttempts(
  own: { readonly [Column in keyof typeof attemptColumns]?: string },
  from: string,
): string {
  return `select ${listColumns(attemptColumns, own).join(", ")} ${from}`;
}

function listColumns<Name extends string>(
  types: Readonly<Record<Name, string>>,
  own: { readonly [N in Name]?: string },
): string[] {
  return Object.entries<string>(types).map(([name, type]) => `${own[name as Name] ?? `null::${type}`} as ${name}`);
}

/** A row's columns as they are stored. */
export function selectRaw({ id, queue, systemState, states, columns: own }: JobQuery, by: string | null): string {
  const state = Object.entries(states).map(([name, condition]) => `when ${condition} then '${name}'`);
  return [
    `${id} as id`,
    `${by ?? "null::text"} as placed_at`,
    `${queue} as queue`,
    `${systemState} as system_state`,
    `case ${state.join(" ")} end as state`,
    ...listColumns(jobColumns, own),
  ].join(", ");
}
