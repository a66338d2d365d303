import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { startPostgres } from "../services/postgres.ts";
import { type Running, startProcess } from "../services/process.ts";
import { queueSql, queuesFile, quote, sandboxQueues } from "./queues.ts";

const roleSql = new URL("../../deploy/postgres/read-only-role.sql", import.meta.url);
const worker = fileURLToPath(new URL("worker.ts", import.meta.url));

/** What the gateway needs to know of the database. */
export interface SandboxDatabase {
  /** URL of the gateway's read-only role. */
  readonly gatewayUrl: string;
  /** Path of QUEUES_FILE. */
  readonly queuesFile: string;
}

/**
 * A PostgreSQL of our own in `folder` with the job tables, an hour of history, the gateway's role, and a worker that runs jobs.
 * Hands each process to `keep` as soon as it runs.
 */
export async function startDatabase(folder: string, keep: (part: Running) => void): Promise<SandboxDatabase> {
  const postgres = await startPostgres(join(folder, "postgres"));
  keep(postgres);
  const ownerUrl = await createDatabase(postgres.url, "wallet_core");
  const password = randomBytes(18).toString("base64url");
  await run(ownerUrl, [
    ...sandboxQueues.map(queueSql),
    readFileSync(roleSql, "utf8"),
    `alter role wallet_core_ops password ${quote(password)}`,
  ]);
  const path = join(folder, "queues.json");
  writeFileSync(path, queuesFile(sandboxQueues));
  const logFile = join(folder, "worker.log");
  keep(
    await startProcess({
      command: process.execPath,
      args: ["--disable-warning=ExperimentalWarning", worker, ownerUrl],
      logFile,
      ready: () => Promise.resolve(readFileSync(logFile, "utf8").includes("working")),
    }),
  );
  const url = new URL(ownerUrl);
  url.username = "wallet_core_ops";
  url.password = password;
  return { gatewayUrl: url.href, queuesFile: path };
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
