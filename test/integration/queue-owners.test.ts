import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { runCommand } from "../support/terminal-run.ts";

const now = Math.floor(Date.now() / 1000);
const ago = (seconds: number) => `${new Date((now - seconds) * 1000).toISOString().slice(0, 19)}Z`;
const env = "staging";
const services = ["shop", "billing"] as const;
const hosts = { shop: "shop-worker", billing: "billing-worker" };
let database: TestDatabase;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let queues: ReturnType<typeof createQueueSources>;

/** 400 jobs of a queue that ended evenly between so many seconds ago; every n-th failed. */
async function work(queue: string, worker: string, from: number, to: number, failEvery: number | null): Promise<void> {
  await database.query(
    `insert into river_job (kind, state, scheduled_at, attempted_at, finalized_at, attempted_by, attempt, errors)
     select $1::text, (case when failed then 'discarded' else 'completed' end)::river_job_state,
            ended - interval '2 seconds', ended - interval '1 second', ended, array[$2::text], 1,
            case when failed then array[jsonb_build_object('at', ended, 'attempt', 1, 'error', 'boom', 'trace', '')] end
     from (select coalesce(n % $5::int = 0, false) as failed,
                  now() - ($3::float8 + ($4::float8 - $3::float8) * n / 400) * interval '1 second' as ended
           from generate_series(1, 400) as n) as job`,
    [queue, `${worker}_2026_11_25T02_03_04`, from, to, failEvery],
  );
}

/**
 * Two services in one database. Both were deployed 14 minutes ago; since then half of the shop's
 * mails fail.
 */
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "owners");
  await createRiverJobs(database);
  await database.query(
    "insert into river_job (kind, state, finalized_at, scheduled_at) values ('mailer', 'completed', now() - interval '3 hours', now() - interval '3 hours')",
  );
  await work("mailer", hosts.shop, 1700, 850, null);
  await work("mailer", hosts.shop, 830, 1, 2);
  for (const service of services) {
    await work("exports", hosts[service], 1700, 850, null);
    await work("exports", hosts[service], 830, 1, service === "shop" ? 2 : null);
  }
  await work("invoices", hosts.billing, 1700, 850, 100);
  await work("invoices", hosts.billing, 830, 1, 100);
  const release = (service: (typeof services)[number], version: string, more = {}) =>
    sampleContainer({
      service,
      version,
      env,
      destination: null,
      role: "worker",
      name: `${service}-worker-${version}`,
      host: hosts[service],
      createdAt: ago(850),
      ...more,
    });
  const retired = { status: "exited", createdAt: ago(3000), finishedAt: ago(845) } as const;
  const deployed = (service: (typeof services)[number], tag: string, seconds: number) =>
    sampleRecord({ service, destination: null, env, tag, version: tag, deployedAt: ago(seconds), durationSeconds: 10 });
  queues = createQueueSources({ databaseUrl: database.url, sources: [], env, logger: silentLogger });
  const { sources } = createMemorySources({
    containers: services.map((service) => release(service, "v2")),
    retired: services.map((service) => release(service, "v1", retired)),
    deploy: new OpsError("deploy_info_missing", "deploy_info.json not found"),
    deployLogs: [
      sampleDeployLog(services.flatMap((service) => [deployed(service, "v1", 2900), deployed(service, "v2", 840)])),
    ],
  });
  gateway = await startGateway({ ...sources, queues, services });
  // What the first answer loads takes long on a busy machine.
  await runCommand(gateway.url, ["verdict", "--wait", "60s"]);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await queues.close();
  await database.drop();
});

const gate = (service: string) =>
  runCommand(gateway.url, ["verdict", "--service", service, "--fail-on", "regressed", "-o", "json"]);

describe("of two services in one database, the one whose queue fails", () => {
  it("fails its own gate, and not that of the other", async () => {
    const [shop, billing] = [await gate("shop"), await gate("billing")];
    expect([shop.code, billing.code]).toEqual([3, 0]);
    const judged = (out: string) =>
      (JSON.parse(out) as { verdict: { outcome: string; queues: object[] } }[])[0]?.verdict;
    expect(judged(shop.out)).toMatchObject({
      outcome: "REGRESSED",
      queues: [{ queue: "exports" }, { queue: "mailer" }],
    });
    expect(judged(billing.out)).toMatchObject({
      outcome: "CLEAN",
      queues: [{ queue: "exports" }, { queue: "invoices" }],
      gaps: [],
    });
  });

  it("is judged in a queue of both by the jobs of its own workers", async () => {
    const { body } = await gateway.query(
      "{ latestDeploys { service verdict { queues { queue outcome before { succeeded failed } after { succeeded failed } } } } }",
    );
    const exported = body.data.latestDeploys.map(({ service, verdict }: any) => [
      service,
      verdict.queues.find(({ queue }: { queue: string }) => queue === "exports"),
    ]);
    // The windows move while the test runs: a few jobs are outside.
    const part = (outcome: string, succeeded: number, failed: unknown) => ({
      queue: "exports",
      outcome,
      before: { succeeded: expect.closeTo(400, -2), failed: 0 },
      after: { succeeded: expect.closeTo(succeeded, -2), failed },
    });
    expect(Object.fromEntries(exported)).toEqual({
      shop: part("REGRESSED", 200, expect.closeTo(200, -2)),
      billing: part("CLEAN", 400, 0),
    });
  });

  it("is the one whose deploy is a problem", async () => {
    const { body } = await gateway.query("{ problems { problems { kind service queue { name } } } }");
    const found = body.data.problems.problems.filter(({ kind }: { kind: string }) => kind === "DEPLOY_REGRESSED");
    expect(found).toEqual([{ kind: "DEPLOY_REGRESSED", service: "shop", queue: null }]);
  });

  it("is the one that its queue names", async () => {
    const { body } = await gateway.query("{ queues { name owners { service destination basis } } }");
    const owned = (service: string) => [{ service, destination: null, basis: "WORKERS" }];
    expect(body.data.queues).toEqual([
      { name: "exports", owners: owned("shop") },
      { name: "invoices", owners: owned("billing") },
      { name: "mailer", owners: owned("shop") },
    ]);
  });
});
