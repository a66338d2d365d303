import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { startPostgres } from "../script/services/postgres.ts";
import { silentLogger } from "../src/lib/logger.ts";
import { adviseIndexes } from "../src/queues/index-advice.ts";
import type { QueueSource, QueueSources } from "../src/queues/queue.ts";
import type { QueueSourceConfig } from "../src/queues/registry.ts";
import { createQueueSources, type QueueSourcesOptions } from "../src/queues/source.ts";
import { runnerMapping } from "../test/support/queue-mappings.ts";
import { buildTable, hostilities, naive } from "./queues-table.ts";
import { describe, quartiles } from "./statistics.ts";

const rows = Number(process.env["BENCH_QUEUE_ROWS"] ?? 10_000_000);
const rounds = Number(process.env["BENCH_QUEUE_ROUNDS"] ?? 11);
const limits = { ratio: 1 / 100, ms: 25, statementMs: 2000, hostile: 4, refreshesPerSec: 1 };
const config = {
  ...runnerMapping,
  table: "public.jobs",
  started_at: "started_at",
  attempts: "attempts",
} as QueueSourceConfig;

function say(what: string, value: string, limit = ""): void {
  process.stdout.write(`${`queues, ${what}:`.padEnd(76)} ${value}${limit && ` (limit ${limit})`}\n`);
}

async function time(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

/** Everything that one answer of /queues needs, from sources without a cache. */
async function refresh(source: QueueSource) {
  const signal = AbortSignal.timeout(60_000);
  const [metrics, failures] = await Promise.all([source.metrics(signal), source.failures(signal)]);
  return { metrics, failures };
}

async function withSource<T>(url: string, ttlMs: number, use: (source: QueueSource) => Promise<T>): Promise<T> {
  const options: QueueSourcesOptions = {
    databaseUrl: url,
    sources: [config],
    detect: false,
    env: null,
    logger: silentLogger,
  };
  const sources: QueueSources = createQueueSources({ ...options, ttlMs });
  try {
    const [source] = await sources.all(AbortSignal.timeout(1000));
    if (!source) throw new Error("no source");
    return await use(source);
  } finally {
    await sources.close();
  }
}

/** The longest of our statements since `reset`, and the number of those that read the table. */
const reset = "select pg_stat_statements_reset()";
async function longest(client: Client): Promise<{ ms: number; calls: number }> {
  const { rows: found } = await client.query(`
    select coalesce(max(max_exec_time), 0)::float8 as ms, coalesce(sum(calls), 0)::int as calls from pg_stat_statements
    where query ilike '%"jobs"%' and query not ilike 'explain%' and query ilike '%select%'`);
  return found[0] as { ms: number; calls: number };
}

/**
 * Without an index: there is an answer, no statement exceeds its limit, and for a minute no further
 * one runs.
 */
async function benchUnindexed(client: Client, url: string): Promise<boolean> {
  await client.query(reset);
  return withSource(url, 0, async (source) => {
    let answer: Awaited<ReturnType<typeof refresh>> | null = null;
    const firstMs = await time(async () => (answer = await refresh(source)));
    const { ms, calls } = await longest(client);
    const first = answer as unknown as Awaited<ReturnType<typeof refresh>>;
    const depth = first.metrics.reduce((sum, queue) => sum + queue.depth, 0);
    const { rows: counted } = await client.query("select count(*)::int as n from jobs where status = 'pending'");
    await sleep(3000);
    const againMs = await time(() => refresh(source));
    const ageMs = Date.now() - Date.parse((await refresh(source)).metrics[0]?.observedAt ?? "");
    const more = (await longest(client)).calls - calls;
    say("no index, first answer", `${Math.round(firstMs)} ms in ${calls} statements`);
    say("no index, longest statement", `${Math.round(ms)} ms`, `${limits.statementMs} ms`);
    say(
      "no index, second answer 3 s later",
      `${againMs.toFixed(2)} ms, ${(ageMs / 1000).toFixed(0)} s old, ${more} statements`,
      "0",
    );
    say("no index, depth as reported and as counted", `${depth}, ${counted[0].n}`);
    return ms < limits.statementMs && more === 0 && depth === counted[0].n && ageMs > 2000;
  });
}

/** With the indexes that `cli indexes` advises, in turns with the naive query. */
async function benchIndexed(client: Client, url: string): Promise<boolean> {
  const advice = await adviseIndexes(
    { databaseUrl: url, sources: [config], detect: false, env: null, logger: silentLogger },
    AbortSignal.timeout(60_000),
  );
  const statements = advice.flatMap(({ missing }) => missing.flatMap((index) => index.statements));
  const builtMs = await time(async () => {
    for (const statement of statements) await client.query(statement);
  });
  await client.query("vacuum analyze jobs");
  say("advised indexes", `${statements.length}, built in ${Math.round(builtMs)} ms`);
  const naives: number[] = [];
  const parallel: number[] = [];
  const ours: number[] = [];
  await withSource(url, 0, async (source) => {
    await refresh(source);
    for (let round = 0; round < rounds; round += 1) {
      parallel.push(await time(() => client.query(naive)));
      await client.query("set max_parallel_workers_per_gather = 0");
      naives.push(await time(() => client.query(naive)));
      await client.query("reset max_parallel_workers_per_gather");
      for (let n = 0; n < 3; n += 1) ours.push(await time(() => refresh(source)));
    }
  });
  const [naiveMs, fresh] = [quartiles(naives).median, quartiles(ours).median];
  say("naive GROUP BY, in one process of the server as ours", `${describe(naives)} ms`);
  say("naive GROUP BY, with parallel workers", `${describe(parallel)} ms`);
  say("whole refresh", `${describe(ours)} ms`, `${limits.ms} ms`);
  say("naive / refresh, medians", `${Math.round(naiveMs / fresh)}`, `at least ${1 / limits.ratio}`);
  return fresh <= limits.ms && fresh / naiveMs <= limits.ratio;
}

/** A hundred callers a second, as the gateway asks. */
async function benchCallers(client: Client, url: string): Promise<boolean> {
  const seconds = 5;
  let answers = 0;
  await withSource(url, 1000, async (source) => {
    // Learns the usual run times, once.
    await refresh(source);
    await client.query(reset);
    const callers: Promise<void>[] = [];
    for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(10)) {
      callers.push(refresh(source).then(() => void (answers += 1)));
    }
    await Promise.all(callers);
  });
  // Two statements are one refresh: the numbers and the errors.
  const perSec = (await longest(client)).calls / 2 / seconds;
  say(`${Math.round(answers / seconds)} callers/s`, `${perSec.toFixed(2)} refreshes/s`, String(limits.refreshesPerSec));
  return perSec <= limits.refreshesPerSec;
}

/** Each on a fresh copy of the table. */
async function benchHostile(serverUrl: string): Promise<boolean> {
  let ok = true;
  for (const { name, limited, statements } of hostilities) {
    const { fresh, after, exact } = await withDatabase(serverUrl, "template bench strategy file_copy", (client, url) =>
      withSource(url, 0, async (source) => {
        const measure = async () => {
          const times: number[] = [];
          // Warms the cache.
          for (let n = 0; n < 3; n += 1) await refresh(source);
          for (let n = 0; n < 3 * rounds; n += 1) times.push(await time(() => refresh(source)));
          return times;
        };
        const before = await measure();
        for (const statement of statements(rows)) await client.query(statement);
        const hostile = await measure();
        const { metrics } = await refresh(source);
        return { fresh: before, after: hostile, exact: metrics.every((queue) => queue.exact) };
      }),
    );
    const ratio = quartiles(after).median / quartiles(fresh).median;
    say(
      `no vacuum: ${name}`,
      `${describe(after)} ms, ${ratio.toFixed(1)} x fresh`,
      limited ? `${limits.hostile} x` : "none",
    );
    ok &&= exact && (!limited || ratio <= limits.hostile);
  }
  return ok;
}

/** A database of its own: "bench", or a copy. */
async function withDatabase<T>(
  serverUrl: string,
  options: string,
  use: (client: Client, url: string) => Promise<T>,
): Promise<T> {
  const name = options === "" ? "bench" : "bench_copy";
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const admin = new Client({ connectionString: serverUrl });
  const client = new Client({ connectionString: url.href });
  await admin.connect();
  try {
    await admin.query(`create database ${name} ${options}`);
    await client.connect();
    return await use(client, url.href);
  } finally {
    await client.end().catch(() => {});
    if (options !== "") await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
  }
}

/**
 * The queues of one huge table: with the advised indexes against the naive query, without any,
 * under many callers, and without a vacuum.
 */
export async function benchQueues(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-"));
  const settings = [
    "shared_buffers=3GB",
    "max_wal_size=4GB",
    "autovacuum=off",
    "shared_preload_libraries=pg_stat_statements",
  ];
  const postgres = await startPostgres(join(folder, "postgres"), { settings });
  try {
    const built = await withDatabase(postgres.url, "", async (client, url) => {
      await client.query("create extension pg_stat_statements");
      const builtMs = await time(() => buildTable(client, rows));
      say(`table of ${rows.toLocaleString("en-US")} rows`, `built in ${Math.round(builtMs / 1000)} s`);
      const results = [
        await benchUnindexed(client, url),
        await benchIndexed(client, url),
        await benchCallers(client, url),
      ];
      return results.every(Boolean);
    });
    return (await benchHostile(postgres.url)) && built;
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
