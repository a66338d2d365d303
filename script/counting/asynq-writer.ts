import type { Redis } from "ioredis";
import { encodeTask, field } from "../../test/support/redis.ts";
import type { PlannedJob } from "./plan.ts";
import type { RowWriter } from "./rows.ts";

const queues = ["asynq_payouts", "asynq_mail"] as const;
/** Both processes take the first queue, one of them the other queue too, which is paused. */
const servers = [
  { host: "shop-job-0123456789ab", id: "3f1c", queues },
  { host: "shop-job-ba9876543210", id: "a90d", queues: queues.slice(0, 1) },
] as const;
const pausedQueue = queues[1];
/** Its processes renew what they wrote each few seconds; this lasts until the count. */
const lastsSeconds = 3600;

/**
 * asynq at 785bb72: internal/rdb/rdb.go (enqueueCmd, scheduleCmd, dequeueCmd, doneCmd, retryCmd,
 * archiveCmd, forwardCmd, writeServerStateCmd). A retry that is due may have been put to the
 * pending tasks, with its message as it is. A task that is done is deleted, its counters stay.
 */
export async function createAsynqWriter(redis: Redis): Promise<RowWriter> {
  await redis.sadd("asynq:queues", ...queues);
  return {
    rules: {
      failures: "attempts",
      hasText: ({ state }) => state !== "done",
      isSampled: true,
      lacks: ["waitP50Seconds", "waitP95Seconds", "runP50Seconds", "runP95Seconds"],
    },
    queues,
    facts: (queue) => ({ paused: queue === pausedQueue, workers: queue === pausedQueue ? 1 : 2 }),
    async write(jobs, at) {
      const seconds = (ago: number) => Math.floor(at(ago).getTime() / 1000);
      const pipeline = redis.pipeline();
      // What was due first was put first.
      const ordered = jobs.map((job, index) => ({ ...job, id: `asynq-${index}` }));
      for (const job of ordered.toSorted((a, b) => b.dueAgo - a.dueAgo)) {
        const { id, queue, state, attempts } = job;
        const key = `asynq:{${queue}}:`;
        const failed = attempts.filter(({ error }) => error !== null);
        const ended = attempts.filter(({ endedAgo }) => endedAgo !== null);
        const last = failed.at(-1);
        const task = encodeTask({
          id,
          queue,
          // Archiving does not count the last attempt.
          retried: failed.length - (state === "dead" ? 1 : 0),
          error: last?.error ?? "",
          lastFailedAt: last ? seconds(last.endedAgo ?? 0) : 0,
        });
        const day = at(ended.at(-1)?.endedAgo ?? 0)
          .toISOString()
          .slice(0, 10);
        if (ended.length > 0) {
          pipeline.incrby(`${key}processed`, ended.length).incrby(`${key}processed:${day}`, ended.length);
          pipeline.incrby(`${key}failed`, failed.length).incrby(`${key}failed:${day}`, failed.length);
        }
        if (state === "done") continue;
        const where = toPlace(job);
        pipeline.hset(`${key}t:${id}`, { msg: task, state: where });
        if (where === "pending") {
          pipeline.hset(`${key}t:${id}`, { pending_since: String(BigInt(seconds(job.dueAgo)) * 1_000_000_000n) });
          pipeline.lpush(`${key}pending`, id);
        } else if (where === "active") {
          pipeline.lpush(`${key}active`, id).zadd(`${key}lease`, seconds(-lastsSeconds), id);
        } else {
          const score = where === "archived" ? (last?.endedAgo ?? 0) : job.dueAgo;
          pipeline.zadd(key + where, seconds(score), id);
        }
      }
      pipeline.set(`asynq:{${pausedQueue}}:paused`, seconds(600));
      const running = ordered.filter(({ state }) => state === "running");
      for (const [index, server] of servers.entries()) {
        const name = `{${server.host}:17:${server.id}}`;
        const own = running.filter(({ queue }, n) => (queue === pausedQueue ? 0 : n % 2) === index);
        for (const key of [`asynq:servers:${name}`, `asynq:workers:${name}`])
          pipeline.zadd(key.slice(0, "asynq:servers".length), seconds(-lastsSeconds), key);
        pipeline.setex(
          `asynq:servers:${name}`,
          lastsSeconds,
          Buffer.concat([
            field(1, server.host),
            field(2, 17),
            field(3, server.id),
            field(4, 10),
            ...server.queues.map((queue) => field(5, Buffer.concat([field(1, queue), field(2, 1)]))),
            field(7, "active"),
            field(8, field(1, seconds(86_400))),
            field(9, own.length),
          ]),
        );
        for (const { id, queue, attempts } of own)
          pipeline.hset(`asynq:workers:${name}`, {
            [id]: Buffer.concat([
              field(1, server.host),
              field(2, 17),
              field(3, server.id),
              field(4, id),
              field(5, "mail:send"),
              field(7, queue),
              field(8, field(1, seconds(attempts.at(-1)?.startedAgo ?? 0))),
            ]),
          });
        pipeline.expire(`asynq:workers:${name}`, lastsSeconds);
      }
      await pipeline.exec();
    },
  };
}

function toPlace({ state, attempts, isStaged }: PlannedJob): "pending" | "scheduled" | "retry" | "active" | "archived" {
  if (state === "running") return "active";
  if (state === "dead") return "archived";
  if (isStaged) return "pending";
  return attempts.length > 0 ? "retry" : "scheduled";
}
