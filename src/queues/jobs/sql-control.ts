import { describe, explainConnection, isNoConnectRight } from "../../lib/postgres/errors.ts";
import type { Row } from "../../lib/postgres/pool.ts";
import { OpsError } from "../../lib/errors.ts";
import { type ReadSubject } from "../postgres/errors.ts";
import { formatTable } from "../postgres/names.ts";
import { type JobAction, type JobChange, type JobControl, type JobRef, type JobStatements, uuidId } from "./control.ts";
import { AnswerLost, type ControlDatabase } from "./database.ts";

interface SqlControlOptions extends JobStatements {
  readonly source: string;
  readonly database: ControlDatabase;
  /**
   * Makes the statements for the actual columns; rejects with an OpsError. @default the given ones
   */
  readonly prepare?: ((signal: AbortSignal) => Promise<JobStatements | null>) | undefined;
}

/** Longest wait for `prepare`, milliseconds. */
const prepareMs = 5_000;

/**
 * Limits for any id or queue: text that PostgreSQL can store, no longer than real keys and names.
 */
const anyId = /^[^\0\p{Cs}]{1,200}$/u;
const anyQueue = /^[^\0\p{Cs}]{1,500}$/u;

/** Ids that no real job has. A probe would change nothing even if one did. */
const [bigintProbe, uuidProbe] = ["0", "00000000-0000-0000-0000-000000000000"] as const;

/** Creates a job control that only runs statements. */
export function createSqlControl({ source, database, prepare, ...given }: SqlControlOptions): JobControl {
  const { id } = given;
  const table = formatTable(given.table);
  const refuse = (message: string) => new OpsError("invalid_request", message, { upstream: `queues:${source}` });
  const checkRef = ({ jobId, queue }: JobRef) => {
    if (!anyId.test(jobId) || (id !== null && !id.pattern.test(jobId))) {
      throw refuse(`jobId must be ${id?.expected ?? "1 to 200 characters"} in this source`);
    }
    if (queue !== null && !anyQueue.test(queue)) throw refuse("queue must have 1 to 500 characters");
  };
  const asOpsError = (error: unknown, job: JobRef) => {
    if (isNoId(error, job.jobId)) return refuse("jobId is not of the type that the ids of this source have");
    return toControlError(error, { source, table });
  };
  const ready = async (): Promise<JobStatements> => {
    const prepared = prepare?.(AbortSignal.timeout(prepareMs)) ?? null;
    return (
      (await prepared?.catch((error: unknown) => Promise.reject(toControlError(error, { source, table })))) ?? given
    );
  };
  const toStatement = (statements: JobStatements, action: JobAction, job: JobRef, onlyFailed: boolean): string => {
    checkRef(job);
    const statement = statements.change(action, job, onlyFailed);
    if (statement !== null) return statement;
    const missing = `The mapping of ${source} in WALLET_CORE_OPS_QUEUES_FILE does not define this operation: add it to "control"`;
    throw new OpsError("operation_not_supported", missing, { upstream: `queues:${source}` });
  };

  return {
    check: (action, job) => void toStatement(given, action, job, false),
    async change(action, job, onlyFailed, check) {
      toStatement(given, action, job, onlyFailed);
      const statements = await ready();
      const statement = toStatement(statements, action, job, onlyFailed);
      const look = statements.look(job);
      try {
        const [changed = [], seen = []] = await database.run([statement, look], check);
        return changed.length > 0 ? toChange(job, changed, true) : toChange(job, seen, false);
      } catch (error) {
        const reason = explainConstraint(error);
        if (reason === null) throw asOpsError(error, job);
        const [seen = []] = await database
          .run([look])
          .catch((failure: unknown) => Promise.reject(asOpsError(failure, job)));
        return toChange(job, seen, false, reason);
      }
    },
    async verify() {
      const statements = await ready();
      const probe = (jobId: string) => database.run(toProbe(statements, jobId));
      const first = id === uuidId ? uuidProbe : bigintProbe;
      await probe(first)
        // The id column of a mapped table may be of type uuid.
        .catch((error: unknown) => (isNoId(error, first) ? probe(uuidProbe) : Promise.reject(error as Error)))
        .catch((error: unknown) => Promise.reject(asOpsError(error, anyJob(uuidProbe))));
    },
    async look(job) {
      checkRef(job);
      const [rows = []] = await database
        .run([(await ready()).look(job)])
        .catch((error: unknown) => Promise.reject(asOpsError(error, job)));
      return rows[0]?.["state"] ?? null;
    },
  };
}

/**
 * Whether PostgreSQL could not parse the id. It quotes the bad value, which may also be a
 * configured status.
 */
function isNoId(error: unknown, jobId: string): boolean {
  const { code, message } = describe(error);
  return ["22P02", "22003"].includes(code) && message.includes(`"${jobId}"`);
}

function toChange(
  { jobId }: JobRef,
  [row, ...others]: readonly Row[],
  changed: boolean,
  reason: string | null = null,
): JobChange {
  const seen = { jobId, changed, state: row?.["state"] ?? null };
  if (others.length > 0) return { ...seen, queue: null, reason: "several queues have a job of this id: name one" };
  return { ...seen, queue: row?.["queue"] ?? null, reason };
}

function anyJob(jobId: string): JobRef {
  return { jobId, queue: null };
}

/**
 * EXPLAIN checks the same rights as running the statement. Empty where no operation is supported.
 */
function toProbe(statements: JobStatements, jobId: string): string[] {
  const job = anyJob(jobId);
  const changes = [
    statements.change("retry", job, false),
    statements.change("retry", job, true),
    statements.change("discard", job, false),
  ].filter((change) => change !== null);
  return changes.length === 0 ? [] : [...changes.map((change) => `explain ${change}`), statements.look(job)];
}

/**
 * Makes an OpsError of any failed change. The message is ours, because PostgreSQL's may quote
 * values. Source: "Appendix A. PostgreSQL Error Codes".
 */
export function toControlError(error: unknown, { source, table }: Pick<ReadSubject, "source" | "table">): OpsError {
  if (error instanceof OpsError) return error;
  const { code } = describe(error);
  // The error of an invalid URL holds the URL and its password: it must not reach the log.
  const options = { cause: code === "ERR_INVALID_URL" ? undefined : error, upstream: `queues:${source}` };
  if (error instanceof AnswerLost) {
    return new OpsError(
      "job_unknown",
      "PostgreSQL did not answer: it is not known whether the job was changed",
      options,
    );
  }
  if (code === "55P03") {
    return new OpsError(
      "queue_locked",
      `Table ${table} or the job in it is locked, by a migration or a worker: nothing was changed`,
      options,
    );
  }
  const mismatch = isNoConnectRight(error) ? null : explainMismatch(code, table);
  if (mismatch !== null) return new OpsError("schema_mismatch", mismatch, options);
  return new OpsError("postgres_unavailable", explainUnavailable(error), options);
}

/** Why the database refused a change that the job's state allowed; null for any other error. */
export function explainConstraint(error: unknown): string | null {
  const { code } = describe(error);
  if (code === "23505") return "another job with its unique key waits or runs";
  // Another constraint, or an exception from a trigger.
  return /^(?:23|P0)/.test(code) ? `the database refused it (SQLSTATE ${code})` : null;
}

function explainMismatch(code: string, table: string): string | null {
  if (code === "42501") return `The role of WALLET_CORE_OPS_CONTROL_DATABASE_URL may not change table ${table}`;
  // Division by zero, as graphile-worker's `look` provokes it.
  if (code === "22012")
    return `Row-level security hides the jobs of ${table}: the role of WALLET_CORE_OPS_CONTROL_DATABASE_URL must own them, or have BYPASSRLS`;
  if (code === "42P01" || code === "3F000")
    return `Table ${table} does not exist for WALLET_CORE_OPS_CONTROL_DATABASE_URL`;
  if (code === "42883")
    return `Functions of the job system in the schema of ${table} are missing, or of another version`;
  return /^(?:42|22|0A)/.test(code)
    ? `A column of table ${table} is missing or of another type than expected (SQLSTATE ${code})`
    : null;
}

function explainUnavailable(error: unknown): string {
  const { code, message } = describe(error);
  if (code === "57014") return "PostgreSQL took longer than 5 s: nothing was changed";
  if (code === "25006") return "The database of WALLET_CORE_OPS_CONTROL_DATABASE_URL only lets us read";
  if (code === "ConnectionsBusyError")
    return "The connection of WALLET_CORE_OPS_CONTROL_DATABASE_URL is busy with other changes: nothing was changed";
  if (code === "TimeoutError" || message.startsWith("timeout exceeded"))
    return "PostgreSQL did not answer in time: nothing was changed";
  return explainConnection(error, "WALLET_CORE_OPS_CONTROL_DATABASE_URL");
}
