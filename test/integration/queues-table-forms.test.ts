import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { parseQueuesFile } from "../../src/queues/config.ts";
import type { HeavyOptions } from "../../src/queues/postgres/statements.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import type { JobPlace, PlacedJob } from "../../src/queues/job.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources, type OpenSource } from "../../src/queues/source.ts";
import { inLastMinutes, timeColumn } from "../../src/queues/systems/table/columns.ts";
import type { TableSourceConfig } from "../../src/queues/systems/table/config.ts";
import { createFormJobs, type TableForm, tableForms } from "../support/form-jobs.ts";
import { openOperator } from "../support/job-operator.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const signal = AbortSignal.timeout(120_000);
const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers.toReversed()) await close();
});

async function openDatabase(name: string): Promise<TestDatabase> {
  const database = await createTestDatabase(inject("postgresUrl"), name);
  closers.push(() => database.drop());
  return database;
}

/** The mapping as an owner writes it in QUEUES_FILE. */
function parse(mapping: object): readonly QueueSourceConfig[] {
  const parsed = parseQueuesFile(JSON.stringify({ sources: [mapping] }));
  if (!parsed.ok) throw new Error(parsed.issues.join("\n"));
  return parsed.sources;
}

async function open(database: TestDatabase, mapping: object, heavy: HeavyOptions = {}): Promise<OpenSource> {
  const options = { ttlMs: 0, detect: false, env: null, logger: silentLogger, heavy };
  const sources = createQueueSources({ databaseUrl: database.url, sources: parse(mapping), ...options });
  closers.push(() => sources.close());
  return (await sources.all(signal))[0] as OpenSource;
}

const minutes = (count: number) => count * 60;
const near = (seconds: number) => expect.toSatisfy((value: number) => Math.abs(value - seconds) < 20) as number;
const nearAgo = (seconds: number) =>
  expect.toSatisfy((time: string) => Math.abs(Date.now() / 1000 - seconds - Date.parse(time) / 1000) < 20) as string;

describe.each(Object.entries<TableForm>(tableForms))("times as %s", (_name, form) => {
  let database: TestDatabase;
  let mapping: object;
  const insertAll = async () => {
    const jobs = await createFormJobs(database, form);
    mapping = jobs.config;
    await jobs.insert([
      { id: 1, queue: "mail", state: "waiting", dueAgo: minutes(10) },
      { id: 2, queue: "mail", state: "waiting", dueAgo: minutes(4) },
      { id: 3, queue: "mail", state: "waiting", dueAgo: minutes(-30) },
      { id: 4, queue: "mail", state: "running", dueAgo: minutes(3) },
      { id: 5, queue: "mail", state: "done", dueAgo: minutes(3), endedAgo: minutes(2) },
      { id: 6, queue: "mail", state: "done", dueAgo: minutes(90), endedAgo: minutes(80) },
      {
        id: 7,
        queue: "mail",
        state: "failed",
        dueAgo: minutes(30),
        endedAgo: minutes(20),
        error: "timeout after 30 s",
      },
      { id: 8, queue: "mail", state: "failed", dueAgo: minutes(90), endedAgo: minutes(70), error: "long ago" },
      { id: 9, queue: "mail", state: "done", dueAgo: minutes(210), endedAgo: minutes(200) },
    ]);
  };
  beforeAll(async () => {
    database = await openDatabase("forms");
    await insertAll();
  });

  it.each([{}, { cost: 0 }])("the numbers are those of its own rows, and exact (%o)", async (heavy) => {
    const source = await open(database, mapping, heavy);
    expect(await source.metrics(signal)).toMatchObject([
      { name: "configured", depth: 0 },
      {
        name: "mail",
        depth: 2,
        deferred: 1,
        active: 1,
        oldestAgeSeconds: near(minutes(10)),
        processedPerSec: 1 / 300,
        failuresLastHour: 1,
        failuresRecent: 0,
        exact: !("cost" in heavy),
      },
    ]);
  });

  it.each([{}, { cost: 0 }])("errors are the texts of the last attempts (%o)", async (heavy) => {
    const source = await open(database, mapping, heavy);
    expect(await source.failures(signal)).toMatchObject([
      { queue: "mail", error: "timeout after 30 s", count: 1, jobIds: ["7"], lastAt: nearAgo(minutes(20)) },
    ]);
    expect(await source.failedJobs?.("mail", "retry", signal)).toMatchObject([{ jobIds: ["7"] }]);
  });

  it("the history is that of its own rows", async () => {
    const source = await open(database, mapping);
    const now = Math.floor(Date.now() / 60_000) * 60;
    const range = { from: now - minutes(120), step: minutes(40), steps: 3 };
    const history = (await source.history?.(["mail"], range, signal))?.get("mail");
    const sum = (name: "failures" | "processedPerSec") =>
      (history?.points ?? []).reduce((total, point) => total + (point[name] ?? 0), 0);
    expect([sum("failures"), Math.round(sum("processedPerSec") * minutes(40))]).toEqual([2, 2]);
    const [last] = history?.points.slice(-1) ?? [];
    // Without `started_at` the running job waits until it ends.
    expect(last).toMatchObject({ depth: 3, oldestAgeSeconds: near(minutes(10) - (Date.now() / 1000 - now)) });
  });

  it("a list of jobs is paged in the order of their ends", async () => {
    const { jobs } = await open(database, mapping);
    const ids: string[] = [];
    let after: JobPlace | null = null;
    for (;;) {
      const page: readonly PlacedJob[] =
        (await jobs?.page(
          { queue: "mail", state: "failed", after, before: null, inverted: false, limit: 1 },
          signal,
        )) ?? [];
      const [job] = page;
      if (!job) break;
      ids.push(job.jobId);
      after = job.place;
    }
    expect(ids).toEqual(["7", "8"]);
    const [found] = (await jobs?.find([{ jobId: "7", queue: "mail" }], signal)) ?? [];
    expect(found).toMatchObject({
      state: "failed",
      systemState: "-1",
      scheduledAt: nearAgo(minutes(30)),
      finishedAt: nearAgo(minutes(20)),
    });
    const attempts = await jobs?.attempts([found as never], signal);
    expect(attempts).toMatchObject([[{ error: "timeout after 30 s", at: nearAgo(minutes(20)) }]]);
  });

  it("running jobs and their workers have their start", async () => {
    await database.query(`alter table formed add locked_by text, add locked_at ${form.type}`);
    await database.query(`
      update formed set locked_by = 'web-1', locked_at = ${form.toStored("now() - interval '3 minutes'")} where state = 1;
      update formed set locked_at = ${form.toStored("now() - interval '150 seconds'")} where state = 2 and finished_at > ${form.toStored("now() - interval '5 minutes'")}`);
    const source = await open(database, { ...mapping, worker: { column: "locked_by" }, started_at: "locked_at" });
    expect(await source.running?.(["web-1"], signal)).toMatchObject({
      total: 1,
      jobs: [{ jobId: "4", startedAt: nearAgo(minutes(3)) }],
    });
    expect(await source.workerJobs?.(signal)).toMatchObject([
      { queue: "mail", host: "web-1", count: 1, oldestAgeSeconds: near(minutes(3)) },
    ]);
    const [, metrics] = await source.metrics(signal);
    expect(metrics).toMatchObject({ waitSeconds: { p50: near(30) }, runSeconds: { p50: near(30) } });
    expect((await source.usualRuns?.(signal))?.get("mail")).toEqual(near(30));
  });

  it("retry and discard write times of that form, of its own rows alone", async () => {
    const operator = openOperator({ databaseUrl: database.url, controlUrl: database.url, queues: [mapping] });
    closers.push(() => operator.close());
    const read = async (id: string) =>
      (
        await database.query(
          `select state, abs(extract(epoch from now() - ${form.toTime("run_at")})) < 20 as due_now, finished_at is null as open,
                  abs(extract(epoch from now() - ${form.toTime("finished_at")})) < 20 as ended_now from formed where id = $1`,
          [id],
        )
      ).rows[0];
    const { data } = await operator.ask('{ jobErrors(queue: "mail") { fingerprint count } }');
    expect(data.jobErrors).toMatchObject([{ count: 1 }]);
    const group = await operator.retryGroup("formed", "mail", data.jobErrors[0].fingerprint);
    expect(group.data).toMatchObject({ count: 1, jobIds: ["7"], skipped: [] });
    expect(await read("7")).toMatchObject({ state: 0, due_now: true, open: true });
    expect((await operator.discard("formed", "3")).done).toMatchObject({ state: "3" });
    expect(await read("3")).toMatchObject({ state: 3, ended_now: true });
    const [twin] = (await database.query("select id::text from formed where tenant = 2 and state = -1 limit 1")).rows;
    for (const change of [operator.retry, operator.discard])
      expect((await change("formed", String(twin?.["id"]))).error?.code).toBe("job_not_found");
    expect(await read(String(twin?.["id"]))).toMatchObject({ state: -1 });
  });
});

const usual = {
  name: "s",
  kind: "table",
  table: "jobs",
  queue: { name: "q" },
  id: "id",
  status: "status",
  finished_at: "ended",
};
const lists = { waiting: ["new"], done: ["done"], failed: ["failed"] };
const mapped = { ...usual, ...lists, run_at: "due" };

describe("columns of another form", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openDatabase("odd");
    await database.query(`
      create table jobs (id int, status text, due timestamp, ended timestamp, number int, log json, texts text[], note text);
      create table numbers (id int, status int, due bigint, ended bigint);
      insert into numbers select n, 0, extract(epoch from now())::bigint - n, 0 from generate_series(1, 3) as n`);
  });
  const check = async (mapping: object) => {
    const options = {
      databaseUrl: database.url,
      sources: parse(mapping),
      detect: false,
      env: null,
      logger: silentLogger,
    };
    return probeQueueSources(options, signal);
  };

  it("times in an unnamed zone are not exact, and check says so", async () => {
    await database.query(
      "insert into jobs (id, status, due) values (1, 'new', timezone('America/New_York', now() + interval '5 minutes'))",
    );
    expect(await (await open(database, mapped)).metrics(signal)).toMatchObject([{ depth: 1, exact: false }]);
    const range = { from: Math.floor(Date.now() / 1000) - 600, step: 60, steps: 10 };
    expect((await (await open(database, mapped)).history?.(null, range, signal))?.get("q")).toMatchObject({
      exact: false,
    });
    const said =
      'say which zone they are written in, "time_zone": "UTC" or another one; until then the numbers are not exact';
    const role = "role postgres may write to jobs: use a role with SELECT only";
    expect(await check(mapped)).toMatchObject([
      { ok: true, warnings: [role, `columns without a time zone (due, ended) of jobs are read as UTC: ${said}`] },
    ]);
    const name = new URL(database.url).pathname.slice(1);
    await database.query(`alter database ${name} set timezone = 'Europe/Berlin'`);
    const doubt = "where now() fills them, they are in Europe/Berlin, the time zone of the database";
    expect((await check(mapped))[0]?.warnings).toContain(
      `columns without a time zone (due, ended) of jobs are read as UTC; ${doubt}: ${said}`,
    );
    const zoned = { ...mapped, time_zone: "America/New_York" };
    expect((await check(zoned))[0]?.warnings).toEqual([role]);
    expect(await (await open(database, zoned)).metrics(signal)).toMatchObject([{ depth: 0, deferred: 1, exact: true }]);
    await database.query(`alter database ${name} reset timezone; delete from jobs`);
    expect(await (await open(database, { ...mapped, time_zone: "UTC" })).metrics(signal)).toMatchObject([
      { depth: 0, exact: true },
    ]);
  });

  it("a window is an hour long in the night in which the clock changes", async () => {
    const [config] = parse({ ...mapped, time_zone: "America/New_York" }) as [TableSourceConfig];
    const types = new Map([["ended", "timestamp without time zone"]]);
    const isInWindow = inLastMinutes(timeColumn({ ...config, types }, "ended"), 60);
    const inWindowAt = async (now: string) => {
      const { rows } = await database.query(`
        select count(*)::int as n from (
          select timezone('America/New_York', timestamptz '${now}' - minute * interval '1 minute') as ended from generate_series(1, 240, 10) as minute
        ) as job where ${isInWindow.replaceAll("now()", `timestamptz '${now}'`)}`);
      return rows[0]?.["n"];
    };
    // 02:00 is followed by 03:00: the window begins at 01:10 of the old time.
    expect(await inWindowAt("2026-03-08T07:10Z")).toBe(6);
    expect(await inWindowAt("2026-03-08T12:00Z")).toBe(6);
  });

  it("0 is no time in a column of numbers", async () => {
    await database.query("insert into numbers values (9, 0, 0, 0)");
    const source = await open(database, {
      ...mapped,
      table: "numbers",
      waiting: ["0"],
      done: [1],
      failed: ["-1"],
      epoch: "seconds",
    });
    expect(await source.metrics(signal)).toMatchObject([{ depth: 4, oldestAgeSeconds: near(3) }]);
    const [job] = (await source.jobs?.find([{ jobId: "9", queue: null }], signal)) ?? [];
    expect(job).toMatchObject({ scheduledAt: null, finishedAt: null });
    await database.query("delete from numbers where id = 9");
  });

  it("errors are read from json, arrays and positions", async () => {
    await database.query(`
      insert into jobs (id, status, ended, log, texts)
      values (1, 'failed', timezone('utc', now()), '{"attempts": [{"error": {"text": "first"}}, {"error": {"text": "last"}}]}', '{one,two}'),
             (2, 'failed', timezone('utc', now()), null, null)`);
    const cases: [column: string, path: string, text: string][] = [
      ["log", "attempts.error.text", "last"],
      ["log", "attempts.0.error.text", "first"],
      ["log", "attempts.-2.error.text", "first"],
      ["log", "attempts.-1.error", '{"text": "last"}'],
      ["texts", "-1", "two"],
      ["texts", "0", "one"],
    ];
    for (const [column, path, text] of cases) {
      const source = await open(database, { ...mapped, time_zone: "UTC", error: { column, path } });
      const errors = (await source.failures(signal)).map(({ error }) => error).toSorted();
      expect(errors, path).toEqual(["no error text", text].toSorted());
    }
    await database.query("delete from jobs");
  });

  it("a row condition honours quotes, names of our own statements and job.", async () => {
    await database.query(`
      alter table jobs add queue text, add error text, add number_ int;
      insert into jobs (id, status, queue, error, note) values (1, 'new', 'a', 'it''s; -- (', 'x'), (2, 'new', 'b', '', 'x')`);
    for (const where of [
      `queue = 'a'`,
      `"queue" in ('a') or (error = 'it''s; -- (')`,
      `job.queue = 'a' and job.note ~ E'^\\\\w$'`,
      `error like '%; -- (' and (select count(*) from jobs as other where other.id = job.id) = 1`,
    ]) {
      const source = await open(database, { ...mapped, time_zone: "UTC", where });
      expect(await source.metrics(signal), where).toMatchObject([{ depth: 1 }]);
      const jobs = await source.jobs?.page(
        { queue: null, state: null, after: null, before: null, inverted: false, limit: 9 },
        signal,
      );
      expect(
        jobs?.map(({ jobId }) => jobId),
        where,
      ).toEqual(["1"]);
      expect(await source.jobs?.attempts(jobs ?? [], signal)).toEqual([[]]);
    }
    await database.query("delete from jobs");
  });

  it.each<[object, string]>([
    [{ where: "tenant = 7" }, 'where: column "tenant" does not exist (character 1)'],
    [{ where: "id = 1 and" }, "where: is not one condition in SQL"],
    [{ where: "id" }, "where: is not true or false for a row (character 1)"],
    [{ where: "id = 'x'" }, "where: compares a column with a value that is not of its type (character 6)"],
    [{ where: "id = status" }, "where: has an operator or function that does not exist for these types (character 4)"],
    [{ where: "count(*) > 1" }, "where: is refused by PostgreSQL (SQLSTATE 42803) (character 1)"],
    [{ where: "jobs.id = 1" }, 'where: table "jobs" is not known here (character 1)'],
    [
      { where: "id in (select job_id from nowhere)" },
      'where: table "nowhere" is not known here (character 27): write columns without the table\'s name',
    ],
    [{ where: "id = 1 returning id" }, "where: is not one condition in SQL (character 8)"],
    [
      { run_at: "number" },
      'run_at: column "number" of table jobs is integer: add its unit, "epoch": "seconds", "milliseconds" or "microseconds"',
    ],
    [{ status: "number" }, 'waiting: column "number" of table jobs is integer, "new" is not'],
    [
      { error: { column: "note", path: "message" } },
      'error: column "note" of table jobs is text: a path needs json, jsonb or an array',
    ],
    [
      { table: "numbers", waiting: [0], done: [1], failed: [2], epoch: "milliseconds" },
      'epoch: the times in column "due" of table numbers are not in milliseconds: they would not be in this century',
    ],
  ])("a mistake is an error of the source and of check: %o", async (more, message) => {
    const mapping = { ...mapped, ...more };
    const whole = `WALLET_CORE_OPS_QUEUES_FILE, sources[0].${message}`;
    const source = await open(database, mapping);
    for (const read of [
      source.metrics(signal),
      source.failures(signal),
      source.history?.(null, { from: 0, step: 60, steps: 1 }, signal),
    ])
      await expect(read).rejects.toMatchObject({
        code: "schema_mismatch",
        message: expect.stringContaining(whole) as string,
      });
    expect(await check(mapping)).toMatchObject([
      { name: "s", ok: false, detail: expect.stringContaining(whole) as string },
    ]);
  });
});

it("a reader of one statement refuses a second one", async () => {
  const database = await openDatabase("single");
  await database.query("create table t (id int)");
  const sources = createQueueSources({ databaseUrl: database.url, env: null, logger: silentLogger });
  closers.push(() => sources.close());
  expect(await sources.databases[0]?.database.readSingle("select 1 as n", signal)).toEqual([{ n: 1 }]);
  for (const text of ["select 1; select 2", "select 1; commit; drop table t"])
    await expect(sources.databases[0]?.database.readSingle(text, signal)).rejects.toMatchObject({ code: "42601" });
  await expect(sources.databases[0]?.database.readSingle("insert into t values (1)", signal)).rejects.toMatchObject({
    code: "25006",
  });
});
