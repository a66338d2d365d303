import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool, type PoolClient } from "pg";
import { feedSettlements, playWorker } from "./incident/settlement-worker.ts";
import { type SandboxQueue, sandboxQueues } from "./queues.ts";
import type { SettlementWorker } from "./scenario.ts";

/**
 * What a worker process runs, as JSON in its second argument; without it all queues of
 * `sandboxQueues`. The first is the database's URL.
 */
export interface Work {
  /** Names of them. */
  readonly queues: readonly string[];
  /** Empty without jobs of River. */
  readonly settlements: readonly SettlementWorker[];
}

/**
 * Runs one job under a lock that other workers skip, and marks it done, failed or to be retried.
 * Returns false if no job is due.
 */
async function workOne(client: PoolClient, queue: SandboxQueue): Promise<boolean> {
  const { table, status } = queue;
  await client.query("begin");
  const { rows } = await client.query<{ id: string; attempts: number }>(
    `select id, attempts from ${table} where ${status} = $1 and run_at <= now() order by run_at for update skip locked limit 1`,
    [queue.waiting],
  );
  const job = rows[0];
  if (!job) {
    await client.query("rollback");
    return false;
  }
  if (queue.active !== null) {
    await client.query(`update ${table} set ${status} = $1 where id = $2`, [queue.active, job.id]);
    await client.query("commit");
    await client.query("begin");
  }
  await sleep(Math.random() * (800 / queue.rate));
  const error = Math.random() < queue.failing ? queue.errors[Math.floor(Math.random() * queue.errors.length)] : null;
  const attempts = job.attempts + 1;
  const again = error !== null && attempts < queue.maxAttempts;
  await client.query(
    `update ${table} set ${status} = $2, attempts = $3, ${queue.error} = $4, run_at = clock_timestamp() + $5 * interval '1 second',
       ${queue.finishedAt} = case when $6 then null else clock_timestamp() end where id = $1`,
    [
      job.id,
      again ? queue.waiting : error === null ? queue.done : queue.failed,
      attempts,
      error,
      again ? 2 ** attempts : 0,
      again,
    ],
  );
  await client.query("commit");
  return true;
}

/** Runs the jobs of one queue until `signal` aborts. */
async function workQueue(pool: Pool, queue: SandboxQueue, signal: AbortSignal): Promise<void> {
  const client = await pool.connect();
  try {
    while (!signal.aborted) {
      if (!(await workOne(client, queue))) await sleep(200);
    }
  } finally {
    client.release();
  }
}

/** New jobs at the queue's rate until `signal` aborts. */
async function feedQueue(pool: Pool, queue: SandboxQueue, signal: AbortSignal): Promise<void> {
  const types = queue.types ?? [""];
  while (!signal.aborted) {
    await pool.query(`insert into ${queue.table} (type) values ($1)`, [
      types[Math.floor(Math.random() * types.length)],
    ]);
    await sleep(-Math.log(1 - Math.random()) * (1000 / queue.rate));
  }
}

if (import.meta.main) {
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  const [, , url, text] = process.argv;
  const work: Work = text ? JSON.parse(text) : { queues: sandboxQueues.map(({ name }) => name), settlements: [] };
  const queues = sandboxQueues.filter(({ name }) => work.queues.includes(name));
  const pool = new Pool({ connectionString: url, max: 2 * queues.length + 3, application_name: "sandbox-worker" });
  pool.on("error", () => stop.abort());
  console.log("working");
  await Promise.all([
    ...queues.flatMap((queue) => [workQueue(pool, queue, stop.signal), feedQueue(pool, queue, stop.signal)]),
    ...work.settlements.map((worker) => playWorker(pool, worker, stop.signal)),
    ...(work.settlements.length > 0 ? [feedSettlements(pool, stop.signal)] : []),
  ]);
  await pool.end();
}
