import { OpsError } from "../../lib/errors.ts";
import { describe, explainConnection, isNoConnectRight } from "../../lib/postgres/errors.ts";

/** The subject of a failed read, for its error message. */
export interface ReadSubject {
  /** Name of the source; null while sources are detected. */
  readonly source: string | null;
  /** The table's name as people write it. */
  readonly table: string;
  /** The statements of the source. Messages name a column only if it occurs in them. */
  readonly sql: string;
}

/** For a read of no particular table. */
export const noSubject: ReadSubject = { source: null, table: "", sql: "" };

/**
 * Makes the port's OpsError of any failed read. The message is ours: PostgreSQL's may quote values,
 * and pg's may name the address. Source: "Appendix A. PostgreSQL Error Codes".
 */
export function toQueueError(error: unknown, subject: ReadSubject): OpsError {
  if (error instanceof OpsError) return error;
  const { code, message } = describe(error);
  // The error of an invalid URL holds the URL and its password: it must not reach the log.
  const cause = code === "ERR_INVALID_URL" ? undefined : error;
  const options = { cause, ...(subject.source === null ? {} : { upstream: `queues:${subject.source}` }) };
  if (code === "55P03")
    return new OpsError("queue_locked", `Table ${subject.table} is locked, probably by a migration`, options);
  const mismatch = isNoConnectRight(error) ? null : explainMismatch(code, message, subject);
  if (mismatch !== null) return new OpsError("schema_mismatch", mismatch, options);
  return new OpsError("postgres_unavailable", explainUnavailable(error), options);
}

/**
 * Matches `column job.state does not exist`, `column "state" does not exist`, and the same in
 * another language.
 */
const missingColumn = /\.(.+) does not exist$|"(.+)"|\.(\S+) /;

function explainMismatch(code: string, message: string, { table, sql }: ReadSubject): string | null {
  const column = missingColumn
    .exec(message)
    ?.slice(1)
    .find((name) => name !== undefined);
  const which = column === undefined || !sql.includes(column) ? "A column" : `Column ${JSON.stringify(column)}`;
  switch (code) {
    case "42P01":
    case "3F000":
      return `Table ${toOther(/^relation "(.+)" does not exist$/, message, table)} does not exist`;
    case "42703":
      return `${which} does not exist in table ${table}`;
    case "42501":
      return `The database role may not read table ${toOther(/^permission denied for (?:table|view|materialized view) (.+)$/, message, table)}`;
    case "22P02":
      return `Table ${table} does not have one of the expected statuses`;
    case "22012":
      return `An expression divides by zero in a row of table ${table}`;
    default:
      // 42: an undefined operator, function or type. 22: a value that cannot be parsed as a time or
      // a number.
      return /^(?:42|22|0A)/.test(code)
        ? `A column of table ${table} has another type than expected (SQLSTATE ${code})`
        : null;
  }
}

/**
 * The table that PostgreSQL's message names, which may be another one of the system; else the given
 * one.
 */
function toOther(pattern: RegExp, message: string, table: string): string {
  const named = pattern.exec(message)?.[1];
  return named === undefined || table.endsWith(named) ? table : named;
}

function explainUnavailable(error: unknown): string {
  const { code, message } = describe(error);
  if (code === "57014") return "PostgreSQL took longer than 2 s";
  if (code === "TimeoutError") return "PostgreSQL did not answer in time";
  if (code === "AbortError") return "Gave up waiting for PostgreSQL: the request has ended";
  if (code === "ConnectionsBusyError") return "All connections to PostgreSQL are busy with other reads";
  if (/^timeout exceeded|due to connection timeout$/.test(message)) return "PostgreSQL accepted no connection in time";
  return explainConnection(error, "WALLET_CORE_OPS_DATABASE_URL");
}
