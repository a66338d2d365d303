import type { Redis } from "ioredis";
import type { Job, JobTable } from "../../test/support/job-backend.ts";
import type { TestDatabase } from "../../test/support/postgres-database.ts";
import { insertAsynqTask } from "../../test/support/redis.ts";
import { type CountedSystem, countTexts, type Figures, hourMs, type QueueCount, rateMs } from "./figures.ts";
import { type Dice, planRows } from "./plan.ts";

interface RowOptions {
  readonly name: string;
  readonly source: string;
  readonly queues: readonly string[];
  /** Of each queue. */
  readonly jobs: number;
  readonly insert: (jobs: readonly Job[]) => Promise<void>;
  /** What the system does not store. */
  readonly lacks?: readonly (keyof Figures | "errors")[];
  /** Its rows vanish, so the gateway counts how its counters grow: by every end since its first read. @default false */
  readonly isSampled?: boolean;
  /** A failed job counts as processed: the system cannot tell them apart. @default false */
  readonly failsSilently?: boolean;
}

/** A system whose rows are written as its own source writes them. */
function createRows(
  dice: Dice,
  { queues, jobs: count, insert, lacks = [], isSampled = false, failsSilently = false, ...rest }: RowOptions,
): CountedSystem {
  const jobs = queues.flatMap((queue) => planRows(dice, queue, count));
  let writtenAt = 0;
  const countQueue = (queue: string): QueueCount => {
    const now = Date.now();
    const own = jobs.filter((job) => job.queue === queue);
    const of = (state: Job["state"]) => own.filter((job) => job.state === state);
    const ageOf = ({ dueAgo = 0 }: Job) => (now - writtenAt) / 1000 + dueAgo;
    const endedWithin = ({ endedAgo = 0 }: Job, ms: number) => now - writtenAt + endedAgo * 1000 <= ms;
    const ready = of("waiting").filter((job) => ageOf(job) >= 0);
    const done = failsSilently ? [...of("done"), ...of("failed")] : of("done");
    const recent = of("failed").filter((job) => endedWithin(job, hourMs));
    const figures: Figures = {
      depth: ready.length,
      active: of("running").length,
      deferred: of("waiting").length - ready.length,
      retrying: 0,
      dead: of("failed").length,
      processed: done.filter((job) => isSampled || endedWithin(job, rateMs)).length,
      failures: (isSampled ? of("failed") : recent).length,
      oldestAgeSeconds: ready.length > 0 ? Math.max(...ready.map(ageOf)) : null,
    };
    const nulls = Object.fromEntries(lacks.filter((name) => name !== "errors").map((name) => [name, null]));
    const errors = lacks.includes("errors") ? null : countTexts(recent.map(({ error }) => error ?? ""));
    return { queue, jobs: own.length, figures: { ...figures, ...nulls }, errors };
  };
  return {
    ...rest,
    by: "rows",
    isWatched: isSampled,
    work: async () => {
      writtenAt = Date.now();
      await insert(jobs);
    },
    count: () => queues.map(countQueue),
  };
}

/** Queues of the systems that have a database of their own. */
export const rowQueues = ["payouts", "mail", "exports"];

/** A job system in a database of its own, which the gateway knows by the system's name. */
export function createSqlRows(
  dice: Dice,
  database: TestDatabase,
  table: JobTable,
  options: Omit<RowOptions, "queues" | "insert">,
): CountedSystem {
  // One transaction: now() is the same for all.
  const insert = async (jobs: readonly Job[]) => {
    await database.query("begin");
    await table.insert(jobs);
    await database.query("commit");
  };
  return createRows(dice, { ...options, queues: rowQueues, insert });
}

export async function createAsynqRows(dice: Dice, redis: Redis, jobs: number): Promise<CountedSystem> {
  const queues = ["asynq_payouts", "asynq_mail"];
  await redis.sadd("asynq:queues", ...queues);
  const insert = async (planned: readonly Job[]) => {
    const now = Date.now();
    const ordered = planned.map((job, index) => ({ ...job, id: `asynq-${index}` }));
    // As its clients do: what is due first was added first.
    for (const job of ordered.toSorted((a, b) => (b.dueAgo ?? 1) - (a.dueAgo ?? 1)))
      await insertAsynqTask(redis, job, now);
  };
  return createRows(dice, { name: "asynq", source: "redis", queues, jobs, insert, isSampled: true });
}
