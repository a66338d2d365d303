import { afterAll, beforeAll, expect, inject, it, onTestFinished, vi } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { parseQueuesFile } from "../../src/queues/config.ts";
import type { QueueSources } from "../../src/queues/queue.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

const signal = AbortSignal.timeout(60_000);
let database: TestDatabase;
const opened: QueueSources[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "detection");
  await createRunnerJobs(database);
  const river = await createRiverJobs(database);
  await createRiverJobs(database, "audit");
  await river.insert([{ queue: "mail", state: "waiting" }]);
});
afterAll(async () => {
  for (const sources of opened) await sources.close();
  await database.drop();
});

function open(file?: object, databaseUrl = database.url): QueueSources {
  const parsed = file === undefined ? { ok: true as const } : parseQueuesFile(JSON.stringify(file));
  if (!parsed.ok) throw new Error(parsed.issues.join("\n"));
  const { ok: _, ...options } = parsed;
  const sources = createQueueSources({ ...options, databaseUrl, env: null, logger: silentLogger, ttlMs: 0 });
  opened.push(sources);
  return sources;
}
const namesOf = async (sources: QueueSources) => (await sources.all(signal)).map(({ name, kind }) => `${kind} ${name}`);

it("every system is found by the address of the database alone", async () => {
  expect(await namesOf(open())).toEqual(["river river", "river river:audit"]);
});

it("the file adds to what is found and hides what it excludes", async () => {
  expect(await namesOf(open({ sources: [runnerMapping] }))).toEqual([
    "table runner",
    "river river",
    "river river:audit",
  ]);
  expect(await namesOf(open({ sources: [runnerMapping], hide: ["river:audit"] }))).toEqual([
    "table runner",
    "river river",
  ]);
  expect(await namesOf(open({ sources: [runnerMapping], detect: false }))).toEqual(["table runner"]);
});

it("the file overrides what is found: another name, another grouping", async () => {
  const mails = { name: "mails", kind: "river", schema: "public", by: "queue" };
  const sources = open({ sources: [mails] });
  expect(await namesOf(sources)).toEqual(["river mails", "river river:audit"]);
  const [source] = await sources.all(signal);
  expect(await source?.metrics(signal)).toMatchObject([{ name: "default", source: "mails", depth: 1 }]);
});

it("a found system is renamed where the file has taken its name", async () => {
  const payouts = { ...runnerMapping, name: "river" };
  expect(await namesOf(open({ sources: [payouts] }))).toEqual([
    "table river",
    "river river:detected",
    "river river:audit",
  ]);
});

it("found names give way to the file's names, within their limits", async () => {
  const take = (name: string) => ({ ...runnerMapping, name });
  const sources = open({ sources: ["river", "river:detected", "river:detected-2", "river:audit"].map(take) });
  const names = (await sources.all(signal)).map(({ name }) => name);
  expect(names.slice(4)).toEqual(["river:detected-3", "river:audit:detected"]);
});

it("schemas with similar names have distinct source names", async () => {
  const own = await createTestDatabase(inject("postgresUrl"), "alike");
  onTestFinished(() => own.drop());
  const long = "s".repeat(62);
  const schemas = ["x y", "x_y", "x-y", `${long} 1`.slice(1), `${long} 2`.slice(1)];
  for (const schema of schemas) {
    const river = await createRiverJobs(own, `"${schema}"`);
    await river.insert([{ queue: schema, state: "waiting" }]);
  }
  await createRiverJobs(own);
  const sources = open(undefined, own.url);
  onTestFinished(() => sources.close());
  const found = await sources.all(signal);
  const names = found.map(({ name }) => name);
  expect(names).toEqual([
    "river",
    expect.stringMatching(/^river:s{49}-[0-9a-f]{8}$/),
    expect.stringMatching(/^river:s{49}-[0-9a-f]{8}$/),
    expect.stringMatching(/^river:x_y-[0-9a-f]{8}$/),
    "river:x-y",
    "river:x_y",
  ]);
  expect(new Set(names).size).toBe(names.length);
  const queues = await Promise.all(found.map(async (source) => (await source.metrics(signal)).map(({ name }) => name)));
  expect(queues.flat().toSorted()).toEqual(schemas.toSorted());
});

it("a table's name makes no system, and no system hides another", async () => {
  const own = await createTestDatabase(inject("postgresUrl"), "tenants");
  onTestFinished(() => own.drop());
  const marker = (schema: string, table: string) => `create view ${schema}.${table} as select 1 as id`;
  const tenants = (prefix: string, count: number, tables: readonly string[]) =>
    Array.from({ length: count }, (_, n) => `${prefix}_${n}`).map((schema) =>
      [`create schema ${schema}`, ...tables.map((table) => marker(schema, table))].join(";"),
    );
  await own.query(tenants("pgboss", 1, ["job", "queue", "schedule", "subscription", "version"]).join(";"));
  await own.query(tenants("acme", 260, ["jobs", "schedule"]).join(";"));
  const tenanted = open(undefined, own.url);
  expect(await namesOf(tenanted)).toEqual(["pgboss pgboss"]);
  await own.query(tenants("audit", 501, ["river_job"]).join(";"));
  await own.query(marker("public", "river_job"));
  const names = await namesOf(open(undefined, own.url));
  expect(names).toHaveLength(500);
  expect(names).toEqual(expect.arrayContaining(["pgboss pgboss", "river river", "river river:audit_0"]));
});

it("found sources stay, and changes are seen within a minute", async () => {
  const sources = open();
  const before = await sources.all(signal);
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    await database.query("drop schema audit cascade");
    await createRiverJobs(database, "later");
    const namesAfterMinute = async () => {
      vi.advanceTimersByTime(60_000);
      await sources.all(signal);
      return namesOf(sources);
    };
    await expect.poll(namesAfterMinute).toEqual(["river river", "river river:later"]);
    expect((await sources.all(signal))[0]).toBe(before[0]);
  } finally {
    vi.useRealTimers();
  }
});
