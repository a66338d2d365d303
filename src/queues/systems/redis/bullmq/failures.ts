import type { Command, Question, RedisConnection } from "../connection.ts";
import { toFields, toNumber, toScored } from "../replies.ts";
import { type RedisFailure, shareOf } from "../system.ts";
import { askAttempts, toFailed } from "./details.ts";

const hourMs = 3_600_000;

/** A job that failed, before its row is read. */
interface Failed {
  readonly queue: string;
  readonly id: string;
  /** When it failed; for a delayed job, when it runs again: its row has the delay. */
  readonly at: number;
  readonly isDelayed: boolean;
}

/**
 * Jobs that failed for good in the last hour, and those that failed and wait for their delay; the newest of each queue. Leaves out jobs that failed and can run
 * again at once: their rows do not have the time of the failure.
 */
export async function readBullmqFailures(
  connection: RedisConnection,
  prefix: string,
  queues: readonly string[],
  now: number,
  signal: AbortSignal,
): Promise<RedisFailure[]> {
  const limit = shareOf(queues.length, 1000);
  const found = await connection.ask(
    queues.map((queue) => findFailed(`${prefix}:${queue}:`, queue, limit, now)),
    signal,
  );
  const failed = found.flat();
  const failures = await connection.ask(
    failed.map((one) => readFailed(`${prefix}:${one.queue}:${one.id}`, one)),
    signal,
  );
  return failures.filter((failure) => failure !== null).filter(({ at }) => at > now - hourMs && at <= now);
}

function findFailed(key: string, queue: string, limit: number, now: number): Question<Failed[]> {
  return {
    commands: [
      ["zrevrangebyscore", `${key}failed`, now, now - hourMs, "WITHSCORES", "LIMIT", 0, limit],
      ["zrange", `${key}delayed`, 0, limit - 1, "WITHSCORES"],
    ],
    parse: ([failed, delayed]) => [
      ...toScored(failed).map(({ id, score }) => ({ queue, id, at: score, isDelayed: false })),
      ...toScored(delayed).map(({ id, score }) => ({ queue, id, at: Math.floor(score / 0x1000), isDelayed: true })),
    ],
  };
}

function readFailed(key: string, { queue, id, at, isDelayed }: Failed): Question<RedisFailure | null> {
  const command: Command = ["hmget", key, "failedReason", "delay", "pb"];
  return {
    commands: [command, ...askAttempts(key)],
    parse: ([reply, attempts, reasonLength]) => {
      const [error, delay, worker] = toFields(reply);
      const failed = toFailed(toFields(attempts), reasonLength);
      if (isDelayed && failed === 0) return null;
      return {
        queue,
        id,
        error: error ?? "",
        worker: worker ?? null,
        attempts: failed > 0 ? failed : null,
        at: isDelayed ? at - (toNumber(delay) ?? 0) : at,
      };
    },
  };
}
