import { join } from "node:path";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { type RunningRedis, startRedis } from "../../script/services/redis.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import { createQueueSources, type QueueSourcesOptions } from "../../src/queues/source.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { connectRedis } from "../support/redis.ts";

const signal = () => AbortSignal.timeout(20_000);
let database: TestDatabase;
let server: RunningRedis;
let redis: Redis;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "unsupported");
  server = await startRedis(join(inject("runFolder"), "unsupported"));
  redis = connectRedis(server);
});
afterAll(async () => {
  await redis.quit();
  await server.stop();
  await database.drop();
});

const inPostgres = (more: Partial<QueueSourcesOptions> = {}): QueueSourcesOptions => ({
  databaseUrl: database.url,
  env: null,
  logger: silentLogger,
  ...more,
});
const inRedis = (more: Partial<QueueSourcesOptions> = {}): QueueSourcesOptions => ({
  ...inPostgres(),
  databaseUrl: null,
  brokers: { rabbitmq: null, redis: server.url },
  ...more,
});

async function find(options: QueueSourcesOptions): Promise<readonly string[]> {
  const sources = createQueueSources(options);
  const found = (await sources.unsupported?.(signal())) ?? [];
  await sources.close();
  return found.map(({ name, reason }) => `${name}: ${reason}`);
}

describe("older versions in PostgreSQL", () => {
  const boss = "pg-boss before version 10 has other tables: upgrade it to 10 or newer";
  const worker =
    "graphile-worker before version 0.16 hides its jobs from every role but their owner: upgrade it to 0.16 or newer";

  it("are named in each schema, beside what is read", async () => {
    // The tables that pg-boss 9.0.3 and graphile-worker 0.13.0 and 0.15.1 make.
    for (const schema of ["pgboss", "boss_of_before"]) {
      await database.query(`create schema ${schema}`);
      for (const table of ["archive", "job", "schedule", "subscription", "version"])
        await database.query(`create table ${schema}.${table} (id int)`);
    }
    await database.query("create schema graphile_worker");
    for (const table of ["job_queues", "jobs", "known_crontabs", "migrations"])
      await database.query(`create table graphile_worker.${table} (id int)`);
    await createRiverJobs(database);
    const found = [
      `pgboss-before-10: ${boss} (schema boss_of_before)`,
      `pgboss-before-10:pgboss: ${boss} (schema pgboss)`,
      `graphile-worker-before-0.16: ${worker} (schema graphile_worker)`,
    ];
    expect((await find(inPostgres())).toSorted()).toEqual(found.toSorted());
    expect(await find(inPostgres({ hide: ["pgboss-before-10", "pgboss-before-10:pgboss"] }))).toEqual(found.slice(2));
    expect(await find(inPostgres({ detect: false }))).toEqual([]);

    const probes = await probeQueueSources(inPostgres(), signal());
    expect(probes.map(({ name, ok }) => [name, ok])).toEqual([
      ["river", true],
      ["pgboss-before-10", true],
      ["pgboss-before-10:pgboss", true],
      ["graphile-worker-before-0.16", true],
    ]);
    expect(probes[3]).toMatchObject({
      detail: null,
      warnings: [`found, not supported, because ${worker} (schema graphile_worker)`],
    });
  });

  it("are in queueSources and in /queues, and no outage in /metrics", async () => {
    const queues = createQueueSources(inPostgres({ hide: ["pgboss-before-10:pgboss", "graphile-worker-before-0.16"] }));
    await using gateway = await startGateway({ ...createMemorySources().sources, queues });
    const { body } = await gateway.query(
      "{ queues { name } queueSources { name kind numbersOk ok error { code message } } }",
    );
    expect(body.errors).toBeUndefined();
    expect(body.data).toEqual({
      queues: [],
      queueSources: [
        { name: "river", kind: "river", numbersOk: true, ok: true, error: null },
        {
          name: "pgboss-before-10",
          kind: "pgboss",
          numbersOk: null,
          ok: false,
          error: {
            code: "queue_unsupported",
            message: `Detected, but not supported, because ${boss} (schema boss_of_before)`,
          },
        },
      ],
    });
    const rest = await (await gateway.fetch("/api/v1/admin/ops/queues")).json();
    expect(rest).toMatchObject({
      queues: [],
      sources: [
        { name: "river", ok: true },
        { name: "pgboss-before-10", ok: false, error: { code: "queue_unsupported" } },
      ],
    });
    const samples = (await (await gateway.fetch("/metrics")).text()).match(/^ops_queue_source_up.*$/gm);
    expect(samples).toEqual(['ops_queue_source_up{source="river",kind="river",upstream="postgres"} 1']);
    await queues.close();
  });

  it("leave check with nothing to read where they are alone", async () => {
    await database.query("drop table river_job, river_queue");
    expect(await probeQueueSources(inPostgres({ hide: ["pgboss-before-10:pgboss"] }), signal())).toMatchObject([
      {
        name: "queues",
        ok: false,
        detail:
          "no job system was found that can be read: describe your job tables in WALLET_CORE_OPS_QUEUES_FILE (docs/queues.md)",
      },
      { name: "pgboss-before-10", ok: true },
      { name: "graphile-worker-before-0.16", ok: true },
    ]);
  });
});

describe("other systems in Redis", () => {
  afterEach(() => redis.flushall());

  // Keys as Bull 3.29 and 4.16, bee-queue 2.0, Celery 5.5 and Sidekiq 7.3 leave them.
  const systems: Readonly<Record<string, { readonly write: () => Promise<unknown>; readonly reason: string }>> = {
    bull: {
      write: async () => {
        await redis.mset("bull:mail:id", "5", "bull:mail:stalled-check", "1", "bull:a:b:id", "1");
        await redis.zadd("bull:mail:completed", 1, "1");
      },
      reason: "Bull, unlike BullMQ, stores no events of ended jobs (a:b, mail): move it to BullMQ",
    },
    "bee-queue": {
      write: async () => {
        for (let n = 1; n <= 7; n += 1) await redis.set(`bq:q${n}:id`, "3");
        await redis.hset("bq:q1:jobs", "1", "{}");
      },
      reason: "bee-queue stores no end times (q1, q2, q3, q4, q5 and 2 more)",
    },
    celery: {
      write: () => redis.sadd("_kombu.binding.payments", "payments\u0006\u0016\u0006\u0016payments"),
      reason: "Celery in Redis counts nothing: its queues are read where RabbitMQ is its broker",
    },
    sidekiq: {
      write: async () => {
        await redis.sadd("queues", "mail");
        await redis.lpush("queue:mail", "{}");
      },
      reason: "Sidekiq counts ended jobs of all queues together, without times",
    },
  };

  it.each(Object.entries(systems))("%s is named", async (name, { write, reason }) => {
    expect(await find(inRedis())).toEqual([]);
    await write();
    expect(await find(inRedis())).toEqual([`${name}: ${reason}`]);
    expect(await find(inRedis({ hide: [name] }))).toEqual([]);
    expect(await probeQueueSources(inRedis(), signal())).toMatchObject([
      { name: "redis", ok: true },
      { name, ok: true, detail: null, warnings: [`found, not supported, because ${reason}`] },
    ]);
  });

  it("Sidekiq is recognised when all its queues are empty", async () => {
    await redis.sadd("queues", "mail");
    await redis.set("stat:processed", "4");
    expect(await find(inRedis())).toHaveLength(1);
  });

  it("similar keys are not named, nor is BullMQ", async () => {
    await redis.hset("bull:mail:meta", "opts.maxLenEvents", "10000");
    await redis.mset("bull:mail:id", "5", "id", "1", "queues", "none of Sidekiq");
    await redis.sadd("asynq:queues", "mail");
    expect(await find(inRedis())).toEqual([]);
  });

  it("are absent when Redis is away or shows nothing", async () => {
    const url = new URL(server.url);
    url.password = "wrong";
    expect(await find(inRedis({ brokers: { rabbitmq: null, redis: url.href } }))).toEqual([]);
    await redis.call("ACL", "SETUSER", "narrow", "on", ">pw", "~bull:*", "+@read", "+client");
    [url.username, url.password] = ["narrow", "pw"];
    await systems["bull"]?.write();
    await systems["sidekiq"]?.write();
    expect(await find(inRedis({ brokers: { rabbitmq: null, redis: url.href } }))).toEqual([
      `bull: ${systems["bull"]?.reason}`,
    ]);
  });
});
