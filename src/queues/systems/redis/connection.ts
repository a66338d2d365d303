import type { Redis } from "ioredis";
import { abortable } from "../../../lib/abort.ts";
import { OpsError, toOpsError } from "../../../lib/errors.ts";
import { cleanStart } from "../../../lib/redact/sanitize.ts";
import { type ObserveCall, observed, unobserved } from "../../../lib/upstream-call.ts";

/** One command: its name, or its name with "Buffer" where the answer is bytes. */
export type Command = readonly [name: string, ...args: readonly (string | number)[]];
/** What one command answered; an Error where that one alone failed. */
export type Reply = unknown;

/** Commands, and what is made of their answers, which come in their order. */
export interface Question<T> {
  readonly commands: readonly Command[];
  parse(replies: readonly Reply[]): T;
}

export interface RedisConnection {
  /** All commands in one go. @throws OpsError queues_unavailable, also when one of them is refused, unless it is `client` */
  ask<T>(questions: readonly Question<T>[], signal: AbortSignal): Promise<T[]>;
  close(): Promise<void>;
}

/** Of connecting, milliseconds; how long an answer may take says who asks. */
const timeoutMs = 2000;
/** After a failure nobody else tries for so long, milliseconds: a server that is away is not stormed. */
const pauseMs = 250;
/** Commands on the way at once: the answers to more are taken in parts. */
const batch = 5000;

/**
 * One connection, made when it is first needed, and made anew by the first question after it was lost: never in the background. Only commands that read are sent.
 * `source` is the name of the source, for errors.
 */
export function createRedisConnection(source: string, url: string, observe: ObserveCall = unobserved): RedisConnection {
  const fail = (message: string, cause?: unknown) =>
    new OpsError("queues_unavailable", message, { upstream: `queues:${source}`, cause });
  let current: Link | null = null;
  let refusal: { readonly error: unknown; readonly at: number } | null = null;

  const drop = () => {
    current?.drop();
    current = null;
  };
  const connect = (): Promise<Redis> => {
    if (refusal && performance.now() - refusal.at < pauseMs) throw refusal.error;
    if (current === null) {
      const link = openLink(url, () => {
        if (current === link) current = null;
      });
      current = link;
      link.ready.catch((error: unknown) => {
        if (current === link) current = null;
        refusal = { error, at: performance.now() };
      });
    }
    return current.ready;
  };
  const run = async (commands: readonly Command[]): Promise<Reply[]> => {
    const redis = await connect();
    const replies: Reply[] = [];
    for (let from = 0; from < commands.length; from += batch) {
      const part = commands.slice(from, from + batch);
      const results = (await redis.pipeline(part.map((command) => [...command])).exec()) ?? [];
      for (const [index, [error, reply]] of results.entries())
        replies.push(error ? toReply(error, part[index]?.[0] ?? "") : reply);
    }
    return replies;
  };
  const ask: RedisConnection["ask"] = async (questions, signal) => {
    const commands = questions.flatMap((question) => question.commands);
    try {
      signal.throwIfAborted();
      const replies = commands.length === 0 ? [] : await abortable(run(commands), signal);
      let from = 0;
      return questions.map((question) => question.parse(replies.slice(from, (from += question.commands.length))));
    } catch (error) {
      // Whoever says nothing is not waited for again: the next question gets a new connection.
      if (toText(error).startsWith("TimeoutError")) drop();
      throw error instanceof OpsError ? error : fail(explain(error), toCause(error));
    }
  };
  return {
    ask: (questions, signal) => observed({ observe, upstream: "redis", signal, toCode }, () => ask(questions, signal)),
    close: () => Promise.resolve(drop()),
  };
}

/** A connection, perhaps not yet made. */
interface Link {
  readonly ready: Promise<Redis>;
  drop(): void;
}

function openLink(url: string, onEnd: () => void): Link {
  const abandoned = new AbortController();
  const open = async (): Promise<Redis> => {
    // ioredis takes its time to load: that is for the first question, not for the start of the process.
    const { Redis } = await import("ioredis");
    abandoned.signal.throwIfAborted();
    const redis = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      disableClientInfo: true,
      protocol: 2,
      connectTimeout: timeoutMs,
      maxRetriesPerRequest: 0,
      retryStrategy: null,
    });
    abandoned.signal.addEventListener("abort", () => redis.disconnect(), { once: true });
    let lastError: Error | null = null;
    redis.on("error", (error: Error) => (lastError = error));
    redis.once("end", onEnd);
    try {
      await redis.connect();
      return redis;
    } catch (error) {
      redis.disconnect();
      throw lastError ?? error;
    }
  };
  return { ready: open(), drop: () => abandoned.abort() };
}

/** A key of another type is somebody else's, and who else is connected may be a secret: both are answers. */
function toReply(error: Error, name: string): Error {
  if (name === "client" || error.message.startsWith("WRONGTYPE")) return error;
  throw error;
}

/** ioredis hangs the command, and so the password, on its errors: only the words are kept, in which a server may quote it too. */
function toCause(error: unknown): Error {
  return new Error(cleanStart(toText(error), 300));
}

function toText(error: unknown): string {
  const { name, code, message } = (error ?? {}) as Record<"name" | "code" | "message", unknown>;
  return [name, code, message].filter((part) => typeof part === "string").join(" ");
}

/** Source: "Errors" of redis.io/docs, and what Redis 8 answers. */
function explain(error: unknown): string {
  const text = toText(error);
  if (text.startsWith("AbortError")) return "Gave up waiting for Redis: the request has ended";
  if (/WRONGPASS|NOAUTH|invalid (?:username|password)|AUTH .*called without any password/i.test(text)) {
    return "Redis refused the login: check the user and the password in REDIS_URL";
  }
  if (/NOPERM/.test(text)) return "The Redis user may not read the queues: give it +@read on their keys (ACL SETUSER)";
  if (/\bMOVED\b|CROSSSLOT/.test(text))
    return "REDIS_URL is a node of a cluster that has the queues on other nodes: give the one that has them";
  if (/\bLOADING\b|MASTERDOWN/.test(text)) return "Redis is still loading its data";
  if (/timed? ?out|ETIMEDOUT|TimeoutError/i.test(text)) return "Redis did not answer in time";
  return "Redis cannot be reached: check REDIS_URL";
}

const toCode = (error: unknown) => toOpsError(error).code;
