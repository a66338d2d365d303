import type { Question, RedisConnection } from "./connection.ts";
import { messagesOf, numberOf, readProtobuf, textOf } from "./protobuf.ts";
import { toCount, toNumber, toScored, toTexts } from "./replies.ts";
import { type RedisFailure, type RedisReading, type RedisRunning, type RedisSystem, shareOf } from "./system.ts";

/** Processes that are read, at most. */
const serversLimit = 1000;

/**
 * Queues of asynq. It deletes the rows of successes, and stores only the last failure of each task. So rates and failures are differences of its counters
 * (`processed` includes failed attempts). Depth is the pending tasks, and the scheduled and retried ones that are due. Leaves out tasks in groups that wait to be
 * aggregated. A due retry waits with the others and has its failures in its message, so retrying is unknown where more tasks wait than are read. Workers are the
 * processes that take from the queue. Dead are the archived tasks. Source: hibiken/asynq at 0275df8, internal/rdb/rdb.go and internal/base/base.go;
 * shared/upstreams.md 5.2.
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
  /** Due tasks, scheduled or retried; the scheduled ones of them; and when the first is due, seconds since 1970. */
  readonly due: number;
  readonly dueScheduled: number;
  readonly firstDue: number | null;
  readonly processed: number | null;
  readonly failed: number | null;
  readonly isPaused: boolean;
  /** Ids of the pending tasks that are read, the next one last. */
  readonly tasks: readonly string[];
}

/** Scores are whole seconds: a task is due within its second, as in forwardCmd. */
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
      // A count for today without a total means that only days are counted.
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

/** Messages read for one queue's pending tasks, bytes. */
const messagesLimit = 1024 * 1024;

/** How many pending tasks of each queue failed before, by their messages; null where these are too many or too large. */
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

/** When the next task began to wait, milliseconds since 1970; null where that is not recorded. */
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

const hourMs = 3_600_000;
/** Largest task message that is read, bytes: it holds the payload. A larger one gives only the time of the failure, where known without it. */
const messageLimit = 64 * 1024;

interface Failed {
  readonly queue: string;
  readonly id: string;
  readonly key: string;
  /** When it was archived, milliseconds since 1970; null for a task to be retried, whose message has the time. */
  readonly archivedAt: number | null;
}

/** Tasks whose last attempt failed in the last hour, archived or to be retried. Of each queue: the newest archived ones, and those that are retried next. */
async function readAsynqFailures(
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
      // Archiving does not count the last attempt.
      const attempts = task === null ? null : task.retried + (archivedAt === null ? 0 : 1);
      return { queue, id, error: task?.error ?? "", worker: null, attempts, at };
    },
  };
}

/** The fields of a task that are read. */
interface AsynqTask {
  readonly error: string;
  /** Times it failed and was queued again. */
  readonly retried: number;
  /** Milliseconds since 1970; null when it never failed. */
  readonly lastFailedAt: number | null;
}

/** A process that runs tasks. */
interface AsynqServer {
  readonly isActive: boolean;
  readonly queues: readonly string[];
}

/** A running task. */
interface AsynqWorker {
  readonly host: string;
  readonly taskId: string;
  readonly type: string;
  readonly queue: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number | null;
}

/** Parses TaskMessage of asynq's internal/proto/asynq.proto; null when invalid. */
export function toTask(message: Buffer): AsynqTask | null {
  const fields = readProtobuf(message);
  if (fields === null) return null;
  const failedAt = numberOf(fields, 11);
  return {
    error: textOf(fields, 7),
    retried: Math.max(0, numberOf(fields, 6)),
    lastFailedAt: failedAt > 0 ? failedAt * 1000 : null,
  };
}

/** Parses ServerInfo of the same file; its queues are a map from names to priorities. */
export function toServer(message: Buffer): AsynqServer | null {
  const fields = readProtobuf(message);
  return fields && { isActive: textOf(fields, 7) === "active", queues: messagesOf(fields, 5).map((entry) => textOf(entry, 1)) };
}

/** Parses WorkerInfo of the same file. */
export function toWorker(message: Buffer): AsynqWorker | null {
  const fields = readProtobuf(message);
  if (fields === null) return null;
  const [started] = messagesOf(fields, 8);
  const seconds = started ? numberOf(started, 1) : 0;
  return {
    host: textOf(fields, 1),
    taskId: textOf(fields, 4),
    type: textOf(fields, 5),
    queue: textOf(fields, 7),
    startedAt: seconds > 0 ? seconds * 1000 : null,
  };
}
