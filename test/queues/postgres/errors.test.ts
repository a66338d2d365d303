import { describe, expect, it } from "vitest";
import { OpsError } from "../../../src/lib/errors.ts";
import { describe as describeError, isConnectionLost, isSqlState } from "../../../src/lib/postgres/errors.ts";
import { noSubject, toQueueError } from "../../../src/queues/postgres/errors.ts";
import { ConnectionsBusyError } from "../../../src/queues/postgres/database.ts";

const subject = { source: "runner", table: "public.jobs", sql: "select id, status, finished_at from public.jobs" };
const pgError = (code: string, message = "select secret") => Object.assign(new Error(message), { code });

describe("toQueueError", () => {
  it.each([
    ["55P03", "queue_locked", "Table public.jobs is locked, probably by a migration"],
    ["42P01", "schema_mismatch", "Table public.jobs does not exist"],
    ["3F000", "schema_mismatch", "Table public.jobs does not exist"],
    ["42703", "schema_mismatch", "A column does not exist in table public.jobs"],
    ["0A000", "schema_mismatch", "A column of table public.jobs has another type than expected (SQLSTATE 0A000)"],
    [
      "XX422",
      "postgres_unavailable",
      "PostgreSQL is not available (SQLSTATE XX422): see its log, or check WALLET_CORE_OPS_DATABASE_URL",
    ],
    ["28000", "postgres_unavailable", "PostgreSQL refused the login of WALLET_CORE_OPS_DATABASE_URL"],
    ["42501", "schema_mismatch", "The database role may not read table public.jobs"],
    ["22P02", "schema_mismatch", "Table public.jobs does not have one of the expected statuses"],
    ["22012", "schema_mismatch", "An expression divides by zero in a row of table public.jobs"],
    ["42883", "schema_mismatch", "A column of table public.jobs has another type than expected (SQLSTATE 42883)"],
    ["22007", "schema_mismatch", "A column of table public.jobs has another type than expected (SQLSTATE 22007)"],
    ["57014", "postgres_unavailable", "PostgreSQL took longer than 2 s"],
    [
      "57P01",
      "postgres_unavailable",
      "PostgreSQL is not available (SQLSTATE 57P01): see its log, or check WALLET_CORE_OPS_DATABASE_URL",
    ],
    ["53300", "postgres_unavailable", "PostgreSQL has no connection left for the role of WALLET_CORE_OPS_DATABASE_URL"],
    ["28P01", "postgres_unavailable", "PostgreSQL refused the login of WALLET_CORE_OPS_DATABASE_URL"],
    ["3D000", "postgres_unavailable", "The database of WALLET_CORE_OPS_DATABASE_URL does not exist"],
    [
      "XX000",
      "postgres_unavailable",
      "PostgreSQL is not available (SQLSTATE XX000): see its log, or check WALLET_CORE_OPS_DATABASE_URL",
    ],
    [
      "ECONNREFUSED",
      "postgres_unavailable",
      "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_DATABASE_URL",
    ],
    [
      "EPIPE",
      "postgres_unavailable",
      "PostgreSQL cannot be reached: it closed the connection (EPIPE): check WALLET_CORE_OPS_DATABASE_URL",
    ],
  ])("%s is %s", (code, expected, message) => {
    const cause = pgError(code);
    expect(toQueueError(cause, subject)).toMatchObject({ code: expected, message, upstream: "queues:runner", cause });
  });

  it.each([
    ["column job.finished_at does not exist", 'Column "finished_at" does not exist in table public.jobs'],
    ['column "id" does not exist', 'Column "id" does not exist in table public.jobs'],
    ["Spalte job.status existiert nicht", 'Column "status" does not exist in table public.jobs'],
    ["column job.id2 does not exist", "A column does not exist in table public.jobs"],
  ])("names a column only if it is one of ours: %s", (message, expected) => {
    expect(toQueueError(pgError("42703", message), subject).message).toBe(expected);
  });

  it.each([
    ["42P01", 'relation "public.other" does not exist', "Table public.other does not exist"],
    ["42P01", 'relation "jobs" does not exist', "Table public.jobs does not exist"],
    ["42P01", 'the relation "other" does not exist', "Table public.jobs does not exist"],
    ["42P01", 'relation "other" does not exist here', "Table public.jobs does not exist"],
    ["42501", "permission denied for table other", "The database role may not read table other"],
    ["42501", "permission denied for view other", "The database role may not read table other"],
    ["42501", "permission denied for materialized view other", "The database role may not read table other"],
    ["42501", "permission denied for table other\nor not", "The database role may not read table public.jobs"],
    ["42501", "permission denied for schema other", "The database role may not read table public.jobs"],
    ["42501", "no permission denied for table other", "The database role may not read table public.jobs"],
  ])("names the table that PostgreSQL names: %s %s", (code, text, message) => {
    expect(toQueueError(pgError(code, text), subject).message).toBe(message);
  });

  it("names no source if the error is about none of them", () => {
    const error = toQueueError(pgError("57014"), noSubject);
    expect(error).toMatchObject({ message: "PostgreSQL took longer than 2 s", upstream: undefined });
    expect(toQueueError(pgError("42P01"), noSubject).message).toBe("Table  does not exist");
  });

  it.each([
    ["a timeout exceeded", "PostgreSQL cannot be reached: check WALLET_CORE_OPS_DATABASE_URL"],
    ["due to connection timeout, or not", "PostgreSQL cannot be reached: check WALLET_CORE_OPS_DATABASE_URL"],
    ["timeout exceeded", "PostgreSQL accepted no connection in time"],
  ])("maps %s to %s", (text, message) => expect(toQueueError(new Error(text), subject).message).toBe(message));

  it("explains aborts, busy connections, timeouts and an invalid URL", () => {
    expect(toQueueError(AbortSignal.abort().reason, subject).message).toBe(
      "Gave up waiting for PostgreSQL: the request has ended",
    );
    expect(toQueueError(new DOMException("", "TimeoutError"), subject).message).toBe(
      "PostgreSQL did not answer in time",
    );
    expect(toQueueError(new ConnectionsBusyError(), subject).message).toBe(
      "All connections to PostgreSQL are busy with other reads",
    );
    for (const text of ["timeout exceeded when trying to connect", "Connection terminated due to connection timeout"]) {
      expect(toQueueError(new Error(text), subject).message).toBe("PostgreSQL accepted no connection in time");
    }
    expect(toQueueError(pgError("ERR_INVALID_URL"), subject)).toMatchObject({
      message: "WALLET_CORE_OPS_DATABASE_URL is not a connection string",
      cause: undefined,
    });
  });

  it("accepts anything thrown, and leaves an OpsError unchanged", () => {
    for (const thrown of [null, undefined, "x", 1, {}])
      expect(toQueueError(thrown, subject).message).toBe(
        "PostgreSQL cannot be reached: check WALLET_CORE_OPS_DATABASE_URL",
      );
    const known = new OpsError("queue_locked", "x");
    expect(toQueueError(known, subject)).toBe(known);
  });
});

describe("isConnectionLost", () => {
  it("is true if a new connection may help", () => {
    const lost: Error[] = ["57P01", "57P02", "57P03", "08000", "08006", "08003", "ECONNRESET", "EPIPE"].map((code) =>
      pgError(code),
    );
    lost.push(new Error("Connection terminated unexpectedly"), new Error("Connection terminated"));
    expect(lost.filter((error) => !isConnectionLost(error))).toStrictEqual([]);
  });

  it("is false otherwise", () => {
    const others: Error[] = ["57014", "55P03", "42P01", "28P01", "53300", "ECONNREFUSED", "40001"].map((code) =>
      pgError(code),
    );
    others.push(
      new Error("Connection terminated due to connection timeout"),
      new Error("timeout exceeded when trying to connect"),
      new Error("The Connection terminated"),
      new Error("Connection terminated unexpectedly again"),
    );
    expect(others.filter(isConnectionLost)).toStrictEqual([]);
  });
});

describe("isSqlState", () => {
  it.each([
    ["57P01", true],
    ["12345", true],
    ["XX000", true],
    ["EPIPE", false],
    ["57P0", false],
    ["57P012", false],
    ["057P01", false],
    ["57p01", false],
    ["", false],
  ])("of %s is %s", (code, isOne) => expect(isSqlState(code)).toBe(isOne));
});

describe("the subject of an error", () => {
  it.each([
    [
      { code: "57014", name: "error", message: "m" },
      { code: "57014", message: "m" },
    ],
    [
      { code: 57, name: "TimeoutError", message: 1 },
      { code: "TimeoutError", message: "" },
    ],
    [
      { code: "", name: "AbortError" },
      { code: "AbortError", message: "" },
    ],
    [null, { code: "", message: "" }],
    ["text", { code: "", message: "" }],
  ])("%j has the code and message %j", (thrown, expected) => expect(describeError(thrown)).toEqual(expected));
});
