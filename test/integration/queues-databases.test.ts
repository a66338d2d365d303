import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { indexesCommand } from "../../src/cli/indexes.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { parseConfig } from "../../src/config/config.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import { toQueueOptions } from "../../src/sources.ts";
import { toBound } from "../support/bound.ts";
import { type CutProxy, startCutProxy } from "../support/cut-proxy.ts";
import type { JobTable } from "../support/job-backend.ts";
import { openOperator } from "../support/job-operator.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";
import { createSolidQueueJobs } from "../support/preset-jobs.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

const signal = () => AbortSignal.timeout(30_000);
let shop: TestDatabase;
let billing: TestDatabase;
/** The queue database of a Rails 8 application. */
let rails: TestDatabase;
let rivers: Record<"shop" | "billing", JobTable>;
/** The way to the shop's database. */
let proxy: CutProxy;

beforeAll(async () => {
  const open = (label: string) => createTestDatabase(inject("postgresUrl"), label);
  [shop, billing, rails] = [await open("shop"), await open("billing"), await open("rails")];
  rivers = { shop: await createRiverJobs(shop), billing: await createRiverJobs(billing) };
  await rivers.shop.insert([{ queue: "mail", state: "waiting" }]);
  for (const n of [1, 2]) await rivers.billing.insert([{ queue: "mail", state: "waiting", dueAgo: n }]);
  for (const database of [billing, rails]) await createRunnerJobs(database);
  const solid = await createSolidQueueJobs(rails);
  await solid.insert([{ queue: "exports", state: "waiting" }]);
  proxy = await startCutProxy(shop.url);
});
afterAll(async () => {
  await proxy.close();
  for (const database of [shop, billing, rails]) await database.drop();
});

const databaseUrl = () => `shop=${proxy.url},billing=${billing.url},rails=${rails.url}`;

/** A gateway that may change the jobs of two of the three. */
function openThree(options: { readonly databaseUrl?: string; readonly queues?: readonly object[] } = {}) {
  const controlUrl = `shop=${shop.url},billing=${billing.url}`;
  const operator = openOperator({ databaseUrl: databaseUrl(), controlUrl, ...options });
  onTestFinished(() => operator.close());
  return operator;
}

const question = "{ queueSources { name place kind ok } queues { source name depth } }";

/** Settings of a command, with a token. */
function toEnv(more: Readonly<Record<string, string>>): Record<string, string> {
  const settings = { TOKEN: "0123456789abcdef-several", ...more };
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value]));
}

describe("three databases", () => {
  it("have their own sources, numbers and clocks", async () => {
    const { ask, sources } = openThree();
    const { data } = await ask(question);
    expect(data.queueSources).toEqual([
      { name: "shop:river", place: "shop", kind: "river", ok: true },
      { name: "billing:river", place: "billing", kind: "river", ok: true },
      { name: "rails:solid-queue", place: "rails", kind: "solid-queue", ok: true },
    ]);
    const depths = data.queues.map((queue: any) => `${queue.source} ${queue.name} ${queue.depth}`);
    expect(depths.toSorted()).toEqual([
      "billing:river mail 2",
      "rails:solid-queue configured 0",
      "rails:solid-queue exports 1",
      "shop:river mail 1",
    ]);
    const clocks = sources.databaseClocks().map(({ name, clockSkew }) => [name, Math.abs(clockSkew ?? 99) < 2]);
    expect(clocks).toEqual(["shop", "billing", "rails"].map((name) => [`queues:${name}`, true]));
  });

  it("have the sources of the file in the one that each names", async () => {
    const runner = { ...runnerMapping, database: "billing" };
    const river = { kind: "river", name: "orders", schema: "public", by: "queue", database: "shop" };
    const { ask } = openThree({ queues: [runner, river] });
    const { data } = await ask(question);
    expect(data.queueSources).toEqual([
      { name: "runner", place: "billing", kind: "table", ok: true },
      { name: "orders", place: "shop", kind: "river", ok: true },
    ]);
    expect(data.queues).toEqual([{ source: "orders", name: "default", depth: 1 }]);
  });

  it("have a source of the file in place of the same detected one", async () => {
    const entry = { kind: "river", name: "orders", schema: "public", by: "queue", database: "shop" };
    const env = toEnv({ DATABASE_URL: databaseUrl(), QUEUES_FILE: "/q.json" });
    const config = parseConfig(env, () => JSON.stringify({ sources: [entry] }));
    const probes = await probeQueueSources(toQueueOptions(config, silentLogger), signal());
    expect(probes.map(({ name, ok }) => [name, ok])).toEqual([
      ["orders", true],
      ["billing:river", true],
      ["rails:solid-queue", true],
    ]);
  });
});

describe("a job id that two databases have", () => {
  const stateOf = async (database: TestDatabase, id: string) =>
    (await database.query(`select state::text from river_job where id = ${id}`)).rows[0]?.["state"];
  const states = async (id: string) => [await stateOf(shop, id), await stateOf(billing, id)];
  const fail = async (id: string) => {
    for (const river of Object.values(rivers))
      await river.insert([{ id, queue: "jobs", state: "failed", error: "boom" }]);
  };

  it("is retried and discarded in the named one alone", async () => {
    const operator = openThree();
    await fail("701");
    expect((await operator.retry("billing:river", "701")).done).toMatchObject({
      source: "billing:river",
      jobId: "701",
    });
    expect(await states("701")).toEqual(["discarded", "available"]);
    await shop.query("update river_job set state = 'available', finalized_at = null where id = 701");
    expect((await operator.discard("shop:river", "701")).done).toMatchObject({ source: "shop:river" });
    expect(await states("701")).toEqual(["cancelled", "available"]);
    const recorded = (await operator.record()).map(({ outcome, job }) => [outcome, job?.source]);
    expect(recorded).toEqual([
      ["intent", "billing:river"],
      ["ok", "billing:river"],
      ["intent", "shop:river"],
      ["ok", "shop:river"],
    ]);
  });

  it("is retried with its error in the named one alone", async () => {
    const operator = openThree();
    await fail("702");
    const { data } = await operator.ask("{ jobErrors { source queue fingerprint jobIds } }");
    const own = data.jobErrors.filter(({ queue }: { queue: string }) => queue === "jobs");
    expect(own.map(({ source }: { source: string }) => source).toSorted()).toEqual(["billing:river", "shop:river"]);
    expect(new Set(own.map(({ fingerprint }: { fingerprint: string }) => fingerprint)).size).toBe(1);
    const done = await operator.retryGroup("shop:river", "jobs", own[0].fingerprint);
    expect(done.data).toMatchObject({ jobIds: expect.arrayContaining(["702"]), error: null });
    expect(await states("702")).toEqual(["available", "discarded"]);
  });

  it("is read from the named one", async () => {
    const { ask } = openThree();
    await shop.query("insert into river_job (id, kind) values (703, 'of the shop')");
    await billing.query("insert into river_job (id, kind) values (703, 'of billing')");
    const one = (source: string) => `job(source: "${source}", id: "703") { queue }`;
    const { data } = await ask(`{ a: ${one("shop:river")} b: ${one("billing:river")} }`);
    expect(data).toEqual({ a: { queue: "of the shop" }, b: { queue: "of billing" } });
  });

  it("is changed in no database by the name of a source without one", async () => {
    const operator = openThree();
    await fail("704");
    for (const source of ["river", "shop", "billing", "rails:river"])
      expect((await operator.retry(source, "704")).error).toMatchObject({ code: "not_found" });
    expect(await states("704")).toEqual(["discarded", "discarded"]);
  });

  it("stays as it is where its database has no role for changes", async () => {
    const operator = openOperator({ databaseUrl: databaseUrl(), controlUrl: `billing=${billing.url}` });
    onTestFinished(() => operator.close());
    await fail("705");
    expect((await operator.retry("shop:river", "705")).error).toEqual({
      code: "operation_not_supported",
      message:
        "Not supported by the source shop:river: WALLET_CORE_OPS_CONTROL_DATABASE_URL has no role for the database shop",
    });
    expect((await operator.retry("billing:river", "705")).error).toBeNull();
    expect(await states("705")).toEqual(["discarded", "available"]);
  });

  it("stays as it is where two roles have each other's database", async () => {
    const controlUrl = `shop=${billing.url},billing=${shop.url}`;
    const operator = openOperator({ databaseUrl: databaseUrl(), controlUrl });
    onTestFinished(() => operator.close());
    await fail("706");
    for (const place of ["shop", "billing"])
      expect((await operator.retry(`${place}:river`, "706")).error).toEqual({
        code: "operation_not_supported",
        message: `Nothing is changed: WALLET_CORE_OPS_CONTROL_DATABASE_URL of ${place} leads to another database than WALLET_CORE_OPS_DATABASE_URL`,
      });
    expect(await states("706")).toEqual(["discarded", "discarded"]);
  });
});

describe("of three databases, one that is silent", () => {
  const others = [
    { name: "billing:river", place: "billing", kind: "river", ok: true },
    { name: "rails:solid-queue", place: "rails", kind: "solid-queue", ok: true },
  ];
  const sourcesOf = (queues: readonly { readonly source: string }[]) =>
    [...new Set(queues.map(({ source }) => source))].toSorted();
  const timed = async <T>(work: () => Promise<T>) => {
    const start = performance.now();
    return [await work(), performance.now() - start] as const;
  };

  it("fails alone, by its name, and delays the others once", async () => {
    const { ask, retry } = openThree();
    proxy.hush();
    onTestFinished(() => proxy.mend());
    const silent = { name: "shop", place: "shop", kind: "postgres", ok: false };
    const [first, waited] = await timed(() => ask(question));
    expect(first.data.queueSources).toEqual([silent, ...others]);
    // The pool of its connections gives up after 2 s.
    expect(waited).toBeGreaterThan(1500);
    const [again, later] = await timed(() =>
      ask("{ queueSources { name error { message } } queues { source name depth } }"),
    );
    expect(sourcesOf(again.data.queues)).toEqual(["billing:river", "rails:solid-queue"]);
    expect(again.data.queueSources[0]).toEqual({
      name: "shop",
      error: { message: expect.stringMatching(/^PostgreSQL (?:accepted no connection|did not answer) in time$/) },
    });
    expect(later).toBeLessThan(toBound(1400));
    const { data } = await ask("{ problems { problems { id kind title source } } }");
    const ofSources = data.problems.problems.filter(({ id }: { id: string }) =>
      id.startsWith("upstream_down:postgres"),
    );
    expect(ofSources).toEqual([
      {
        id: "upstream_down:postgres:shop",
        kind: "UPSTREAM_DOWN",
        title: "Nothing can be read from PostgreSQL (shop)",
        source: "shop",
      },
    ]);
    // It may have the source: that is not "no such source".
    const change = await retry("shop:river", "1");
    expect([change.error?.code, (await retry("other:river", "1")).error?.code]).toEqual([
      "postgres_unavailable",
      "not_found",
    ]);
    proxy.mend();
    const names = async () => (await ask(question)).data.queueSources.map(({ name }: { name: string }) => name);
    await expect.poll(names, { timeout: 15_000 }).toEqual(["shop:river", "billing:river", "rails:solid-queue"]);
  });

  it("delays no answer after its sources were found", async () => {
    const { ask, sources } = openThree();
    expect((await ask(question)).data.queueSources).toHaveLength(3);
    proxy.hush();
    onTestFinished(() => proxy.mend());
    const isDown = async () => (await ask(question)).data.queueSources[0].ok === false;
    await expect.poll(isDown, { timeout: 15_000 }).toBe(true);
    const [{ data }, took] = await timed(() => ask(question));
    // What is read of all sources together does not wait either.
    const hour = { from: Math.floor(Date.now() / 1000) - 3600, step: 3600, steps: 1 };
    const [, took2] = await timed(async () =>
      Promise.all(
        (await sources.queues.all(signal())).map(async (source) =>
          Promise.allSettled([
            source.history?.(null, hour, signal()),
            source.running?.(["web-1"], signal()),
            source.workerJobs?.(signal()),
          ]),
        ),
      ),
    );
    expect(took2).toBeLessThan(toBound(1400));
    expect(data.queueSources).toEqual([{ name: "shop:river", place: "shop", kind: "river", ok: false }, ...others]);
    expect(sourcesOf(data.queues)).toEqual(["billing:river", "rails:solid-queue"]);
    expect(took).toBeLessThan(toBound(1400));
    proxy.mend();
    await expect.poll(isDown, { timeout: 15_000 }).toBe(false);
  });

  it("that refuses connections is one line of check", async () => {
    proxy.cut();
    onTestFinished(() => proxy.mend());
    const canary = new URL(proxy.url);
    canary.password = "canary-of-shop";
    const url = `shop=${canary.href},billing=${billing.url},empty=${inject("postgresUrl")}`;
    const config = parseConfig(toEnv({ DATABASE_URL: url }), () => "");
    const probes = await probeQueueSources(toQueueOptions(config, silentLogger), signal());
    expect(probes).toMatchObject([
      { name: "shop", ok: false, detail: expect.stringMatching(/^PostgreSQL .+: check WALLET_CORE_OPS_DATABASE_URL$/) },
      {
        name: "empty",
        ok: false,
        detail: expect.stringMatching(/^no job system was found: check that WALLET_CORE_OPS_/),
      },
      { name: "billing:river", ok: true, detail: expect.stringMatching(/^\d queues?, \d+ jobs? waiting, read in /) },
    ]);
    expect(JSON.stringify(probes)).not.toContain("canary");
  });
});

describe("a database with two names", () => {
  /** The same server by another host name and another port. */
  const again = () => {
    const url = new URL(proxy.url);
    url.hostname = url.hostname === "localhost" ? "127.0.0.1" : "localhost";
    return url.href;
  };
  const read = "{ queueSources { name ok error { code message } } queues { source name depth } }";
  const message =
    "shop:river, under the name shop, reads the same table, which would count twice: give each database and broker one name in WALLET_CORE_OPS_DATABASE_URL, or hide one of these sources";

  it("is counted under the first, and refused under the other", async () => {
    const operator = openThree({ databaseUrl: `shop=${shop.url},twin=${again()},billing=${billing.url}` });
    const { data } = await operator.ask(read);
    expect(data.queueSources).toEqual([
      { name: "shop:river", ok: true, error: null },
      { name: "twin:river", ok: false, error: { code: "queue_duplicate", message } },
      { name: "billing:river", ok: true, error: null },
    ]);
    const sources: string[] = data.queues.map(({ source }: { source: string }) => source);
    expect([...new Set(sources)].toSorted()).toEqual(["billing:river", "shop:river"]);
    expect((await operator.retry("twin:river", "1")).error).toEqual({
      code: "operation_not_supported",
      message: `Not supported by the source twin:river: ${message}`,
    });
  });

  it("is a failure of check", async () => {
    const url = `shop=${shop.url},twin=${again()}`;
    const config = parseConfig(toEnv({ DATABASE_URL: url }), () => "");
    const probes = await probeQueueSources(toQueueOptions(config, silentLogger), signal());
    expect(probes).toMatchObject([
      { name: "shop:river", ok: true },
      { name: "twin:river", ok: false, detail: message },
    ]);
  });

  it("may have a schema, or a part of a table, under each name", async () => {
    await shop.query("create schema archive");
    onTestFinished(async () => {
      await shop.query("drop schema archive cascade");
    });
    await createRunnerJobs(shop);
    await shop.query("create table archive.runner_jobs (like public.runner_jobs)");
    const { table: _, ...mapping } = runnerMapping;
    const bySchema = `shop=${shop.url},twin=${again()}?options=-csearch_path%3Darchive`;
    const runner = (database: string, more: object) => ({ ...mapping, name: database, database, ...more });
    const names = async (urls: string, more: readonly [object, object]) => {
      const { ask } = openThree({
        databaseUrl: `${urls},billing=${billing.url}`,
        queues: [runner("shop", more[0]), runner("twin", more[1])],
      });
      return (await ask(question)).data.queueSources.map((source: any) => [source.name, source.ok]);
    };
    const both = [
      ["shop", true],
      ["twin", true],
    ];
    const table = { table: "runner_jobs" };
    expect(await names(bySchema, [table, table])).toEqual(both);
    const plain = `shop=${shop.url},twin=${again()}`;
    expect(await names(plain, [table, { table: "public.runner_jobs" }])).toEqual([
      ["shop", true],
      ["twin", false],
    ]);
    const part = (where: string) => ({ ...table, where });
    expect(await names(plain, [part("id > 5"), part("id <= 5")])).toEqual(both);
    expect(await names(plain, [part("id > 5"), part("id > 5")])).toEqual([
      ["shop", true],
      ["twin", false],
    ]);
  });

  it("says nothing of a source that the token may not see", async () => {
    const river = { kind: "river", schema: "public", by: "queue" };
    const queues = [
      { ...river, name: "orders", database: "shop", env: "production" },
      { ...river, name: "mails", database: "twin", env: "staging" },
    ];
    const { ask } = openThree({ databaseUrl: `shop=${shop.url},twin=${again()},billing=${billing.url}`, queues });
    const { data } = await ask(read, { where: ["staging"] });
    expect(data.queueSources).toMatchObject([{ name: "mails", ok: false, error: { code: "queue_duplicate" } }]);
    expect(JSON.stringify(data)).not.toMatch(/orders|shop/);
  });
});

it("indexes of all databases are listed, and the one that is away", async () => {
  proxy.cut();
  onTestFinished(() => proxy.mend());
  const inDatabase = (database: string) => ({ ...runnerMapping, name: `${database}-jobs`, database });
  const file = JSON.stringify({ sources: [inDatabase("rails"), inDatabase("billing")] });
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const env = toEnv({ DATABASE_URL: databaseUrl(), QUEUES_FILE: "/q.json" });
  const context = { args: [], env, readFile: () => file, print, printError: print, stop: signal() };
  expect(await indexesCommand(context), lines.join("\n")).toBe(1);
  const heads = lines.filter((line) => /^-- [\w:-]+(?:, table .+)?:/.test(line) && !/ cost /.test(line));
  expect(heads).toEqual([
    expect.stringMatching(/^-- shop: PostgreSQL /),
    "-- billing-jobs, table public.runner_jobs: nothing is missing",
    "-- rails-jobs, table public.runner_jobs: nothing is missing",
  ]);
});
