import { toTask } from "./redis-asynq-messages.ts";
import type { Question, RedisConnection } from "./redis-connection.ts";
import { toCount, toScored } from "./redis-replies.ts";
import { type RedisFailure, shareOf } from "./redis-system.ts";

const hourMs = 3_600_000;
/** A task's payload lies in its row: of a larger one, bytes, only the time is told, where that is known without it. */
const messageLimit = 64 * 1024;

interface Failed {
  readonly queue: string;
  readonly id: string;
  readonly key: string;
  /** When it was archived, milliseconds since 1970; null of one that will be retried, whose row has the time. */
  readonly archivedAt: number | null;
}

/** Tasks whose last attempt failed in the last hour: archived, or to be retried; of each queue the newest archived ones, and those that are retried next. */
export async function readAsynqFailures(
  connection: RedisConnection,
  queues: readonly string[],
  now: number,
  signal: AbortSignal,
): Promise<RedisFailure[]> {
  const limit = shareOf(queues.length, 500);
  const found = await connection.ask(
    queues.map((queue) => findFailed(queue, limit, now)),
    signal,
  );
  const failed = found.flat();
  const sizes = await connection.ask(
    failed.map(({ key }): Question<number> => ({ commands: [["hstrlen", key, "msg"]], parse: ([reply]) => toCount(reply) })),
    signal,
  );
  const failures = await connection.ask(
    failed.map((one, index) => readFailed(one, sizes[index] ?? 0)),
    signal,
  );
  return failures.filter((failure) => failure !== null).filter(({ at }) => at > now - hourMs && at <= now);
}

function findFailed(queue: string, limit: number, now: number): Question<Failed[]> {
  const key = `asynq:{${queue}}:`;
  const seconds = Math.floor(now / 1000);
  const toFailed = (id: string, archivedAt: number | null) => ({ queue, id, key: `${key}t:${id}`, archivedAt });
  return {
    commands: [
      ["zrevrangebyscore", `${key}archived`, seconds, seconds - hourMs / 1000, "WITHSCORES", "LIMIT", 0, limit],
      ["zrange", `${key}retry`, 0, limit - 1, "WITHSCORES"],
    ],
    parse: ([archived, retry]) => [
      ...toScored(archived).map(({ id, score }) => toFailed(id, score * 1000)),
      ...toScored(retry).map(({ id }) => toFailed(id, null)),
    ],
  };
}

function readFailed({ queue, id, key, archivedAt }: Failed, size: number): Question<RedisFailure | null> {
  return {
    commands: size > 0 && size <= messageLimit ? [["hgetBuffer", key, "msg"]] : [],
    parse: ([message]) => {
      const task = Buffer.isBuffer(message) ? toTask(message) : null;
      const at = task?.lastFailedAt ?? archivedAt;
      if (at === null) return null;
      // Archiving does not count the attempt after which it happens.
      const attempts = task === null ? null : task.retried + (archivedAt === null ? 0 : 1);
      return { queue, id, error: task?.error ?? "", worker: null, attempts, at };
    },
  };
}
