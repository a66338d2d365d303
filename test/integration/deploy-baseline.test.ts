import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";

const now = Math.floor(Date.now() / 1000);
const ago = (seconds: number) => `${new Date((now - seconds) * 1000).toISOString().slice(0, 19)}Z`;
const day = 86_400;
const env = "staging";
let database: TestDatabase;
let queues: ReturnType<typeof createQueueSources>;
let gateway: Awaited<ReturnType<typeof startGateway>>;

/**
 * 300 jobs that ended evenly between so many seconds ago; a third of them failed with this error.
 */
async function work(queue: string, from: number, to: number, error: string): Promise<void> {
  await database.query(
    `insert into river_job (kind, state, scheduled_at, attempted_at, finalized_at, attempt, errors)
     select $1::text, (case when n % 3 = 0 then 'discarded' else 'completed' end)::river_job_state,
            ended - interval '2 seconds', ended - interval '1 second', ended, 1,
            case when n % 3 = 0 then array[jsonb_build_object('at', ended, 'attempt', 1, 'error', $4::text, 'trace', '')] end
     from (select n, now() - ($2::float8 + ($3::float8 - $2::float8) * n / 300) * interval '1 second' as ended
           from generate_series(1, 300) as n) as job`,
    [queue, from, to, error],
  );
}

const judge = async () => {
  const { body } = await gateway.query(
    "{ latestDeploys { verdict { outcome reasons newErrors { error regressed } queues { queue baseline reasons } } } }",
  );
  return body.data.latestDeploys[0].verdict;
};

/**
 * A gateway that has read nothing yet: what failed a day ago is cached for minutes. Its service was
 * deployed 14 minutes ago.
 */
async function restart(): Promise<void> {
  await gateway?.[Symbol.asyncDispose]();
  await queues?.close();
  queues = createQueueSources({ databaseUrl: database.url, sources: [], env, logger: silentLogger });
  const record = (tag: string, seconds: number) =>
    sampleRecord({ destination: null, env, tag, version: tag, deployedAt: ago(seconds), durationSeconds: 10 });
  const { sources } = createMemorySources({
    containers: [sampleContainer({ version: "v2", env, createdAt: ago(845) })],
    deploy: new OpsError("deploy_info_missing", "deploy_info.json not found"),
    deployLogs: [sampleDeployLog([record("v1", 2 * day), record("v2", 840)])],
  });
  gateway = await startGateway({ ...sources, queues });
}

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "baseline");
  await createRiverJobs(database);
  // Rows are kept for longer than two days.
  await database.query(
    "insert into river_job (kind, state, finalized_at, scheduled_at) values ('mailer', 'completed', now() - interval '3 days', now() - interval '3 days')",
  );
  // The nightly queue began to run after the deploy.
  await work("nightly", 830, 1, "no rate for EUR 17");
  await restart();
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await queues?.close();
  await database?.drop();
});

it("a new error is not judged where no earlier run of its queue is stored", async () => {
  const reason =
    /^a new error occurred 100 times, but no job of nightly is known to have ended before the deploy, nor at its hour a day or a week before: no rate for EUR/;
  await expect.poll(judge, { timeout: 20_000 }).toMatchObject({
    outcome: "NOT_ENOUGH_DATA",
    reasons: [expect.stringMatching(reason)],
    newErrors: [{ regressed: false }],
  });
});

it("an error that a nightly queue had a day before is not new", async () => {
  await work("nightly", day + 830, day + 1, "no rate for EUR 18");
  await restart();
  await expect.poll(judge, { timeout: 20_000 }).toEqual({
    outcome: "CLEAN",
    reasons: [],
    newErrors: [],
    queues: [{ queue: "nightly", baseline: "DAY", reasons: [] }],
  });
});

it("an error that its queue did not have a day before is a regression", async () => {
  await database.query(
    "update river_job set errors = array[jsonb_set(errors[1], '{error}', '\"out of ink\"')] where finalized_at < now() - interval '1 hour' and errors is not null",
  );
  await restart();
  await expect.poll(judge, { timeout: 20_000 }).toMatchObject({
    outcome: "REGRESSED",
    newErrors: [{ error: expect.stringContaining("no rate"), regressed: true }],
  });
});

it("an error that its queue had on any day, at any hour, is not new", async () => {
  await work("nightly", 9 * day + 7200, 9 * day + 7000, "no rate for EUR 19");
  await restart();
  await expect.poll(judge, { timeout: 20_000 }).toMatchObject({ outcome: "CLEAN", reasons: [], newErrors: [] });
});
