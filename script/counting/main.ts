import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres-database.ts";
import { connectRedis } from "../../test/support/redis.ts";
import { startPostgres } from "../services/postgres.ts";
import { runScript } from "../services/process.ts";
import { startRabbitmq } from "../services/rabbitmq.ts";
import { startRedis } from "../services/redis.ts";
import { createAsynqWriter } from "./asynq-writer.ts";
import { compare, findOthers, toTable } from "./compare.ts";
import type { CountedSystem } from "./figures.ts";
import { startGateway } from "./gateway.ts";
import { createDice } from "./plan.ts";
import { createRows, type RowWriter } from "./rows.ts";
import {
  createGoodJobWriter,
  createObanWriter,
  createPgmqWriter,
  createQueWriter,
  createRiverWriter,
  createSolidQueueWriter,
  createTableWriter,
} from "./sql-writers.ts";
import { workBoss, workBullmq, workGraphile, workRabbitmq } from "./workers.ts";

const usage = `Usage: script/recount [--seed=1] [--jobs=60] [--rows=400]
--jobs: of each system with real workers, 1 to 500. --rows: of each queue of the others, 20 to 1000.
`;
const { values, positionals } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "60" },
    rows: { type: "string", default: "400" },
    help: { type: "boolean", short: "h", default: false },
  },
  strict: false,
});
if (values.help === true) {
  process.stdout.write(usage);
  process.exit(0);
}
const [seed, jobs, rows] = [Number(values.seed), Number(values.jobs), Number(values.rows)];
const isKnown = Object.keys(values).every((name) => ["seed", "jobs", "rows", "help"].includes(name));
const isMeant = Number.isInteger(seed) && jobs >= 1 && jobs <= 500 && rows >= 20 && rows <= 1000;
if (!isKnown || !isMeant || positionals.length > 0 || !Number.isInteger(jobs) || !Number.isInteger(rows)) {
  process.stderr.write(usage);
  process.exit(2);
}

/** Sampled numbers need reads a minute apart. */
const watchedMs = 75_000;
/** How often the gateway is asked meanwhile, ms. */
const askEachMs = 2000;

function say(text: string): void {
  process.stdout.write(`== ${text}\n`);
}

await runScript(async (stack) => {
  const folder = mkdtempSync(join(tmpdir(), "ops-recount-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  say("PostgreSQL, Redis and RabbitMQ start");
  const [postgres, server, broker] = await Promise.all([
    startPostgres(join(folder, "postgres")),
    startRedis(join(folder, "redis")),
    startRabbitmq(join(folder, "rabbitmq")),
  ]);
  for (const part of [postgres, server, broker]) stack.defer(() => part.stop());
  const redis = connectRedis(server);
  stack.defer(async () => void (await redis.quit()));

  const dice = createDice(seed);
  const databases: Record<string, string> = {};
  const systems: CountedSystem[] = [];
  const open = async (name: string): Promise<TestDatabase> => {
    const database = await createTestDatabase(postgres.url, name.replaceAll("-", "_"));
    databases[name] = database.url;
    stack.defer(() => database.drop());
    return database;
  };
  const addRows = (name: string, writer: RowWriter, source?: string) =>
    systems.push(createRows(dice, rows, { ...writer, name, ...(source !== undefined && { source }) }));
  const table = await createTableWriter(await open("table"));
  addRows("table", table, "runner");
  const river = await createRiverWriter(await open("river"));
  addRows("river", river.byKind);
  const riverByQueue = await createRiverWriter(await open("river-by-queue"));
  addRows("river-by-queue", riverByQueue.byQueue, "by-queue");
  addRows("oban", await createObanWriter(await open("oban")));
  addRows("solid-queue", await createSolidQueueWriter(await open("solid-queue")));
  addRows("good-job", await createGoodJobWriter(await open("good-job")));
  addRows("que", await createQueWriter(await open("que")));
  addRows("pgmq", await createPgmqWriter(await open("pgmq")));
  addRows("asynq", await createAsynqWriter(redis), "redis");
  for (const version of [10, 11, 12] as const)
    systems.push(await workBoss(dice, jobs, version, await open(`pgboss${version}`)));
  systems.push(await workGraphile(dice, jobs, await open("graphile")));
  systems.push(workBullmq(dice, jobs, server));
  systems.push(await workRabbitmq(dice, jobs, broker));
  for (const system of systems) stack.defer(async () => system.close?.());

  say("the gateway starts, and reads before anything happens");
  const byQueue = { name: "by-queue", kind: "river", schema: "public", by: "queue", database: "river-by-queue" };
  const queuesFile = { sources: [{ ...table.config, database: "table" }, byQueue] };
  const gateway = await startGateway(folder, { databases, redisUrl: server.url, rabbitmqUrl: broker.url, queuesFile });
  stack.defer(() => gateway.stop());
  await gateway.ask();
  const worked = new AbortController();
  const watching = (async () => {
    while (!worked.signal.aborted) {
      await gateway.ask();
      await sleep(askEachMs);
    }
  })();
  const begin = (when: CountedSystem["begins"]) =>
    Promise.all(systems.filter(({ begins }) => begins === when).map((system) => system.work()));
  say(`${systems.length} job systems work by the plan of seed ${seed}`);
  try {
    await begin("first");
    await begin("watched");
    await sleep(watchedMs);
  } finally {
    worked.abort();
    await watching;
  }
  // Last, so that no job leaves the last five minutes or the last hour meanwhile.
  await begin("last");
  // What the gateway has read before may be shared for a second.
  await sleep(2000);

  const look = () =>
    Promise.all(
      systems.map(async (system) => ({ queues: system.count(), seconds: (await system.averagedSeconds?.()) ?? null })),
    );
  const before = await look();
  const answers = await gateway.ask();
  const after = await look();
  for (const failing of answers.failing) say(`cannot be read: ${failing}`);
  const comparisons = systems.map((system, index) => {
    const [first, last] = [before[index], after[index]] as [(typeof before)[number], (typeof after)[number]];
    return compare(
      system,
      {
        before: first.queues,
        after: last.queues,
        ...(first.seconds !== null && last.seconds !== null && { averaged: [first.seconds, last.seconds] as const }),
      },
      answers,
    );
  });
  const others = findOthers(
    systems.map(({ source }, index) => ({ source, queues: (before[index]?.queues ?? []).map(({ queue }) => queue) })),
    answers,
  );
  const wrong = [...comparisons.flatMap((comparison) => comparison.wrong), ...others];
  process.stdout.write(`${toTable(comparisons)}\n`);
  for (const line of wrong) say(`wrong: ${line}`);
  const figures = comparisons.reduce((sum, comparison) => sum + comparison.figures, 0);
  say(`${figures} figures of ${systems.length} job systems compared, ${wrong.length} wrong (seed ${seed})`);
  process.exitCode = wrong.length > 0 || answers.failing.length > 0 ? 1 : 0;
});
