import { describe, expect, it } from "vitest";
import { OpsError } from "../../../src/errors.ts";
import { isConnectionLost, toQueueError } from "../../../src/upstreams/queues/sql/failures.ts";
import { ConnectionsBusyError } from "../../../src/upstreams/queues/sql/turns.ts";

const subject = { source: "runner", table: "public.jobs", columns: ["id", "status", "finished_at"] };
const pgError = (code: string, message = "select secret") => Object.assign(new Error(message), { code });

describe("toQueueError", () => {
  it.each([
    ["55P03", "queue_locked", "Table public.jobs is locked, probably by a migration"],
    ["42P01", "schema_mismatch", "Table public.jobs does not exist"],
    ["42501", "schema_mismatch", "The database role may not read table public.jobs"],
    ["22P02", "schema_mismatch", "Table public.jobs does not know one of the statuses that we look for"],
    ["42883", "schema_mismatch", "A column of table public.jobs has another type than expected (SQLSTATE 42883)"],
    ["22007", "schema_mismatch", "A column of table public.jobs has another type than expected (SQLSTATE 22007)"],
    ["57014", "postgres_unavailable", "PostgreSQL took longer than 2 s"],
    ["57P01", "postgres_unavailable", "PostgreSQL is not available (SQLSTATE 57P01)"],
    ["53300", "postgres_unavailable", "PostgreSQL has no connection left for us"],
    ["28P01", "postgres_unavailable", "PostgreSQL refused the login"],
    ["3D000", "postgres_unavailable", "The database of DATABASE_URL does not exist"],
    ["XX000", "postgres_unavailable", "PostgreSQL is not available (SQLSTATE XX000)"],
    ["ECONNREFUSED", "postgres_unavailable", "PostgreSQL cannot be reached"],
    ["EPIPE", "postgres_unavailable", "PostgreSQL cannot be reached"],
  ])("%s is %s", (code, expected, message) => {
    const cause = pgError(code);
    expect(toQueueError(cause, subject)).toMatchObject({ code: expected, message, upstream: "queues:runner", cause });
  });

  it.each([
    ["column job.finished_at does not exist", 'Column "finished_at" does not exist in table public.jobs'],
    ['column "id" does not exist', 'Column "id" does not exist in table public.jobs'],
    ["Spalte job.status existiert nicht", 'Column "status" does not exist in table public.jobs'],
    ["column job.id2 does not exist", "A column does not exist in table public.jobs"],
  ])("names a column only when it is one of ours: %s", (message, expected) => {
    expect(toQueueError(pgError("42703", message), subject).message).toBe(expected);
  });

  it("knows aborts, busy connections, a server that takes none, and an unreadable URL, whose error it drops because it holds the password", () => {
    expect(toQueueError(AbortSignal.abort().reason, subject).message).toBe(
      "Gave up waiting for PostgreSQL: the request has ended",
    );
    expect(toQueueError(new DOMException("", "TimeoutError"), subject).message).toBe("PostgreSQL did not answer in time");
    expect(toQueueError(new ConnectionsBusyError(), subject).message).toBe(
      "All connections to PostgreSQL are busy with other reads",
    );
    for (const text of ["timeout exceeded when trying to connect", "Connection terminated due to connection timeout"]) {
      expect(toQueueError(new Error(text), subject).message).toBe("PostgreSQL accepted no connection in time");
    }
    expect(toQueueError(pgError("ERR_INVALID_URL"), subject)).toMatchObject({
      message: "DATABASE_URL is not a connection string",
      cause: undefined,
    });
  });

  it("takes anything that is thrown, and leaves an OpsError as it is", () => {
    for (const thrown of [null, undefined, "x", 1, {}])
      expect(toQueueError(thrown, subject).message).toBe("PostgreSQL cannot be reached");
    const known = new OpsError("queue_locked", "x");
    expect(toQueueError(known, subject)).toBe(known);
  });
});

describe("isConnectionLost", () => {
  it("is true for what a new connection may cure", () => {
    const lost: Error[] = ["57P01", "57P02", "57P03", "08006", "08003", "ECONNRESET", "EPIPE"].map((code) => pgError(code));
    lost.push(new Error("Connection terminated unexpectedly"), new Error("Connection terminated"));
    expect(lost.filter((error) => !isConnectionLost(error))).toStrictEqual([]);
  });

  it("is false for the rest", () => {
    const others: Error[] = ["57014", "55P03", "42P01", "28P01", "53300", "ECONNREFUSED", "40001"].map((code) => pgError(code));
    others.push(
      new Error("Connection terminated due to connection timeout"),
      new Error("timeout exceeded when trying to connect"),
    );
    expect(others.filter(isConnectionLost)).toStrictEqual([]);
  });
});
