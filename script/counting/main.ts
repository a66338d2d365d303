import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres-database.ts";
import type { JobTable } from "../../test/support/job-backend.ts";
import { createRiverJobs, createRunnerJobs } from "../../test/support/postgres-jobs.ts";
import {
  createGoodJobs,
  createObanJobs,
  createPgmqJobs,
  createQueJobs,
  createSolidQueueJobs,
} from "../../test/support/preset-jobs.ts";
import { connectRedis } from "../../test/support/redis.ts";
import { startPostgres } from "../services/postgres.ts";
import { runScript } from "../services/process.ts";
import { startRabbitmq } from "../services/rabbitmq.ts";
import { startRedis } from "../services/redis.ts";
import { compare, toTable } from "./compare.ts";
import type { CountedSystem } from "./figures.ts";
import { startGateway } from "./gateway.ts";
import { createDice } from "./plan.ts";
import { createAsynqRows, createSqlRows, rowQueues } from "./rows.ts";
import { workBoss, workBullmq, workGraphile, workRabbitmq } from "./workers.ts";

const usage = `Usage: script/recount [--seed=1] [--jobs=60] [--rows=400]
--jobs: of each system with real workers, 1 to 500. --rows: of each queue of the others, 1 to 1000.
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
const isMeant = Number.isInteger(seed) && jobs >= 1 && jobs <= 500 && rows >= 1 && rows <= 1000;
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

/**
 * With its queues, so that the gateway knows them before anything ends. What was read stays hidden
 * until the count; what was sent is due from the same moment on.
 */
async function createPgmqQueues(database: TestDatabase): Promise<JobTable> {
  const table = await createPgmqJobs(database);
  for (const queue of rowQueues) await database.query(`select pgmq."create"($1)`, [queue]);
  const insert: JobTable["insert"] = async (planned) => {
    await table.insert(planned);
    for (const [queue, own] of Map.groupBy(planned, (job) => job.queue))
      await database.query(
        `update pgmq."q_${queue}" as message
         set vt = case when read_ct > 0 then now() + interval '1 hour' else now() - ago * interval '1 second' end
         from unnest($1::int[]) with ordinality as job (ago, id) where message.msg_id = job.id`,
        [own.map(({ dueAgo }) => dueAgo ?? 0)],
      );
  };
  return { ...table, insert };
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
  const addRows = async (
    name: string,
    create: (database: TestDatabase) => Promise<JobTable>,
    options: Omit<Parameters<typeof createSqlRows>[3], "name" | "source" | "jobs"> & { readonly source?: string } = {},
  ) => {
    const database = await open(name);
    const table = await create(database);
    systems.push(createSqlRows(dice, database, table, { source: `${name}:${name}`, ...options, name, jobs: rows }));
    return table;
  };
  const runner = await addRows("table", createRunnerJobs, { source: "runner", lacks: ["retrying", "dead"] });
  await addRows("river", createRiverJobs);
  await addRows("oban", createObanJobs);
  await addRows("solid-queue", createSolidQueueJobs, { lacks: ["retrying"] });
  await addRows("good-job", createGoodJobs);
  const que = await addRows("que", createQueJobs);
  stack.defer(() => (que as Awaited<ReturnType<typeof createQueJobs>>).locker.end());
  await addRows("pgmq", createPgmqQueues, {
    isSampled: true,
    failsSilently: true,
    lacks: ["retrying", "dead", "failures", "errors"],
  });
  systems.push(await createAsynqRows(dice, redis, rows));
  for (const version of [10, 11, 12] as const)
    systems.push(await workBoss(dice, jobs, version, await open(`pgboss${version}`)));
  systems.push(await workGraphile(dice, jobs, await open("graphile")));
  systems.push(workBullmq(dice, jobs, server));
  systems.push(await workRabbitmq(dice, jobs, broker));
  for (const system of systems) stack.defer(async () => system.close?.());

  say("the gateway starts, and reads before anything happens");
  const { names: _, ...queue } = (runner.config as unknown as { queue: { column: string; names: string[] } }).queue;
  const queuesFile = { sources: [{ ...runner.config, queue, database: "table" }] };
  const gateway = await startGateway(folder, { databases, redisUrl: server.url, rabbitmqUrl: broker.url, queuesFile });
  stack.defer(() => gateway.stop());
  await gateway.ask();
  const begin = performance.now();
  const worked = new AbortController();
  const watching = (async () => {
    while (!worked.signal.aborted) {
      await gateway.ask();
      await sleep(askEachMs);
    }
  })();
  say(`${systems.length} job systems work by the plan of seed ${seed}`);
  try {
    await Promise.all(systems.filter(({ isWatched }) => isWatched).map((system) => system.work()));
    await sleep(Math.max(0, watchedMs - (performance.now() - begin)));
  } finally {
    worked.abort();
    await watching;
  }
  // Last, so that no job leaves the last five minutes or the last hour meanwhile.
  await Promise.all(systems.filter(({ isWatched }) => !isWatched).map((system) => system.work()));

  const counts = systems.map((system) => system.count());
  const answers = await gateway.ask();
  for (const failing of answers.failing) say(`cannot be read: ${failing}`);
  const comparisons = await Promise.all(systems.map((system, index) => compare(system, counts[index] ?? [], answers)));
  const wrong = comparisons.flatMap((comparison) => comparison.wrong);
  process.stdout.write(`${toTable(comparisons)}\n`);
  for (const line of wrong) say(`wrong: ${line}`);
  const figures = comparisons.reduce((sum, comparison) => sum + comparison.figures, 0);
  say(`${figures} figures of ${systems.length} job systems compared, ${wrong.length} wrong (seed ${seed})`);
  process.exitCode = wrong.length > 0 || answers.failing.length > 0 ? 1 : 0;
});
