import { expect, it } from "vitest";
import { checkAccess } from "../../src/queues/probe.ts";
import { createMemoryDatabase } from "../support/memory-database.ts";

const { signal } = new AbortController();
const row = {
  role: "ops",
  schema: "app",
  usable: "true",
  readable: "true",
  writable: "false",
  filtered: "false",
};
const check = (more: Partial<typeof row> | null) =>
  checkAccess(
    createMemoryDatabase(() => (more === null ? [] : [{ ...row, ...more }])),
    { schema: null, table: "jobs" },
    signal,
  );

const grantSchema = 'grant usage on schema "app" to "ops";';
const grantTable = 'grant select on "app"."jobs" to "ops";';
const noRight = (grants: string) => `the role has no right to read it; as the owner: ${grants}`;

it.each<[string, Partial<typeof row> | null, string | null, string[]]>([
  ["a table that may be read", {}, null, []],
  ["no such table", null, "there is no table jobs in this database: correct WALLET_CORE_OPS_QUEUES_FILE", []],
  ["a schema that may not be used", { usable: "false" }, noRight(grantSchema), []],
  ["a table that may not be read", { readable: "false" }, noRight(grantTable), []],
  ["neither", { usable: "false", readable: "false" }, noRight(`${grantSchema} ${grantTable}`), []],
  [
    "a table that may be written to",
    { writable: "true" },
    null,
    ["role ops may write to jobs: use a role with SELECT only"],
  ],
  [
    "rows that are hidden",
    { filtered: "true" },
    null,
    ["row-level security hides rows of jobs: grant BYPASSRLS, or read a view"],
  ],
])("%s", async (_what, more, obstacle, warnings) => expect(await check(more)).toEqual({ obstacle, warnings }));

it("all warnings are given at once", async () => {
  expect((await check({ writable: "true", filtered: "true" })).warnings).toHaveLength(2);
});
