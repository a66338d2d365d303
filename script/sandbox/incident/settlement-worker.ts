import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import type { SettlementWorker } from "../scenario.ts";
import { failure, maxAttempts, settlementError, settlementKind, settlementRate, toClientId } from "./settlements.ts";

interface Job {
  readonly id: string;
  readonly attempt: number;
}

/** Attempts of a worker that fail before one hangs. */
const failuresBeforeHang = 5;

/**
 * Plays a worker of the bad release until `signal` aborts: with each start of its container it
 * fails some jobs, then hangs on the next one, which stays running. Each attempt is a line in the
 * container's log before it is a row.
 */
export async function playWorker(pool: Pool, worker: SettlementWorker, signal: AbortSignal): Promise<void> {
  let life = "";
  while (!signal.aborted) {
    const now = readLife(worker);
    if (now !== life) {
      life = now;
      await playLife(pool, worker, () => signal.aborted || readLife(worker) !== life);
    }
    await pause(200, signal);
  }
}

/** Adds new jobs at their rate until `signal` aborts. */
export async function feedSettlements(pool: Pool, signal: AbortSignal): Promise<void> {
  for (let batch = 6000; !signal.aborted; batch += 1) {
    await pool.query(
      `insert into river_job (kind, max_attempts, priority, args) values ($1, $2, 2, jsonb_build_object('batch', $3::int))`,
      [settlementKind, maxAttempts, batch],
    );
    await pause(1000 / settlementRate, signal);
  }
}

async function playLife(pool: Pool, { host, folder }: SettlementWorker, isOver: () => boolean): Promise<void> {
  const log = (level: "info" | "warn" | "error", msg: string, fields: object) => {
    const line = { time: new Date().toISOString(), level, msg, kind: settlementKind, ...fields };
    appendFileSync(join(folder, "log"), `${JSON.stringify(line)}\n`);
  };
  const client = toClientId(host, new Date());
  log("info", "client started", { client_id: client });
  for (let failures = 0; !isOver();) {
    const job = await take(pool, client);
    if (!job) {
      await sleep(200);
      continue;
    }
    const fields = { job_id: job.id, attempt: job.attempt };
    log("info", "job started", fields);
    if (failures === failuresBeforeHang) {
      log("warn", "waiting for the lock of table settlement_batches", fields);
      return;
    }
    await sleep(600 + Math.random() * 800);
    log("error", `job failed: ${settlementError}`, { ...fields, error: settlementError });
    // The container writes the line before the attempt ends.
    await sleep(300);
    await fail(pool, job);
    failures += 1;
  }
}

/** The next job as River's clients take it. */
async function take(pool: Pool, client: string): Promise<Job | null> {
  const { rows } = await pool.query<Job>(
    `update river_job as job
     set state = 'running', attempt = attempt + 1, attempted_at = clock_timestamp(), attempted_by = array_append(attempted_by, $2)
     where id = (select id from river_job where kind = $1 and state in ('available', 'retryable') and scheduled_at <= now()
                 order by priority, scheduled_at, id limit 1 for update skip locked)
     returning id::text, attempt`,
    [settlementKind, client],
  );
  return rows[0] ?? null;
}

async function fail(pool: Pool, { id, attempt }: Job): Promise<void> {
  await pool.query(
    `update river_job
     set state = case when attempt < max_attempts then 'retryable' else 'discarded' end::river_job_state,
         scheduled_at = case when attempt < max_attempts then clock_timestamp() + interval '1 second' else scheduled_at end,
         finalized_at = case when attempt < max_attempts then null else clock_timestamp() end,
         errors = array_append(errors, ${failure("clock_timestamp()", String(attempt), settlementError)})
     where id = $1`,
    [id],
  );
}

/** Changes when the container starts; empty before its first start. */
function readLife({ folder }: SettlementWorker): string {
  const file = join(folder, "life");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
