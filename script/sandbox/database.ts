import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { startPostgres } from "../services/postgres.ts";
import { type Running, startProcess } from "../services/process.ts";
import { queueSql, queuesFile, quote } from "./queues.ts";
import { readRoleSql } from "./role-sql.ts";
import type { Scenario } from "./scenario.ts";
import type { Work } from "./worker.ts";

const worker = fileURLToPath(new URL("worker.ts", import.meta.url));

/** What the gateway needs to know of the database. */
export interface SandboxDatabase {
  /** URL of the gateway's read-only role. */
  readonly gatewayUrl: string;
  /** URL of the role with which the gateway changes jobs. */
  readonly controlUrl: string;
  /** Path of QUEUES_FILE. */
  readonly queuesFile: string;
}

/**
 * A PostgreSQL of our own in `folder` with the job tables of a scenario, an hour of history, the
 * gateway's roles, and a worker that runs jobs. Hands each process to `keep` as soon as it runs.
 */
export async function startDatabase(
  folder: string,
  { queues, settlements }: Pick<Scenario, "queues" | "settlements">,
  keep: (part: Running) => void,
): Promise<SandboxDatabase> {
  const postgres = await startPostgres(join(folder, "postgres"));
  keep(postgres);
  const ownerUrl = await createDatabase(postgres.url, "wallet_core");
  const passwords = {
    wallet_core_ops: randomBytes(18).toString("base64url"),
    wallet_core_jobs: randomBytes(18).toString("base64url"),
  };
  await run(ownerUrl, [
    ...queues.map(queueSql),
    ...(settlements ? [settlements.sql] : []),
    readRoleSql(),
    `alter role wallet_core_ops password ${quote(passwords.wallet_core_ops)}`,
    `create role wallet_core_jobs login password ${quote(passwords.wallet_core_jobs)}`,
    `grant usage on schema public to wallet_core_jobs`,
    `grant select, update on ${[...queues.map(({ table }) => table), ...(settlements ? ["river_job"] : [])].join(", ")} to wallet_core_jobs`,
  ]);
  const path = join(folder, "queues.json");
  writeFileSync(path, queuesFile(queues));
  const logFile = join(folder, "worker.log");
  const work: Work = { queues: queues.map(({ name }) => name), settlements: settlements?.workers ?? [] };
  keep(
    await startProcess({
      command: process.execPath,
      args: ["--disable-warning=ExperimentalWarning", worker, ownerUrl, JSON.stringify(work)],
      logFile,
      ready: () => Promise.resolve(readFileSync(logFile, "utf8").includes("working")),
    }),
  );
  const urlOf = (role: keyof typeof passwords) => {
    const url = new URL(ownerUrl);
    url.username = role;
    url.password = passwords[role];
    return url.href;
  };
  return { gatewayUrl: urlOf("wallet_core_ops"), controlUrl: urlOf("wallet_core_jobs"), queuesFile: path };
}

async function createDatabase(url: string, name: string): Promise<string> {
  await run(url, [`create database ${name}`]);
  const created = new URL(url);
  created.pathname = `/${name}`;
  return created.href;
}

async function run(url: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
