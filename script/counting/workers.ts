import { setTimeout as sleep } from "node:timers/promises";
import { Queue, Worker } from "bullmq";
import { connectAmqp } from "../../test/support/amqp.ts";
import { installGraphileWorker, readEndsScript, runGraphileWorker } from "../../test/support/graphile-jobs.ts";
import { type BossVersion, startBoss } from "../../test/support/pgboss-jobs.ts";
import type { TestDatabase } from "../../test/support/postgres-database.ts";
import { createAdmin } from "../../test/support/rabbitmq.ts";
import type { RunningRabbitmq } from "../services/rabbitmq.ts";
import type { RunningRedis } from "../services/redis.ts";
import type { CountedSystem, QueueCount } from "./figures.ts";
import { type FailureRule, Ledger } from "./ledger.ts";
import { type Dice, type Fate, planFates } from "./plan.ts";

/** A job as its worker gets it. */
interface Order {
  readonly key: string;
  readonly fate: Fate | { readonly kind: "hangs" };
}

/** How a system is told to run a job. */
interface Terms {
  readonly attempts: number;
  /** When the next attempt may run. */
  readonly retryInSeconds: number;
  readonly dueInSeconds: number;
}

/** What differs between systems with real workers. */
interface WorkedSystem {
  readonly name: string;
  readonly source: string;
  readonly fates: readonly Fate["kind"][];
  /** It gives a job one attempt. */
  readonly isOnce?: boolean;
  readonly rules: { readonly failures: FailureRule; readonly errors: FailureRule };
  readonly averagedSeconds?: () => Promise<number>;
  /** Pauses a queue; absent where that is impossible. */
  readonly pause?: (queue: string) => Promise<void>;
  /** Workers that it shows for `attend`; absent where it does not know them. */
  readonly showsWorkers?: boolean;
  /** What it does not store, of each queue. */
  readonly without?: (count: QueueCount) => QueueCount;
  /** Its queue for the dead jobs of a queue, by how long ago each was due, seconds. */
  readonly keepDead?: (queue: string, ages: readonly number[]) => QueueCount;
  send(queue: string, order: Order, terms: Terms): Promise<void>;
  /** Runs workers that take so many jobs of a queue at once. */
  attend(queue: string, atOnce: number, handle: (order: Order) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** How long a wave of jobs may take on a busy machine, ms. */
const patienceMs = 240_000;
const anHour = 3600;

/**
 * Gives real workers a plan: one queue where everything happens, one where two jobs hang and others
 * wait for them, and one that nobody attends.
 */
function createWorked(dice: Dice, jobs: number, system: WorkedSystem): CountedSystem {
  const ledger = new Ledger();
  const release = Promise.withResolvers<void>();
  const [mixed, busy, unattended] = ["mixed", "busy", "unattended"].map((name) => `${system.name}_${name}`) as [
    string,
    string,
    string,
  ];
  let next = 0;
  const send = async (queue: string, fate: Order["fate"]) => {
    const key = `${queue} ${(next += 1)}`;
    const attempts = system.isOnce ? 1 : toAttempts(fate);
    const dueInSeconds = fate.kind === "deferred" ? anHour : 0;
    ledger.add(key, queue, { attempts, dueInMs: dueInSeconds * 1000 });
    await system.send(
      queue,
      { key, fate },
      { attempts, dueInSeconds, retryInSeconds: fate.kind === "waits" ? anHour : 0 },
    );
  };
  const handle = async ({ key, fate }: Order) => {
    ledger.begin(key);
    await sleep(dice.roll(5, 40));
    if (fate.kind === "hangs") await release.promise;
    const fails =
      fate.kind === "dies" ||
      fate.kind === "waits" ||
      (fate.kind === "recovers" && ledger.failures(key) < fate.failures);
    if (fails) {
      ledger.fail(key, fate.error);
      throw new Error(fate.error);
    }
    ledger.succeed(key);
  };
  return {
    name: system.name,
    by: "workers",
    source: system.source,
    begins: "first",
    ...(system.averagedSeconds && { averagedSeconds: system.averagedSeconds }),
    async work() {
      const fates = planFates(dice, jobs, system.fates);
      for (const fate of fates) await send(mixed, fate);
      for (let n = 0; n < 7; n += 1) await send(unattended, { kind: "succeeds" });
      await system.pause?.(unattended);
      await system.attend(mixed, 4, handle);
      await system.attend(busy, 2, handle);
      for (let n = 0; n < 2; n += 1) await send(busy, { kind: "hangs" });
      await until(() => ledger.size(busy, "running") === 2);
      for (let n = 0; n < 5; n += 1) await send(busy, { kind: "succeeds" });
      const last = fates.filter(({ kind }) => kind === "deferred" || kind === "waits").length;
      const inPlace = fates.filter(({ kind }) => kind === "deferred").length;
      await until(
        () =>
          ledger.size(mixed, "waiting") === inPlace &&
          ledger.size(mixed, "waiting", "retrying") === last &&
          ledger.size(mixed, "running") === 0,
      );
    },
    count: () =>
      [mixed, busy, unattended]
        .map((queue) => {
          const count = ledger.count(queue, system.rules);
          const paused = system.pause ? queue === unattended : null;
          const workers = system.showsWorkers ? Number(queue !== unattended) : null;
          return { ...count, figures: { ...count.figures, paused, workers } };
        })
        .map((count) => system.without?.(count) ?? count)
        .flatMap((count) => [count, system.keepDead?.(count.queue, ledger.deadAges(count.queue)) ?? []].flat()),
    async close() {
      release.resolve();
      await system.close();
    },
  };
}

function toAttempts(fate: Order["fate"]): number {
  if (fate.kind === "recovers") return fate.failures + 1;
  if (fate.kind === "dies") return fate.attempts;
  return fate.kind === "waits" ? 3 : 1;
}

async function until(isSo: () => boolean): Promise<void> {
  const begin = performance.now();
  while (!isSo()) {
    if (performance.now() - begin > patienceMs) throw new Error("the workers did not get there in time");
    await sleep(100);
  }
}

/** Every failed attempt counts; an error text is of the jobs whose last attempt failed so. */
export function workBullmq(dice: Dice, jobs: number, redis: RunningRedis): CountedSystem {
  const connection = { host: "127.0.0.1", port: redis.port, password: redis.password, maxRetriesPerRequest: null };
  const queues = new Map<string, Queue>();
  const opened: { close(): Promise<unknown> }[] = [];
  const open = (name: string) => {
    const queue = queues.get(name) ?? new Queue(name, { connection });
    if (!queues.has(name)) opened.push(queue);
    queues.set(name, queue);
    return queue;
  };
  return createWorked(dice, jobs, {
    name: "bullmq",
    source: "redis",
    fates: ["recovers", "dies", "waits", "deferred"],
    rules: { failures: "attempts", errors: "jobs" },
    pause: (queue) => open(queue).pause(),
    showsWorkers: true,
    send: async (queue, order, { attempts, retryInSeconds, dueInSeconds }) => {
      const [backoff, delay] = [retryInSeconds * 1000, dueInSeconds * 1000];
      await open(queue).add("job", order, { attempts, delay, backoff });
    },
    attend: async (queue, concurrency, handle) => {
      const worker = new Worker<Order>(queue, (job) => handle(job.data), { connection, concurrency });
      worker.on("error", () => {});
      opened.push(worker);
      await worker.waitUntilReady();
    },
    close: async () => void (await Promise.all(opened.map((one) => one.close()))),
  });
}

/** A failure is a job whose last attempt failed. */
export async function workBoss(
  dice: Dice,
  jobs: number,
  version: BossVersion,
  database: TestDatabase,
): Promise<CountedSystem> {
  const boss = await startBoss(version, database.url);
  const name = `pgboss${version}`;
  for (const queue of ["mixed", "busy", "unattended"]) await boss.createQueue(`${name}_${queue}`);
  return createWorked(dice, jobs, {
    name,
    source: `${name}:pgboss`,
    fates: ["recovers", "dies", "waits", "deferred"],
    rules: { failures: "jobs", errors: "jobs" },
    send: async (queue, order, { attempts, retryInSeconds, dueInSeconds }) => {
      const options = { retryLimit: attempts - 1, retryDelay: retryInSeconds, startAfter: dueInSeconds };
      await boss.send(queue, order, options);
    },
    attend: async (queue, atOnce, handle) => {
      for (let n = 0; n < atOnce; n += 1) await boss.work(queue, ({ data }) => handle(data as Order));
    },
    close: () => boss.stop(),
  });
}

/** With the two triggers: every attempt. */
export async function workGraphile(dice: Dice, jobs: number, database: TestDatabase): Promise<CountedSystem> {
  await installGraphileWorker(database.url);
  await database.query(readEndsScript());
  const runners: { stop(): Promise<void> }[] = [];
  return createWorked(dice, jobs, {
    name: "graphile",
    source: "graphile:graphile-worker",
    // Its next attempt is a few seconds away, always.
    fates: ["recovers", "dies", "deferred"],
    rules: { failures: "attempts", errors: "attempts" },
    send: async (queue, order, { attempts, dueInSeconds }) => {
      await database.query(
        "select graphile_worker.add_job($1, $2::json, max_attempts := $3, run_at := now() + $4 * interval '1 second')",
        [queue, JSON.stringify(order), attempts, dueInSeconds],
      );
    },
    attend: async (queue, concurrency, handle) => {
      const tasks = { [queue]: (payload: unknown) => handle(payload as Order) };
      runners.push(await runGraphileWorker(database.url, tasks, concurrency));
    },
    close: async () => void (await Promise.all(runners.map((runner) => runner.stop()))),
  });
}

/**
 * A failure is a message that is rejected, and so arrives in the dead letter queue. It has no texts
 * and no attempts.
 */
export async function workRabbitmq(dice: Dice, jobs: number, broker: RunningRabbitmq): Promise<CountedSystem> {
  const admin = createAdmin(broker);
  for (const name of ["rabbitmq_mixed", "rabbitmq_busy", "rabbitmq_unattended"]) {
    await admin.declare(`${name}_dead`);
    await admin.declare(name, { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": `${name}_dead` });
  }
  const publisher = await connectAmqp(broker.amqp);
  const consumers: { close(): Promise<void> }[] = [];
  return createWorked(dice, jobs, {
    name: "rabbitmq",
    source: "rabbitmq",
    fates: ["dies"],
    isOnce: true,
    rules: { failures: "jobs", errors: "jobs" },
    showsWorkers: true,
    averagedSeconds: async () => {
      const [node] = await admin.call<readonly { readonly uptime: number }[]>("GET", "/nodes");
      return (node?.uptime ?? 0) / 1000;
    },
    without: ({ figures, ...count }) => ({
      ...count,
      errors: null,
      figures: { ...figures, deferred: null, retrying: null },
    }),
    // A dead message retains the time of its sending.
    keepDead: (queue, ages) => ({
      queue: `${queue}_dead`,
      jobs: 0,
      errors: null,
      figures: {
        depth: ages.length,
        active: 0,
        deferred: null,
        retrying: null,
        dead: null,
        processed: 0,
        failures: null,
        oldestAgeSeconds: ages.length > 0 ? Math.max(...ages) : null,
        paused: null,
        workers: null,
      },
    }),
    send: (queue, order) =>
      publisher.publish(queue, JSON.stringify(order), { timestamp: Math.round(Date.now() / 1000) }),
    attend: async (queue, prefetch, handle) => {
      const client = await connectAmqp(broker.amqp);
      consumers.push(client);
      await client.consume(queue, { prefetch }, (delivery) => {
        handle(JSON.parse(delivery.body) as Order).then(
          () => delivery.ack(),
          () => delivery.nack(false),
        );
      });
    },
    close: async () => void (await Promise.all([publisher, ...consumers].map((one) => one.close()))),
  });
}
