import { OpsError } from "../../../errors.ts";
import { describe, isSqlState } from "../sql/failures.ts";
import { AnswerLost } from "./pool.ts";

interface ChangeSubject {
  /** Name of the source. */
  readonly source: string;
  /** Table as people write it. */
  readonly table: string;
}

/** Whatever a change failed with, as an OpsError whose message is ours: PostgreSQL's may quote values. Source: "Appendix A. PostgreSQL Error Codes". */
export function toControlError(error: unknown, { source, table }: ChangeSubject): OpsError {
  if (error instanceof OpsError) return error;
  const { code, message } = describe(error);
  // The error of an unreadable URL holds the URL, and so the password: not even for the log.
  const options = { cause: code === "ERR_INVALID_URL" ? undefined : error, upstream: `queues:${source}` };
  if (error instanceof AnswerLost) {
    return new OpsError("job_unknown", "PostgreSQL did not answer: it is not known whether the job was changed", options);
  }
  if (code === "55P03") {
    return new OpsError(
      "queue_locked",
      `Table ${table} or the job in it is locked, by a migration or a worker: nothing was changed`,
      options,
    );
  }
  const mismatch = explainMismatch(code, table);
  if (mismatch !== null) return new OpsError("schema_mismatch", mismatch, options);
  return new OpsError("postgres_unavailable", explainUnavailable(code, message), options);
}

/** Why the database itself did not let a job be changed as its state allowed; null when it is none of that. */
export function explainConstraint(error: unknown): string | null {
  const { code } = describe(error);
  if (code === "23505") return "another job with its unique key waits or runs";
  // Another constraint, or an exception that a trigger raised.
  return /^(?:23|P0)/.test(code) ? `the database refused it (SQLSTATE ${code})` : null;
}

function explainMismatch(code: string, table: string): string | null {
  if (code === "42501") return `The role of CONTROL_DATABASE_URL may not change table ${table}`;
  // The division of graphile-worker's `look`.
  if (code === "22012")
    return `Row-level security hides the jobs of ${table}: the role of CONTROL_DATABASE_URL must own them, or have BYPASSRLS`;
  if (code === "42P01" || code === "3F000") return `Table ${table} does not exist for CONTROL_DATABASE_URL`;
  if (code === "42883") return `Functions of the job system in the schema of ${table} are missing, or of another version`;
  return /^(?:42|22|0A)/.test(code)
    ? `A column of table ${table} is missing or of another type than expected (SQLSTATE ${code})`
    : null;
}

function explainUnavailable(code: string, message: string): string {
  if (code === "57014") return "PostgreSQL took longer than 5 s: nothing was changed";
  if (code === "25006") return "The database of CONTROL_DATABASE_URL only lets us read";
  if (code === "ConnectionsBusyError")
    return "The connection of CONTROL_DATABASE_URL is busy with other changes: nothing was changed";
  if (code === "TimeoutError" || message.startsWith("timeout exceeded"))
    return "PostgreSQL did not answer in time: nothing was changed";
  if (code === "ERR_INVALID_URL") return "CONTROL_DATABASE_URL is not a connection string";
  if (code === "53300") return "PostgreSQL has no connection left for us";
  if (code === "3D000") return "The database of CONTROL_DATABASE_URL does not exist";
  if (code.startsWith("28")) return "PostgreSQL refused the login of CONTROL_DATABASE_URL";
  return isSqlState(code) ? `PostgreSQL is not available (SQLSTATE ${code})` : "PostgreSQL cannot be reached";
}
