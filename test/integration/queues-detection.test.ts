import { afterAll, beforeAll, expect, inject, it, vi } from "vitest";
import type { QueueSources } from "../../src/domain/queue.ts";
import { silentLogger } from "../../src/logger.ts";
import { parseQueuesFile } from "../../src/upstreams/queues/queues-file.ts";
import { createQueueSources } from "../../src/upstreams/queues/source.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";
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

function open(file?: object): QueueSources {
  const parsed = file === undefined ? { ok: true as const } : parseQueuesFile(JSON.stringify(file));
  if (!parsed.ok) throw new Error(parsed.issues.join("\n"));
  const { ok: _, ...options } = parsed;
  const sources = createQueueSources({ ...options, databaseUrl: database.url, env: null, logger: silentLogger, keepMs: 0 });
  opened.push(sources);
  return sources;
}
const namesOf = async (sources: QueueSources) => (await sources.all(signal)).map(({ name, kind }) => `${kind} ${name}`);

it("finds every system that is there, with the address of the database alone", async () => {
  expect(await namesOf(open())).toEqual(["river river", "river river:audit"]);
});

it("adds what the file says to what is found, and hides what it does not want", async () => {
  expect(await namesOf(open({ sources: [runnerMapping] }))).toEqual(["table runner", "river river", "river river:audit"]);
  expect(await namesOf(open({ sources: [runnerMapping], hide: ["river:audit"] }))).toEqual(["table runner", "river river"]);
  expect(await namesOf(open({ sources: [runnerMapping], detect: false }))).toEqual(["table runner"]);
});

it("takes the file's word for what is found: another name, another grouping", async () => {
  const mails = { name: "mails", kind: "river", schema: "public", by: "queue" };
  const sources = open({ sources: [mails] });
  expect(await namesOf(sources)).toEqual(["river mails", "river river:audit"]);
  const [source] = await sources.all(signal);
  expect(await source?.metrics(signal)).toMatchObject([{ name: "default", source: "mails", depth: 1 }]);
});

it("gives a found system another name where the file has taken its own", async () => {
  const payouts = { ...runnerMapping, name: "river" };
  expect(await namesOf(open({ sources: [payouts] }))).toEqual(["table river", "river river:detected", "river river:audit"]);
});

it("keeps the sources that it has found, and sees within a minute what came and what went", async () => {
  const sources = open();
  const before = await sources.all(signal);
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    await database.query("drop schema audit cascade");
    await createRiverJobs(database, "later");
    vi.advanceTimersByTime(60_000);
    await sources.all(signal);
    await expect.poll(() => namesOf(sources), { timeout: 10_000 }).toEqual(["river river", "river river:later"]);
    expect((await sources.all(signal))[0]).toBe(before[0]);
  } finally {
    vi.useRealTimers();
  }
});
