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
  zoneless: null as string | null,
  zone: "Europe/Berlin",
};
const check = (more: Partial<typeof row> | null, isOwn = true) =>
  checkAccess(
    createMemoryDatabase(() => (more === null ? [] : [{ ...row, ...more }])),
    { schema: null, table: "jobs" },
    isOwn,
    signal,
  );

const zoneless =
  "columns without a time zone (a, b) of jobs are read as UTC, but the time zone of the database is Europe/Berlin: if now() fills them, the numbers are wrong; make them timestamptz";
const grantSchema = 'grant usage on schema "app" to "ops";';
const grantTable = 'grant select on "app"."jobs" to "ops";';
const noRight = (grants: string) => `the role has no right to read it; as the owner: ${grants}`;

it.each<[string, Partial<typeof row> | null, string | null, string[]]>([
  ["a table that may be read", {}, null, []],
  ["no such table", null, "there is no table jobs in this database: correct WALLET_CORE_OPS_QUEUES_FILE", []],
  ["a schema that may not be used", { usable: "false" }, noRight(grantSchema), []],
  ["a table that may not be read", { readable: "false" }, noRight(grantTable), []],
  ["neither", { usable: "false", readable: "false" }, noRight(`${grantSchema} ${grantTable}`), []],
  ["a table that may be written to", { writable: "true" }, null, ["role ops may write to jobs: use a role with SELECT only"]],
  [
    "rows that are hidden",
    { filtered: "true" },
    null,
    ["row-level security hides rows of jobs: grant BYPASSRLS, or read a view"],
  ],
  ["times without a zone", { zoneless: "a, b" }, null, [zoneless]],
  ["times without a zone in UTC", { zoneless: "a, b", zone: "Etc/UTC" }, null, []],
  [
    "times without a zone in another one of that name",
    { zoneless: "a, b", zone: "Mars/UTC" },
    null,
    [zoneless.replace("Europe/Berlin", "Mars/UTC")],
  ],
  [
    "times without a zone in one that begins so",
    { zoneless: "a, b", zone: "GMT+3" },
    null,
    [zoneless.replace("Europe/Berlin", "GMT+3")],
  ],
])("%s", async (_what, more, obstacle, warnings) => expect(await check(more)).toEqual({ obstacle, warnings }));

it("times of a job system without a zone are UTC", async () => {
  expect(await check({ zoneless: "a, b" }, false)).toEqual({ obstacle: null, warnings: [] });
  expect((await check({ zoneless: "a, b", writable: "true", filtered: "true" })).warnings).toHaveLength(3);
});
