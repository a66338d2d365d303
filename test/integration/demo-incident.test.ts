import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Client } from "pg";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { incidentScenario } from "../../script/sandbox/incident/scenario.ts";
import type { Work } from "../../script/sandbox/worker.ts";

const database = `incident_${randomBytes(4).toString("hex")}`;
const admin = new Client({ connectionString: inject("postgresUrl") });
const url = new URL(inject("postgresUrl"));
url.pathname = `/${database}`;
const client = new Client({ connectionString: url.href });
const folder = mkdtempSync(join(tmpdir(), "ops-incident-"));
const { settlements, containers } = incidentScenario(new Date(), folder);

beforeAll(async () => {
  await admin.connect();
  await admin.query(`create database ${database}`);
  await client.connect();
  await client.query(settlements?.sql ?? "");
});

afterAll(async () => {
  await client.end();
  await admin.query(`drop database ${database} with (force)`);
  await admin.end();
  rmSync(folder, { recursive: true });
});

interface Attempt {
  readonly job: string;
  readonly attempt: number;
  readonly worker: string;
  readonly at: string;
}

/** Failed attempts of the bad release since a time, oldest first. */
async function readAttempts(since: Date): Promise<readonly Attempt[]> {
  const { rows } = await client.query<Attempt>(
    `select id::text as job, (failure->>'attempt')::int as attempt, attempted_by[(failure->>'attempt')::int] as worker, failure->>'at' as at
     from river_job cross join unnest(errors) as failure
     where failure->>'error' = 'pq: serialization failure' and (failure->>'at')::timestamptz >= $1 order by (failure->>'at')::timestamptz`,
    [since],
  );
  return rows;
}

it("the incident's jobs wait for 6 minutes, after 12 failed attempts", async () => {
  const hosts = containers.map(({ options }) => options.Hostname);
  const attempts = await readAttempts(new Date(0));
  expect(attempts).toHaveLength(12);
  for (const { worker } of attempts) expect(hosts).toContain(worker.replace(/_\d{4}_\d\d_\d\dT\d\d_\d\d_\d\d$/, ""));
  const { rows } = await client.query<{ waiting: number; oldest: number }>(
    `select count(*)::int as waiting, extract(epoch from now() - min(scheduled_at))::float8 as oldest from river_job where state = 'available'`,
  );
  expect(rows[0]?.waiting).toBeGreaterThan(200);
  expect(Math.round((rows[0]?.oldest ?? 0) / 60)).toBe(6);
});

it("the incident's worker logs each failed attempt, then hangs", async () => {
  const since = new Date();
  const [worker] = settlements?.workers ?? [];
  if (!worker) throw new Error("the incident has no worker");
  const log = join(worker.folder, "log");
  const start = (life: string) => {
    writeFileSync(log, "");
    writeFileSync(join(worker.folder, "life"), life);
  };
  const lines = () =>
    readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { time: string; level: string; msg: string; job_id: string; attempt: number });
  const hangs = () => lines().at(-1)?.msg.startsWith("waiting for the lock");
  const work: Work = { queues: [], settlements: [worker] };
  start("1");
  const child = spawn(process.execPath, ["script/sandbox/worker.ts", url.href, JSON.stringify(work)], {
    stdio: "ignore",
  });
  const exit = once(child, "exit");
  try {
    await expect.poll(() => readFileSync(log, "utf8"), { timeout: 20_000 }).not.toBe("");
    await expect.poll(hangs, { timeout: 20_000 }).toBe(true);
    const failed = lines().filter(({ level }) => level === "error");
    const attempts = await readAttempts(since);
    expect(attempts.map(({ job, attempt }) => [job, attempt])).toEqual(
      failed.map((line) => [line.job_id, line.attempt]),
    );
    expect(attempts).toHaveLength(5);
    for (const [index, { at, worker: by }] of attempts.entries()) {
      expect(Date.parse(at) - Date.parse(failed[index]?.time ?? "")).toBeGreaterThanOrEqual(0);
      expect(by.startsWith(`${worker.host.replaceAll(".", "_")}_`)).toBe(true);
    }
    const { rows } = await client.query("select count(*)::int as running from river_job where state = 'running'");
    expect(rows).toEqual([{ running: 1 }]);

    start("2");
    await expect.poll(async () => (await readAttempts(since)).length, { timeout: 20_000 }).toBe(10);
  } finally {
    child.kill("SIGTERM");
  }
  expect(await exit).toEqual([0, null]);
});
