import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import process from "node:process";
import { Client } from "pg";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { queuesFile, queueSql, sandboxQueues } from "../../script/sandbox/queues.ts";
import { parseQueuesFile } from "../../src/queues/config.ts";

const database = `worker_${randomBytes(4).toString("hex")}`;
const admin = new Client({ connectionString: inject("postgresUrl") });
const url = new URL(inject("postgresUrl"));
url.pathname = `/${database}`;
const client = new Client({ connectionString: url.href });

beforeAll(async () => {
  await admin.connect();
  await admin.query(`create database ${database}`);
  await client.connect();
  for (const queue of sandboxQueues) await client.query(queueSql(queue));
});

afterAll(async () => {
  await client.end();
  await admin.query(`drop database ${database} with (force)`);
  await admin.end();
});

it("the demo's QUEUES_FILE is valid: the runner and four worker queues", () => {
  const parsed = parseQueuesFile(queuesFile(sandboxQueues));
  expect(parsed).toMatchObject({ ok: true });
  expect(sandboxQueues.map(({ name }) => name).toSorted()).toEqual([
    "payouts",
    "pos_settlement",
    "runner",
    "virtual_account_issue",
    "webhook_notifications",
  ]);
});

it("the demo's worker handles jobs and finishes the last one on SIGTERM", async () => {
  const since = (await client.query<{ now: Date }>("select clock_timestamp() as now")).rows[0]?.now;
  const worker = spawn(process.execPath, ["script/sandbox/worker.ts", url.href], { stdio: "ignore" });
  const exit = once(worker, "exit");
  const count = async (sql: string, ...values: readonly unknown[]) =>
    (await client.query<{ n: number }>(`select count(*)::int as n from ${sql}`, [...values])).rows[0]?.n ?? 0;
  try {
    for (const { table, status, done, finishedAt } of sandboxQueues) {
      const finished = () => count(`${table} where ${status} = $1 and ${finishedAt} > $2`, done, since);
      await expect.poll(finished, { timeout: 20_000 }).toBeGreaterThan(0);
    }
  } finally {
    worker.kill("SIGTERM");
  }
  expect(await exit).toEqual([0, null]);
  for (const { table, status, active } of sandboxQueues) {
    expect(await count(`${table} where ${status} = $1`, active)).toBe(0);
  }
});
