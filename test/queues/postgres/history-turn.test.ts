import { expect, it } from "vitest";
import { OpsError } from "../../../src/lib/errors.ts";
import type { Database } from "../../../src/queues/postgres/database.ts";
import { inTurn } from "../../../src/queues/postgres/history.ts";
import { createMemoryDatabase } from "../../support/memory-database.ts";

const { signal } = new AbortController();
const createDatabase = (): Database => createMemoryDatabase();

it("histories of one database are read one at a time, in call order", async () => {
  const [one, other] = [createDatabase(), createDatabase()];
  const [running, ended]: [Set<Database>, string[]] = [new Set(), []];
  const gate = Promise.withResolvers<void>();
  const read = (database: Database, name: string) =>
    inTurn(
      database,
      async () => {
        expect(running.has(database)).toBe(false);
        running.add(database);
        if (database === one) await gate.promise;
        running.delete(database);
        ended.push(name);
      },
      signal,
    );
  const all = [read(one, "a"), read(one, "b"), read(one, "c"), read(other, "x")];
  await all[3];
  gate.resolve();
  await Promise.all(all);
  expect(ended).toEqual(["x", "a", "b", "c"]);
});

it("a caller that leaves is not read for; the next one follows a failure", async () => {
  const database = createDatabase();
  const read: string[] = [];
  const gate = Promise.withResolvers<never>();
  const first = inTurn(
    database,
    () => {
      read.push("first");
      return gate.promise;
    },
    signal,
  );
  const leaving = new AbortController();
  const left = inTurn(database, async () => read.push("left"), leaving.signal);
  const last = inTurn(database, async () => read.push("last"), signal);
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  expect(read).toEqual(["first"]);
  gate.reject(new Error("away"));
  await expect(first).rejects.toThrow("away");
  await last;
  expect(read).toEqual(["first", "last"]);
});

it("a line that is too long for its time accepts nobody more", async () => {
  const database = createDatabase();
  const leaving = new AbortController();
  const gate = Promise.withResolvers<void>();
  const waiting = Array.from({ length: 61 }, () => inTurn(database, () => gate.promise, leaving.signal));
  const settled = Promise.allSettled(waiting);
  await expect(inTurn(database, async () => "refused", signal)).rejects.toThrow(OpsError);
  leaving.abort();
  await settled;
  gate.resolve();
  await expect.poll(() => inTurn(database, async () => "read", signal).catch(() => "refused")).toBe("read");
});
