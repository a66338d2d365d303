import type { Row } from "../../../src/lib/postgres/pool.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OpsError } from "../../../src/lib/errors.ts";
import { knownQueuesLimit, toQueueMetrics } from "../../../src/queues/metrics.ts";
import { createSqlSource } from "../../../src/queues/postgres/source.ts";
import { pickRunning } from "../../../src/queues/postgres/sql.ts";
import type { SqlStatements } from "../../../src/queues/postgres/statements.ts";
import { createMemoryDatabase } from "../../support/memory-database.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it("lists all that it has just read, and drops samples of forgotten queues", async () => {
  let rows: Row[] = [];
  const database = createMemoryDatabase((statement) => (statement.startsWith("explain") ? plan(1) : rows));
  const source = createSqlSource(
    { name: "s", kind: "pgmq" },
    { env: null, database },
    {
      tables: [{ schema: null, table: "t" }],
      statements: { readings: [{ measures: ["processed_total"], sql: "select" }], failures: null },
    },
  );
  const read = async (seconds: number, totals: Record<string, number>) => {
    vi.advanceTimersByTime(seconds * 1000);
    rows = Object.entries(totals).map(([queue, total]) => ({ queue, measure: "processed_total", n: String(total) }));
    const queues = await source.metrics(AbortSignal.timeout(5000));
    return new Map(queues.map(({ name, processedPerSec }) => [name, processedPerSec]));
  };
  await read(0, { mail: 0 });
  expect((await read(60, { mail: 60 })).get("mail")).toBe(1);
  const others = Object.fromEntries(Array.from({ length: knownQueuesLimit }, (_, n) => [`queue ${n}`, 1]));
  expect([...(await read(10, others)).keys()]).toStrictEqual(Object.keys(others).toSorted());
  const again = await read(10, { mail: 80 });
  expect([again.size, again.get("mail")]).toStrictEqual([knownQueuesLimit, null]);
  await source.close?.();
});

const plan = (cost: number) => [
  { "QUERY PLAN": JSON.stringify([{ Plan: { "Node Type": "Result", "Total Cost": cost, "Plan Rows": 1 } }]) },
];
const light: readonly Row[] = plan(1);
const signal = new AbortController().signal;
const statements: SqlStatements = {
  readings: [{ measures: ["depth", "oldest_age"], sql: "select metrics" }],
  failures: "select failures",
  failedJobs: { retry: "select retryable", discard: "select discardable" },
  running: { jobs: "select running" },
  usualRuns: "select runs",
};
type Options = Partial<Parameters<typeof createSqlSource>[2]> & {
  readonly names?: readonly string[];
  readonly heavy?: { readonly cost: number };
};

/** A source of statements with these answers by a word of the statement, and what was run. */
function createSource(answers: Readonly<Record<string, readonly Row[] | Error>>, options: Options = {}) {
  const ran: string[] = [];
  const given: Record<string, readonly Row[] | Error> = { ...answers };
  const database = createMemoryDatabase((statement) => {
    if (statement.startsWith("explain")) return light;
    ran.push(statement);
    const word = Object.keys(given).find((one) =>
      statement.includes(one === "workers" ? "group by queue, host" : `select ${one}`),
    );
    const answer = word === undefined ? [] : (given[word] ?? []);
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const { names, heavy, ...own } = options;
  const source = createSqlSource(
    { name: "s", kind: "river", names },
    { env: "staging", database, heavy },
    {
      tables: [
        { schema: "public", table: "jobs" },
        { schema: "public", table: "other" },
      ],
      statements,
      ...own,
    },
  );
  return { source, ran, given };
}

describe("createSqlSource", () => {
  const observedAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string;
  const figures = toQueueMetrics({ name: "", source: "s", observedAt }, {});

  it("has the read and the configured queues, sorted", async () => {
    const rows = [
      { queue: "b", measure: "depth", n: "3" },
      { queue: "b", measure: "oldest_age", n: "1.5" },
      { queue: "a", measure: "oldest_age", n: null },
    ];
    const { source, given } = createSource({ metrics: rows }, { names: ["z"] });
    expect(source).toMatchObject({
      name: "s",
      kind: "river",
      env: "staging",
      tables: [
        { schema: "public", table: "jobs" },
        { schema: "public", table: "other" },
      ],
    });
    const [b, a, z] = [
      { ...figures, name: "b", depth: 3, oldestAgeSeconds: 1.5 },
      { ...figures, name: "a", depth: 0, oldestAgeSeconds: null },
      { ...figures, name: "z", depth: 0, oldestAgeSeconds: null },
    ];
    expect(await source.metrics(signal)).toEqual([a, b, z]);
    // What was seen once is listed when its rows are gone.
    given["metrics"] = [];
    expect((await source.metrics(signal)).map(({ name, depth }) => [name, depth])).toEqual([
      ["a", 0],
      ["b", 0],
      ["z", 0],
    ]);
    await source.close?.();
  });

  it("samples a queue with one known counter, and has its counters", async () => {
    const reading = { measures: ["depth", "failures_total"] as const, sql: "select metrics" };
    const { source, given } = createSource({}, { statements: { readings: [reading], failures: null } });
    const read = async (total: string | null) => {
      given["metrics"] = [
        { queue: "q", measure: "depth", n: "2" },
        { queue: "q", measure: "failures_total", n: total },
      ];
      return (await source.metrics(signal))[0];
    };
    const counters = (failures: number | null) => ({ counters: { processed: null, failures }, exact: false, depth: 2 });
    expect(await read("0")).toMatchObject(counters(0));
    vi.advanceTimersByTime(60_000);
    expect(await read("6")).toMatchObject({
      ...counters(6),
      failuresLastHour: 6,
      failuresRecent: 30,
      windowSeconds: 60,
    });
    expect(await read(null)).toMatchObject({ ...counters(null), failuresLastHour: null });
    expect(await source.failures(signal)).toEqual([]);
    await source.close?.();
  });

  it("has no counters if rows say what ended", async () => {
    const { source } = createSource({ metrics: [{ queue: "q", measure: "depth", n: "1" }] });
    expect((await source.metrics(signal))[0]).not.toHaveProperty("counters");
  });

  it("has failures, the newest first, with their rows' fields", async () => {
    const row = {
      queue: "q",
      error: "  boom",
      worker: "w",
      n: "12",
      attempts: "3",
      first_at: "f",
      last_at: "2",
      job_ids: '["7","8"]',
    };
    const bare = {
      queue: null,
      error: null,
      worker: null,
      n: "1",
      attempts: null,
      first_at: null,
      last_at: null,
      job_ids: null,
    };
    const { source } = createSource({ failures: [bare, { ...row, last_at: "1" }, row, { ...row, queue: "p" }] });
    const failure = {
      queue: "q",
      source: "s",
      error: "boom",
      worker: "w",
      count: 12,
      attempts: 3,
      firstAt: "f",
      lastAt: "2",
      jobIds: ["7", "8"],
    };
    const none = {
      error: "no error text",
      worker: null,
      count: 1,
      attempts: null,
      firstAt: "",
      lastAt: "",
      jobIds: [],
    };
    expect(await source.failures(signal)).toEqual([
      failure,
      { ...failure, queue: "p" },
      { ...failure, lastAt: "1" },
      { ...none, queue: "", source: "s" },
    ]);
  });

  it("has the failed jobs of a queue by their error", async () => {
    const { source, ran } = createSource({
      retryable: [
        { error: " \n boom", n: "2", job_ids: '["7"]' },
        { error: null, n: "1", job_ids: null },
      ],
    });
    expect(await source.failedJobs?.("it's", "retry", signal)).toEqual([
      { error: "boom", jobIds: ["7"], jobs: 2 },
      { error: "no error text", jobIds: [], jobs: 1 },
    ]);
    expect(ran).toEqual([expect.stringContaining("'it''s'")]);
    const discardable = { discardable: [{ error: "boom", n: "1", job_ids: '["8"]' }] };
    expect(await createSource(discardable).source.failedJobs?.("q", "discard", signal)).toMatchObject([
      { jobIds: ["8"] },
    ]);
    const { failedJobs: _, ...others } = statements;
    expect(await createSource({}, { statements: others }).source.failedJobs?.("q", "retry", signal)).toBeNull();
  });

  it("hides the end of an error text that the system may have truncated", async () => {
    const secret = "password=hunter2";
    const text = `${"x".repeat(40)} ${secret.slice(0, 5)}`;
    const read = async (errorLimit?: number) => {
      const limited = errorLimit === undefined ? statements : { ...statements, errorLimit };
      const { source } = createSource({ retryable: [{ error: text, n: "1", job_ids: "[]" }] }, { statements: limited });
      return (await source.failedJobs?.("q", "retry", signal))?.[0]?.error;
    };
    const whole = await read();
    expect(whole).toBe(text);
    expect(await read(text.length + 1)).toBe(whole);
    expect(await read(text.length)).not.toBe(whole);
    expect(await read(text.length - 1)).toBe(await read(text.length));
  });

  it("has the running jobs of hosts, and the number of further ones", async () => {
    const job = { queue: "q", job_id: "7", kind: "mail", started_at: "t", worker: "w", total: "5", unnamed: "2" };
    const { source, ran, given } = createSource({
      running: [job, { ...job, queue: null, kind: null, started_at: null, worker: null }],
    });
    const found = { queue: "q", source: "s", jobId: "7", kind: "mail", startedAt: "t", worker: "w" };
    expect(await source.running?.(["a", "b"], signal)).toEqual({
      jobs: [found, { ...found, queue: "", kind: null, startedAt: null, worker: null }],
      total: 5,
      unnamed: 2,
    });
    expect(ran).toEqual([pickRunning({ jobs: "select running" }, ["a", "b"])]);
    given["running"] = [{ ...job, job_id: null, total: "0", unnamed: "3" }];
    expect(await source.running?.(["a"], signal)).toEqual({ jobs: [], total: 0, unnamed: 3 });
  });

  it("has the jobs of workers, and usual run times", async () => {
    const rows = [
      { queue: "q", host: "web-1", n: "3", age: "1.5", starts: "[10.5,11]", read_at: "12.25" },
      { queue: null, host: null, n: "1", age: null, starts: null, read_at: "12.25" },
    ];
    const runs = [
      { queue: "q", run_p95: "2.5" },
      { queue: null, run_p95: null },
    ];
    const { source } = createSource({ workers: rows, runs });
    expect(await source.workerJobs?.(signal)).toEqual([
      { queue: "q", source: "s", host: "web-1", count: 3, oldestAgeSeconds: 1.5, starts: [10.5, 11], readAt: 12.25 },
      { queue: "", source: "s", host: null, count: 1, oldestAgeSeconds: null, starts: [], readAt: 12.25 },
    ]);
    expect(await source.usualRuns?.(signal)).toEqual(
      new Map([
        ["q", 2.5],
        ["", 0],
      ]),
    );
  });

  it("has the operations that its statements allow, and no more", async () => {
    const silent = createSource({}, { statements: { readings: [], failures: null } }).source;
    expect(Object.keys(silent).toSorted()).toEqual([
      "close",
      "env",
      "failedJobs",
      "failures",
      "identify",
      "kind",
      "metrics",
      "name",
      "pastFailures",
      "tables",
      "usualRuns",
    ]);
    expect(await silent.usualRuns?.(signal)).toEqual(new Map());
    expect(await silent.pastFailures?.({ errors: [], until: 0 }, signal)).toEqual({ failures: [], isWhole: true });
    const full = createSource(
      {},
      { history: () => ({ jobs: "", failures: "", oldest: "", keeps: true }), isPastPartial: true },
    );
    expect(full.source).toMatchObject({ isPastPartial: true });
    expect(Object.keys(full.source)).toEqual(expect.arrayContaining(["history", "running", "workerJobs"]));
    const later = async () => ({ readings: [], failures: null });
    expect(createSource({}, { statements: later }).source).not.toHaveProperty("running");
    expect(createSource({}, { isPastPartial: false }).source).not.toHaveProperty("isPastPartial");
  });

  it("finds failures of any age by its query for those of an hour", async () => {
    const failures = "select past where at > now() - interval '60 minutes' and at <= now()";
    const rows = [
      { queue: "mail", worker: "h", error: "  no rate for 'EUR' 17", n: "19998" },
      { queue: "mail", worker: null, error: "", n: "1" },
    ];
    const { source, ran } = createSource({ queue: rows }, { statements: { ...statements, failures } });
    const errors = ["no rate for 'EUR' 18", "it's \\%_ done"].map((error) => ({ error, fingerprint: "f" }));
    expect(await source.pastFailures?.({ errors, until: 1_768_298_400 }, signal)).toEqual({
      failures: [
        { queue: "mail", source: "s", worker: "h", error: "no rate for 'EUR' 17" },
        { queue: "mail", source: "s", worker: null, error: "no error text" },
      ],
      isWhole: true,
    });
    const time = "to_timestamp(1768298400)";
    expect(ran).toHaveLength(1);
    expect(ran[0]).toContain(`(select past where at > ${time} - interval '25 years' and at <= ${time}) as failure`);
    expect(ran[0]).toContain("error like any (array['%no%rate%for%', '%it%done%'])");
    expect(ran[0]).not.toContain("now()");
  });

  it.each([
    ["of which it counts as many as it reads", 1, "20000", false],
    ["of which it counts fewer", 1, "19999", true],
    ["in as many groups as it returns", 2500, "1", false],
    ["in fewer groups", 2499, "1", true],
  ])("says whether there may be further failures of any age, %s: %i", async (_, groups, n, isWhole) => {
    const rows = Array.from({ length: groups }, () => ({ queue: "mail", worker: null, error: "x", n }));
    const { source } = createSource({ queue: rows });
    const past = await source.pastFailures?.({ errors: [{ error: "x", fingerprint: "f" }], until: 0 }, signal);
    expect([past?.failures.length, past?.isWhole]).toEqual([groups, isWhole]);
  });

  it("looks for no failures of any age where that would take too long", async () => {
    const database = createMemoryDatabase((statement) => (statement.startsWith("explain") ? plan(400_001) : []));
    const tables = [{ schema: null, table: "t" }] as const;
    const source = createSqlSource({ name: "s", kind: "k" }, { env: null, database }, { tables, statements });
    await expect(source.pastFailures?.({ errors: [], until: 0 }, signal)).rejects.toMatchObject({
      code: "query_refused",
    });
  });

  it("builds its statements once a minute, and anew after a failure", async () => {
    let made = 0;
    const make = vi.fn<(read: (statement: string) => Promise<readonly Row[]>) => Promise<SqlStatements>>(
      async (read) => {
        made += Number((await read("select schema"))[0]?.["n"]);
        return { readings: [], failures: `select failures state ${made}` };
      },
    );
    const { source, ran, given } = createSource({ schema: [{ n: "1" }] }, { statements: make });
    await source.failures(signal);
    vi.advanceTimersByTime(59_999);
    await source.failures(signal);
    const shown = () => ran.map((statement) => /select schema|select failures state \d/.exec(statement)?.[0]);
    expect(shown()).toEqual(["select schema", "select failures state 1", "select failures state 1"]);
    vi.advanceTimersByTime(1);
    await source.failures(signal);
    expect(shown().slice(3)).toEqual(["select schema", "select failures state 2"]);
    given["failures"] = Object.assign(new Error("column job.state does not exist"), { code: "42703" });
    await expect(source.failures(signal)).rejects.toMatchObject({
      code: "schema_mismatch",
      message: 'Column "state" does not exist in table public.jobs',
      upstream: "queues:s",
    });
    given["failures"] = [];
    await source.failures(signal);
    expect(shown().slice(-2)).toEqual(["select schema", "select failures state 3"]);
    // Statements that are always the same are run as they are.
    expect(make).toHaveBeenCalledTimes(3);
  });

  it.each<[string, (source: ReturnType<typeof createSqlSource>) => Promise<unknown> | undefined]>([
    ["metrics", (source) => source.metrics(signal)],
    ["failures", (source) => source.failures(signal)],
    ["retryable", (source) => source.failedJobs?.("q", "retry", signal)],
    ["running", (source) => source.running?.(["a"], signal)],
    ["workers", (source) => source.workerJobs?.(signal)],
    ["runs", (source) => source.usualRuns?.(signal)],
  ])("fails with the errors of the port: %s", async (word, ask) => {
    const { source } = createSource({ [word]: Object.assign(new Error("x"), { code: "55P03" }) });
    const error = await ask(source)?.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpsError);
    expect(error).toMatchObject({
      code: "queue_locked",
      message: "Table public.jobs is locked, probably by a migration",
      upstream: "queues:s",
    });
  });

  it("begins no heavy read after it was closed", async () => {
    const { source, ran } = createSource({}, { heavy: { cost: 0.5 } });
    await source.close?.();
    await expect(source.metrics(signal)).rejects.toMatchObject({
      code: "postgres_unavailable",
      message: "Gave up waiting for PostgreSQL: the request has ended",
    });
    expect(ran).toEqual([]);
  });

  it("fails with the errors of the port for a history too", async () => {
    const history = () => Promise.reject(Object.assign(new Error("x"), { code: "57014" }));
    const { source } = createSource({}, { history });
    await expect(source.history?.(null, { from: 0, step: 60, steps: 1 }, signal)).rejects.toMatchObject({
      code: "postgres_unavailable",
      message: "PostgreSQL took longer than 2 s",
      upstream: "queues:s",
    });
  });
});
