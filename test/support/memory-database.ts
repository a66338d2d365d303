import type { Row } from "../../src/lib/postgres/pool.ts";
import { createReadLimits, type Database } from "../../src/queues/postgres/database.ts";

/** A database with given answers to statements, one after the other. */
export function createMemoryDatabase(
  answer: (statement: string) => readonly Row[] | Promise<readonly Row[]> = () => [],
): Database {
  const read = async (statement: string) => answer(statement);
  return {
    read,
    readSingle: read,
    readAll: async (statements) => Promise.all(statements.map(read)),
    limits: createReadLimits(),
    clockOffset: () => null,
    close: async () => {},
  };
}
