import { expect, it } from "vitest";
import { assumesUtc, createPrepared, prepareMapping } from "../../../../src/queues/systems/table/prepare.ts";
import { createMemoryDatabase } from "../../../support/memory-database.ts";
import { runnerMapping } from "../../../support/queue-mappings.ts";

const signal = AbortSignal.timeout(10_000);
const pgError = (code: string, message = "", position?: string) =>
  Object.assign(new Error(message), { code, position });

/** A database whose table has these types, and that refuses the statement after that. */
function prepare(more: object, types: Record<string, string>, refusal: Error | null = null) {
  const columns = Object.entries(types).map(([name, type]) => ({ name, type, zone: "UTC" }));
  const database = createMemoryDatabase((statement) => {
    if (statement.includes("pg_attribute")) return columns;
    if (refusal) throw refusal;
    return [];
  });
  return prepareMapping({ ...runnerMapping, ...more }, { database, path: "sources[2]" }, signal);
}

it("statuses have the type of their column", async () => {
  const lists = { waiting: [0], active: ["1"], done: [2, "3"], failed: [-1], control: { retry: { status: "0" } } };
  const whole = (await prepare(lists, { status: "smallint" })).mapping;
  expect(whole).toMatchObject({
    waiting: [0],
    active: [1],
    done: [2, 3],
    failed: [-1],
    control: { retry: { status: 0 } },
  });
  const text = (await prepare(lists, { status: "text" })).mapping;
  expect(text).toMatchObject({
    waiting: ["0"],
    active: ["1"],
    done: ["2", "3"],
    failed: ["-1"],
    control: { retry: { status: "0" } },
  });
});

it.each(["1.5", "01", "", "x", "1; --"])("the status %j is none of an integer column", async (status) => {
  await expect(
    prepare({ waiting: [status], active: [1], done: [2], failed: [3] }, { status: "integer" }),
  ).rejects.toMatchObject({
    code: "schema_mismatch",
    message: `WALLET_CORE_OPS_QUEUES_FILE, sources[2].waiting: column "status" of table public.runner_jobs is integer, ${JSON.stringify(status)} is not`,
    upstream: "queues:runner",
  });
});

it("times without a zone are assumed to be UTC until it is named", async () => {
  const types = { run_at: "timestamp without time zone", finished_at: "timestamp with time zone" };
  const assumed = await prepare({}, types);
  expect([assumesUtc(assumed.mapping), assumed.warnings.length]).toEqual([true, 1]);
  const named = await prepare({ time_zone: "UTC" }, types);
  expect([assumesUtc(named.mapping), named.warnings]).toEqual([false, []]);
});

it("a zone that PostgreSQL does not know is named", async () => {
  const database = createMemoryDatabase(() => {
    throw pgError("22023", 'time zone "Mars/Base" not recognized');
  });
  const config = { ...runnerMapping, time_zone: "Mars/Base" };
  await expect(prepareMapping(config, { database, path: "sources[0]" }, signal)).rejects.toMatchObject({
    message: "WALLET_CORE_OPS_QUEUES_FILE, sources[0].time_zone: PostgreSQL does not know this time zone",
  });
});

it.each([
  ["42501", undefined, "The database role may not read table public.runner_jobs"],
  ["42P01", undefined, "Table public.runner_jobs does not exist"],
  ["55P03", undefined, "Table public.runner_jobs is locked, probably by a migration"],
  ["57014", undefined, "PostgreSQL took longer than 2 s"],
  [
    "42P01",
    "999",
    "WALLET_CORE_OPS_QUEUES_FILE, sources[2].where: table is not known here: write columns without the table's name",
  ],
  [
    "22P02",
    undefined,
    "WALLET_CORE_OPS_QUEUES_FILE, sources[2].where: compares a column with a value that is not of its type",
  ],
])("a refused trial of a condition has its own reason: %s at %s", async (code, position, message) => {
  await expect(
    prepare({ where: "a = 'secret'" }, { status: "text" }, pgError(code, "'secret'", position)),
  ).rejects.toMatchObject({
    message,
  });
});

it("a mapping is completed once for its readers, and again after a failure", async () => {
  let asked = 0;
  const database = createMemoryDatabase(() => {
    asked += 1;
    if (asked === 2) throw pgError("57P01");
    return [{ name: "status", type: "text" }];
  });
  const prepared = createPrepared(runnerMapping, { database });
  await Promise.all([prepared.refresh(signal), prepared.get(), prepared.get()]);
  expect(asked).toBe(1);
  await expect(prepared.refresh(signal)).rejects.toMatchObject({ code: "postgres_unavailable" });
  await prepared.get();
  expect(asked).toBe(3);
});
