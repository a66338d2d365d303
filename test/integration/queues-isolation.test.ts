import { expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { createDatabase } from "../../src/queues/postgres/database.ts";
import { createTestDatabase } from "../support/postgres-database.ts";

/**
 * The anomaly of a read-only transaction: one closes a batch, one still writes into it, and one
 * that reads both between makes PostgreSQL end a writer.
 */
it("workers' transactions do not fail under serializable", async () => {
  const database = await createTestDatabase(inject("postgresUrl"), "serializable");
  await database.query(
    "alter database " + new URL(database.url).pathname.slice(1) + " set default_transaction_isolation = serializable",
  );
  await database.query(
    "create table control (batch int); create table jobs (batch int, id int); insert into control values (1)",
  );
  const reader = createDatabase(database.url, silentLogger);
  const [adding, closing] = [await database.connect(), await database.connect()];
  try {
    for (const client of [adding, closing]) await client.query("set default_transaction_isolation = serializable");
    await adding.query("begin");
    const { rows } = await adding.query("select batch from control");
    await closing.query("begin; update control set batch = batch + 1; commit");
    const read =
      "select (select batch from control)::text as batch, (select count(*) from jobs where batch = 1)::text as n";
    expect(await reader.read(read, AbortSignal.timeout(5000))).toEqual([{ batch: "2", n: "0" }]);
    await adding.query("insert into jobs values ($1, 1)", [rows[0]?.["batch"]]);
    await expect(adding.query("commit")).resolves.toMatchObject({ command: "COMMIT" });
  } finally {
    await Promise.all([reader.close(), adding.end(), closing.end()]);
    await database.drop();
  }
});
