import { readAsynqFailures } from "./redis-asynq-failures.ts";
import { type AsynqServer, toServer, toTask, toWorker } from "./redis-asynq-messages.ts";
import type { Question, RedisConnection } from "./redis-connection.ts";
import { toCount, toNumber, toScored, toTexts } from "./redis-replies.ts";
import { type RedisReading, type RedisRunning, type RedisSystem, shareOf } from "./redis-system.ts";

/** Processes of which more than this is not read. */
const serversLimit = 1000;

/**
 * Queues of asynq. Its rows of successes vanish, and of failures only the last one of each task is kept: rates and failures are differences of its
 * counters (`processed` has the failed attempts in it). Depth is what is pending, and what was scheduled, or waits to be retried, until now. Tasks in
 * groups that wait to be aggregated are not told. A task whose retry is due waits with the others and has its failures in its message: retrying is unknown where
 * more tasks wait than are looked at. Workers are the processes that take from the queue. Dead are the archived tasks.
 * Source: hibiken/asynq at 0275df8, internal/rdb/rdb.go and internal/base/base.go; shared/upstreams.md 5.2.
 */
export function createAsynq(connection: RedisConnection): RedisSystem {
  return {
    discover: async (signal) => {
      const [names] = await connection.ask(
        [{ commands: [["smembers", "asynq:queues"]], parse: ([reply]) => toTexts(reply) }],
        signal,
      );
      return names ?? [];
    },
    async read(queues, now, signal) {
      const serverKeys = listKeys("asynq:servers", now);
      const limit = shareOf(queues.length, 500);
      const [keys, ...looks] = (await connection.ask<unknown>(
        [serverKeys, ...queues.map((queue) => lookAt(queue, limit, now))],
        signal,
      )) as [string[], ...Look[]];
      const readServers: Question<AsynqServer[]> = {
        commands: keys.map((key) => ["getBuffer", key]),
        parse: (replies) => replies.flatMap((reply) => (Buffer.isBuffer(reply) ? (toServer(reply) ?? []) : [])),
      };
      const pendingSince = queues.map((queue, index): Question<number | null> =>
        readPendingSince(queue, looks[index]?.tasks.at(-1) ?? null),
      );
      const [servers, ...since] = (await connection.ask<unknown>([readServers, ...pendingSince], signal)) as [
        AsynqServer[],
        ...(number | null)[],
      ];
      const failed = await countFailed(connection, queues, looks, signal);
      return queues.map((queue, index) =>
        toReading(queue, looks[index] as Look, { since: since[index] ?? null, failed: failed[index] ?? null }, servers, now),
      );
    },
    failures: (queues, now, signal) => readAsynqFailures(connection, queues, now, signal),
    async running(_queues, now, signal) {
      const [keys = []] = await connection.ask([listKeys("asynq:workers", now)], signal);
      const [named = []] = await connection.ask(
        [{ commands: keys.map((key) => ["hvalsBuffer", key]), parse: toRunning }],
        signal,
      );
      return { named, unnamed: 0 };
    },
  };
}

/** The keys of processes that have not expired. */
function listKeys(key: "asynq:servers" | "asynq:workers", now: number): Question<string[]> {
  return {
    commands: [["zrangebyscore", key, Math.floor(now / 1000), "+inf", "LIMIT", 0, serversLimit]],
    parse: ([reply]) => toTexts(reply),
  };
}

interface Look {
  readonly pending: number;
  readonly active: number;
  readonly scheduled: number;
  readonly retry: number;
  readonly archived: number;
  /** Of the scheduled and of the retried ones, those that are due, and when the first of them is, seconds since 1970. */
  readonly due: number;
  readonly dueScheduled: number;
  readonly firstDue: number | null;
  readonly processed: number | null;
  readonly failed: number | null;
  readonly isPaused: boolean;
  /** Ids of the pending tasks that are looked at, the next one last. */
  readonly tasks: readonly string[];
}

/** Scores are whole seconds: a task is due in its second, as forwardCmd has it. */
function lookAt(queue: string, limit: number, now: number): Question<Look> {
  const key = `asynq:{${queue}}:`;
  const seconds = Math.floor(now / 1000);
  const day = new Date(now).toISOString().slice(0, 10);
  return {
    commands: [
      ["llen", `${key}pending`],
      ["llen", `${key}active`],
      ["zcard", `${key}scheduled`],
      ["zcount", `${key}scheduled`, "-inf", seconds],
      ["zcard", `${key}retry`],
      ["zcount", `${key}retry`, "-inf", seconds],
      ["zcard", `${key}archived`],
      ["get", `${key}processed`],
      ["get", `${key}failed`],
      ["exists", `${key}processed:${day}`],
      ["exists", `${key}paused`],
      ["lrange", `${key}pending`, -limit, -1],
      ["zrange", `${key}scheduled`, 0, 0, "WITHSCORES"],
      ["zrange", `${key}retry`, 0, 0, "WITHSCORES"],
    ],
    parse: ([
      pending,
      active,
      scheduled,
      dueScheduled,
      retry,
      dueRetry,
      archived,
      processed,
      failed,
      today,
      paused,
      tasks,
      ...first
    ]) => {
      const starts = first.flatMap((reply) => toScored(reply).map(({ score }) => score)).filter((score) => score <= seconds);
      // Where today is counted but there is no total, only days are.
      const isCounted = processed !== null || today === 0;
      return {
        pending: toCount(pending),
        active: toCount(active),
        scheduled: toCount(scheduled),
        retry: toCount(retry),
        archived: toCount(archived),
        due: toCount(dueScheduled) + toCount(dueRetry),
        dueScheduled: toCount(dueScheduled),
        firstDue: starts.length > 0 ? Math.min(...starts) : null,
        processed: isCounted ? toNumber(processed ?? "0") : null,
        failed: isCounted ? toNumber(failed ?? "0") : null,
        isPaused: paused === 1,
        tasks: toTexts(tasks),
      };
    },
  };
}

/** Bytes of messages that are read of one queue's pending tasks. */
const messagesLimit = 1024 * 1024;

/** How many of the pending tasks of each queue failed before, by their messages; null where those are too many, or too large. */
async function countFailed(
  connection: RedisConnection,
  queues: readonly string[],
  looks: readonly Look[],
  signal: AbortSignal,
): Promise<readonly (number | null)[]> {
  const keysOf = (index: number) => (looks[index]?.tasks ?? []).map((id) => `asynq:{${queues[index]}}:t:${id}`);
  const sizes = await connection.ask(
    queues.map((_, index): Question<number> => ({
      commands: keysOf(index).map((key) => ["hstrlen", key, "msg"]),
      parse: (replies) => replies.reduce<number>((sum, reply) => sum + toCount(reply), 0),
    })),
    signal,
  );
  const isRead = (index: number) =>
    (looks[index]?.pending ?? 0) <= (looks[index]?.tasks.length ?? 0) && (sizes[index] ?? 0) <= messagesLimit;
  return connection.ask(
    queues.map((_, index): Question<number | null> => ({
      commands: isRead(index) ? keysOf(index).map((key) => ["hgetBuffer", key, "msg"]) : [],
      parse: (replies) =>
        isRead(index) ? replies.filter((reply) => Buffer.isBuffer(reply) && (toTask(reply)?.retried ?? 0) > 0).length : null,
    })),
    signal,
  );
}

/** When the next task began to wait, milliseconds since 1970; null where that is not kept. */
function readPendingSince(queue: string, id: string | null): Question<number | null> {
  return {
    commands: id === null ? [] : [["hget", `asynq:{${queue}}:t:${id}`, "pending_since"]],
    parse: ([reply]) => {
      const nanoseconds = toNumber(reply);
      return nanoseconds === null ? null : nanoseconds / 1e6;
    },
  };
}

function toReading(
  queue: string,
  look: Look,
  pending: { readonly since: number | null; readonly failed: number | null },
  servers: readonly AsynqServer[],
  now: number,
): RedisReading {
  const since = [pending.since, look.firstDue === null ? null : look.firstDue * 1000].filter((time) => time !== null);
  const { processed, failed } = look;
  return {
    queue,
    measured: {
      depth: look.pending + look.due,
      active: look.active,
      deferred: look.scheduled - look.dueScheduled,
      retrying: pending.failed === null ? null : look.retry + pending.failed,
      dead: look.archived,
      oldest_age: since.length > 0 ? Math.max(0, now - Math.min(...since)) / 1000 : null,
      paused: look.isPaused ? 1 : 0,
      workers: servers.filter((server) => server.isActive && server.queues.includes(queue)).length,
    },
    counters: { processed: processed === null || failed === null ? null : processed - failed, failures: failed },
    isCut: false,
  };
}

function toRunning(replies: readonly unknown[]): RedisRunning[] {
  const messages = replies.flatMap((reply) => (Array.isArray(reply) ? (reply as unknown[]) : []));
  return messages.flatMap((message) => {
    const worker = Buffer.isBuffer(message) ? toWorker(message) : null;
    return worker === null
      ? []
      : [{ queue: worker.queue, id: worker.taskId, kind: worker.type, host: worker.host, startedAt: worker.startedAt }];
  });
}
