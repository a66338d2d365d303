import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { createSharedBudget, inTurns } from "../../../lib/budget/budget.ts";
import { knownQueuesLimit } from "../../metrics.ts";
import { askNamed, type Question, type RedisConnection } from "./connection.ts";
import { sumCounts, toCount, toNumber, toScored, toTexts } from "./replies.ts";
import {
  type FoundQueues,
  inParts,
  type RedisFailure,
  type RedisFailures,
  type RedisReading,
  type RedisRunning,
  type RedisSpan,
  type RedisSystem,
  shareOf,
  toScore,
} from "./system.ts";

/** The maximum number of processes that are read. */
const serversLimit = 1000;

/**
 * Queues of asynq. It deletes the rows of successes, and stores only the last failure of each task.
 * So rates and failures are differences of its counters (`processed` includes failed attempts).
 * Depth is the pending tasks, and the scheduled and retried ones that are due. Leaves out tasks in
 * groups that wait to be aggregated. A due retry waits with the others and has its failures in its
 * message, so retrying is unknown where more tasks wait than are read. Workers are the processes
 * that take from the queue. Dead are the archived tasks. Source: hibiken/asynq at 0275df8,
 * internal/rdb/rdb.go and internal/base/base.go.
 */
export function createAsynq(connection: RedisConnection): RedisSystem {
  return {
    discover: (signal) => findQueues(connection, signal),
    async read(queues, now, signal) {
      const limit = shareOf(queues.length, 500);
      const budget = createSharedBudget(signal);
      const [keys = []] = await connection.ask([listKeys("asynq:servers", now)], signal);
      const servers = await connection.ask(
        keys.map((key): Question<AsynqServer | null> => ({
          commands: [["getBuffer", key]],
          parse: ([reply]) => (Buffer.isBuffer(reply) ? toServer(reply) : null),
        })),
        signal,
      );
      const workers = countServers(servers.filter((server) => server !== null));
      return inParts(queues, limit, async (part) => {
        const questions = await inTurns(part, budget, (queue) => lookAt(queue, limit, now));
        const looks = await connection.ask(questions, signal);
        const since = await connection.ask(
          part.map((queue, index) => readPendingSince(queue, looks[index]?.tasks.at(-1) ?? null)),
          signal,
        );
        const failed = await countFailed(connection, part, looks, signal);
        return inTurns(part, budget, (queue, index) =>
          toReading(
            queue,
            looks[index] as Look,
            { since: since[index] ?? null, failed: failed[index] ?? null },
            workers.get(queue) ?? 0,
            now,
          ),
        );
      });
    },
    failures: (queues, within, signal) => readAsynqFailures(connection, queues, within, signal),
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

/** Reads the set of queues of asynq, unless it is too large. */
async function findQueues(connection: RedisConnection, signal: AbortSignal): Promise<FoundQueues> {
  const key = "asynq:queues";
  const [count = 0] = await connection.ask(
    [{ commands: [["scard", key]], parse: ([reply]) => toCount(reply) }],
    signal,
  );
  if (count > knownQueuesLimit) return { names: [], surplus: count };
  const [names = []] = await connection.ask(
    [{ commands: [["smembers", key]], parse: ([reply]) => toTexts(reply) }],
    signal,
  );
  return { names, surplus: 0 };
}

/** How many active processes take from each queue. */
function countServers(servers: readonly AsynqServer[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { isActive, queues } of servers)
    if (isActive) for (const queue of new Set(queues)) counts.set(queue, (counts.get(queue) ?? 0) + 1);
  return counts;
}

/** The keys of processes that have not expired. */
function listKeys(key: "asynq:servers" | "asynq:workers", now: number): Question<string[]> {
  return {
    commands: [["zrangebyscore", key, Math.floor(now / 1000), "+inf", "LIMIT", 0, serversLimit]],
    parse: ([reply]) => toTexts(reply),
  };
}

type Look = ReturnType<ReturnType<typeof lookAt>["parse"]>;
type AsynqServer = NonNullable<ReturnType<typeof toServer>>;

/**
 * Asks for the state of a queue. Scores are whole seconds, so a task is due within its second, as
 * in forwardCmd.
 */
function lookAt(queue: string, limit: number, now: number) {
  const key = `asynq:{${queue}}:`;
  const seconds = Math.floor(now / 1000);
  const day = new Date(now).toISOString().slice(0, 10);
  return askNamed(
    {
      pending: ["llen", `${key}pending`],
      active: ["llen", `${key}active`],
      scheduled: ["zcard", `${key}scheduled`],
      dueScheduled: ["zcount", `${key}scheduled`, "-inf", seconds],
      retry: ["zcard", `${key}retry`],
      dueRetry: ["zcount", `${key}retry`, "-inf", seconds],
      archived: ["zcard", `${key}archived`],
      processed: ["get", `${key}processed`],
      failed: ["get", `${key}failed`],
      today: ["exists", `${key}processed:${day}`],
      paused: ["exists", `${key}paused`],
      tasks: ["lrange", `${key}pending`, -limit, -1],
      firstScheduled: ["zrange", `${key}scheduled`, 0, 0, "WITHSCORES"],
      firstRetry: ["zrange", `${key}retry`, 0, 0, "WITHSCORES"],
    },
    (replies) => {
      const first = [replies.firstScheduled, replies.firstRetry].flatMap((reply) =>
        toScored(reply).map(({ score }) => score),
      );
      const starts = first.filter((score) => score <= seconds);
      // If there is a count for today but no total, only days are counted.
      const isCounted = replies.processed !== null || replies.today === 0;
      return {
        pending: toCount(replies.pending),
        active: toCount(replies.active),
        scheduled: toCount(replies.scheduled),
        retry: toCount(replies.retry),
        archived: toCount(replies.archived),
        /**
         * The due tasks, scheduled or retried; how many of them are scheduled; and when the first
         * became due, seconds since 1970.
         */
        due: toCount(replies.dueScheduled) + toCount(replies.dueRetry),
        dueScheduled: toCount(replies.dueScheduled),
        firstDue: starts.length > 0 ? Math.min(...starts) : null,
        processed: isCounted ? toNumber(replies.processed ?? "0") : null,
        failed: isCounted ? toNumber(replies.failed ?? "0") : null,
        isPaused: replies.paused === 1,
        /** Ids of the pending tasks that are read, the next one last. */
        tasks: toTexts(replies.tasks),
      };
    },
  );
}

/** The maximum size of the messages read for one queue's pending tasks, bytes. */
const messagesLimit = 1024 * 1024;

/**
 * How many pending tasks of each queue failed before, by their messages; null where these are too
 * many or too large.
 */
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
      parse: sumCounts,
    })),
    signal,
  );
  const isRead = (index: number) =>
    (looks[index]?.pending ?? 0) <= (looks[index]?.tasks.length ?? 0) && (sizes[index] ?? 0) <= messagesLimit;
  return connection.ask(
    queues.map((_, index): Question<number | null> => ({
      commands: isRead(index) ? keysOf(index).map((key) => ["hgetBuffer", key, "msg"]) : [],
      parse: (replies) =>
        isRead(index)
          ? replies.filter((reply) => Buffer.isBuffer(reply) && (toTask(reply)?.retried ?? 0) > 0).length
          : null,
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
  workers: number,
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
      workers,
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

/**
 * The largest task message that is read, bytes; messages hold the payload. A task with a larger one
 * has only the time of its failure, where that is known without the message.
 */
const messageLimit = 64 * 1024;

/** Lists of a queue that are searched for failed tasks. */
const failedLists = 4;

interface Failed {
  readonly queue: string;
  readonly id: string;
  readonly key: string;
  /**
   * When it was archived, milliseconds since 1970; null for other tasks, whose message has the
   * time.
   */
  readonly archivedAt: number | null;
}

/**
 * Reads tasks whose last attempt failed in a time span: archived, to be retried, or queued or taken
 * for a retry, since those retain their message. For each queue, it reads the newest archived
 * tasks, those to be retried next, and those queued last, which include retries.
 */
async function readAsynqFailures(
  connection: RedisConnection,
  queues: readonly string[],
  { from, to, most }: RedisSpan,
  signal: AbortSignal,
): Promise<RedisFailures> {
  // Read half as many, because a message holds the payload too.
  const limit = shareOf(queues.length, most / 2);
  let isCut = false;
  const failures = await inParts(queues, failedLists * limit, async (part) => {
    const found = await connection.ask(
      part.map((queue) => findFailed(queue, limit, { from, to })),
      signal,
    );
    isCut ||= found.some((one) => one.isCut);
    const failed = found.flatMap(({ tasks }) => tasks);
    const sizes = await connection.ask(
      failed.map(({ key }): Question<number> => ({
        commands: [["hstrlen", key, "msg"]],
        parse: ([reply]) => toCount(reply),
      })),
      signal,
    );
    const read = await connection.ask(
      failed.map((one, index) => readFailed(one, sizes[index] ?? 0)),
      signal,
    );
    return read.filter((failure) => failure !== null).filter(({ at }) => at > from && at <= to);
  });
  return { failures, isCut };
}

function findFailed(
  queue: string,
  limit: number,
  { from, to }: Omit<RedisSpan, "most">,
): Question<{ readonly tasks: readonly Failed[]; readonly isCut: boolean }> {
  const key = `asynq:{${queue}}:`;
  const toFailed = (id: string, archivedAt: number | null) => ({ queue, id, key: `${key}t:${id}`, archivedAt });
  return {
    commands: [
      [
        "zrevrangebyscore",
        `${key}archived`,
        Math.floor(to / 1000),
        toScore(Math.floor(from / 1000)),
        "WITHSCORES",
        "LIMIT",
        0,
        limit,
      ],
      ["zrange", `${key}retry`, 0, limit - 1, "WITHSCORES"],
      ["lrange", `${key}pending`, 0, limit - 1],
      ["lrange", `${key}active`, 0, limit - 1],
    ],
    parse: ([dead, later, ...lists]) => {
      const [archived, retry] = [toScored(dead), toScored(later)];
      const [pending = [], active = []] = lists.map(toTexts);
      const others = [...retry.map(({ id }) => id), ...pending, ...active];
      // A task may move from one list to the next between two commands.
      const ended = new Set(archived.map(({ id }) => id));
      const tasks = [
        ...archived.map(({ id, score }) => toFailed(id, score * 1000)),
        ...[...new Set(others)].filter((id) => !ended.has(id)).map((id) => toFailed(id, null)),
      ];
      return { tasks, isCut: [archived, retry, pending, active].some(({ length }) => length >= limit) };
    },
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

/**
 * The fields of a task's message that are read: how often it was retried, its error, and when it
 * failed.
 */
const taskFields: ReadonlySet<number> = new Set([6, 7, 11]);

/** Parses TaskMessage of asynq's internal/proto/asynq.proto; null when invalid. */
export function toTask(message: Buffer) {
  const fields = readProtobuf(message, taskFields);
  if (fields === null) return null;
  const failedAt = numberOf(fields, 11);
  return {
    error: textOf(fields, 7),
    /** Times it failed and was queued again. */
    retried: Math.max(0, numberOf(fields, 6)),
    /** Milliseconds since 1970; null when it never failed. */
    lastFailedAt: failedAt > 0 ? failedAt * 1000 : null,
  };
}

/**
 * Parses ServerInfo of the same file: a process that runs tasks. Its queues are a map from names to
 * priorities.
 */
export function toServer(message: Buffer) {
  const fields = readProtobuf(message);
  return (
    fields && {
      isActive: textOf(fields, 7) === "active",
      queues: messagesOf(fields, 5).map((entry) => textOf(entry, 1)),
    }
  );
}

/** Parses WorkerInfo of the same file: a running task. */
export function toWorker(message: Buffer) {
  const fields = readProtobuf(message);
  if (fields === null) return null;
  const [started] = messagesOf(fields, 8);
  const seconds = started ? numberOf(started, 1) : 0;
  return {
    host: textOf(fields, 1),
    taskId: textOf(fields, 4),
    type: textOf(fields, 5),
    queue: textOf(fields, 7),
    /** Milliseconds since 1970. */
    startedAt: seconds > 0 ? seconds * 1000 : null,
  };
}

/** The fields of one message by number; a repeated field has all its values in order. */
type ProtobufFields = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

/**
 * Parses a message in the wire format of Protocol Buffers: varints as numbers, everything else as
 * bytes. Skips fields that are not wanted. Null when invalid, or with a group.
 */
export function readProtobuf(bytes: Buffer, wanted: ReadonlySet<number> | null = null): ProtobufFields | null {
  const fields = new Map<number, (bigint | Buffer)[]>();
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (type === WireType.StartGroup || type === WireType.EndGroup) return null;
      if (wanted !== null && !wanted.has(number)) {
        reader.skip(type);
        continue;
      }
      const values = fields.get(number) ?? [];
      fields.set(number, values);
      if (type === WireType.Varint) values.push(BigInt(reader.uint64()));
      else values.push(Buffer.from(type === WireType.LengthDelimited ? reader.bytes() : reader.skip(type)));
    }
  } catch {
    return null;
  }
  return fields;
}

/** The text of a field, "" without one: defaults are not encoded. The last value counts. */
function textOf(fields: ProtobufFields, number: number): string {
  const value = fields.get(number)?.at(-1);
  return Buffer.isBuffer(value) ? value.toString("utf8") : "";
}

/** The number of a field, 0 without one; beyond 2^53 it is approximate. */
function numberOf(fields: ProtobufFields, number: number): number {
  const value = fields.get(number)?.at(-1);
  return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : 0;
}

/** The messages of a repeated field. */
function messagesOf(fields: ProtobufFields, number: number): ProtobufFields[] {
  return (fields.get(number) ?? []).flatMap((value) => (Buffer.isBuffer(value) ? (readProtobuf(value) ?? []) : []));
}
