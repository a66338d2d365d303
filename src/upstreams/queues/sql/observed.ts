import { type ObserveCall, observed } from "../../../domain/upstream-call.ts";
import { noSubject, toQueueError } from "./failures.ts";
import type { Database } from "./pool.ts";

const toCode = (error: unknown) => toQueueError(error, noSubject).code;

/** The database, its reads observed: each with its retry is one. */
export function observeDatabase(database: Database, observe: ObserveCall): Database {
  return {
    ...database,
    read: (statement, signal) =>
      observed({ observe, upstream: "postgres", signal, toCode }, () => database.read(statement, signal)),
    readAll: (statements, signal) =>
      observed({ observe, upstream: "postgres", signal, toCode }, () => database.readAll(statements, signal)),
  };
}
