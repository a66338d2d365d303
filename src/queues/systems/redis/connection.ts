import type { Redis } from "ioredis";
import { abortable } from "../../../lib/abort.ts";
import { createSharedBudget } from "../../../lib/budget/budget.ts";
import { OpsError, toOpsError } from "../../../lib/errors.ts";
import { redactStart } from "../../../lib/redact/sanitize.ts";
import { explainSocket } from "../../../lib/socket-errors.ts";
import { type ObserveCall, observed, toDatabaseFacts, unobserved } from "../../../lib/upstream-call.ts";
import { UpstreamReply } from "../../../lib/upstream-reply.ts";

/** One command: its name, with the suffix "Buffer" for a reply in bytes, and its arguments. */
export type Command = readonly [name: string, ...args: readonly (string | number)[]];
/** The reply to one command; an Error where only this command failed. */
export type Reply = unknown;

/** Commands, and a parser for their replies, which come in the same order. */
export interface Question<T> {
  readonly commands: readonly Command[];
  parse(replies: readonly Reply[]): T;
}

/** A question whose replies have names. */
export function askNamed<Name extends string, T>(
  commands: Readonly<Record<Name, Command>>,
  parse: (replies: Readonly<Record<Name, Reply>>) => T,
): Question<T> {
  const names = Object.keys(commands) as Name[];
  return {
    commands: names.map((name) => commands[name]),
    parse: (replies) =>
      parse(Object.fromEntries(names.map((name, index) => [name, replies[index]])) as Record<Name, Reply>),
  };
}

export interface RedisConnection {
  /**
   * Sends all commands, in parts; the commands of a question stay together unless they are very
   * many. Parses in turns.
   *
   * @throws OpsError queues_unavailable, also when one of them is refused, unless it is `client` or
   *   `info`
   */
  ask<T>(questions: readonly Question<T>[], signal: AbortSignal): Promise<T[]>;
  close(): Promise<void>;
}

/**
 * Timeout of connecting, and of the replies to one part of the commands, milliseconds; the caller
 * limits the total time.
 */
const timeoutMs = 2000;
/**
 * After a failure there is no new attempt for this long, milliseconds, to protect a server in
 * trouble.
 */
const pauseMs = 250;
/**
 * The maximum number of commands in flight. More are sent in parts, each of which takes a few
 * milliseconds to write and to read.
 */
const batch = 500;

/**
 * One connection, opened on the first use. After a loss the next call opens a new one, never a
 * background job. Sends read commands only. `source` is the name of the source, for errors.
 */
export function createRedisConnection(source: string, url: string, observe: ObserveCall = unobserved): RedisConnection {
  const fail = (message: string, cause?: unknown) =>
    new OpsError("queues_unavailable", message, { upstream: `queues:${source}`, cause });
  let current: ReturnType<typeof openLink> | null = null;
  let refusal: { readonly error: unknown; readonly at: number } | null = null;

  const drop = (reason?: unknown) => {
    current?.drop(reason);
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
  const ask = async <T>(questions: readonly Question<T>[], signal: AbortSignal): Promise<T[]> => {
    const { turn } = createSharedBudget(signal);
    const parsed: T[] = [];
    try {
      signal.throwIfAborted();
      for (const part of toParts(questions)) {
        const commands = part.flatMap((question) => question.commands);
        const replies = commands.length === 0 ? [] : await abortable(run(commands), toPartSignal(signal));
        let from = 0;
        for (const question of part) {
          parsed.push(question.parse(replies.slice(from, (from += question.commands.length))));
          const wait = turn();
          if (wait) await wait;
          signal.throwIfAborted();
        }
      }
      return parsed;
    } catch (error) {
      // A silent connection is not used again: the next call opens a new one.
      if (toText(error).startsWith("TimeoutError")) drop(error);
      throw error instanceof OpsError ? error : fail(explain(error, url), toCause(error));
    }
  };
  return {
    ask(questions, signal) {
      const count = () => questions.reduce((sum, { commands }) => sum + commands.length, 0);
      const facts = () => toDatabaseFacts("redis", "PIPELINE", url, count());
      return observed({ observe, upstream: "redis", signal, toCode, facts }, () => ask(questions, signal));
    },
    close: () => Promise.resolve(drop()),
  };
}

function toPartSignal(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
}

/**
 * Divides questions into parts of one batch, so that only the replies of one part are in memory. A
 * longer question is a part of its own.
 */
function* toParts<T>(questions: readonly Question<T>[]): Generator<readonly Question<T>[]> {
  let part: Question<T>[] = [];
  let size = 0;
  for (const question of questions) {
    if (part.length > 0 && (size + question.commands.length > batch || part.length >= batch)) {
      yield part;
      [part, size] = [[], 0];
    }
    part.push(question);
    size += question.commands.length;
  }
  if (part.length > 0) yield part;
}

/** A connection, perhaps still opening. */
function openLink(url: string, onEnd: () => void) {
  const abandoned = new AbortController();
  const open = async (): Promise<Redis> => {
    // ioredis takes long to load: load it on the first call, not at the start of the process.
    const { Redis } = await import("ioredis");
    abandoned.signal.throwIfAborted();
    const { address, database } = splitDatabase(url);
    const redis = new Redis(address, {
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
      // By itself ioredis ignores the refusal of a database that does not exist, and reads database
      // 0.
      if (database !== 0) await redis.select(database);
      return redis;
    } catch (error) {
      redis.disconnect();
      // Other callers that wait for the connection fail for the same reason as the one that
      // abandoned it.
      abandoned.signal.throwIfAborted();
      throw lastError ?? error;
    }
  };
  return { ready: open(), drop: (reason?: unknown) => abandoned.abort(reason) };
}

/**
 * A key of another type belongs to another program, and some commands may be forbidden: both are
 * valid replies.
 */
function toReply(error: Error, name: string): Error {
  if (name === "client" || name === "info" || error.message.startsWith("WRONGTYPE")) return error;
  throw error;
}

/**
 * Splits a URL into its address and the number of its database. The configuration refuses other
 * paths.
 */
export function splitDatabase(url: string): { readonly address: string; readonly database: number } {
  const address = new URL(url);
  const database = Number(address.pathname.slice(1) || address.searchParams.get("db")) || 0;
  address.pathname = "";
  address.searchParams.delete("db");
  return { address: address.href, database };
}

/**
 * ioredis attaches the command, and so the password, to its errors. Retains only the message,
 * redacted: a server may quote the password there too.
 */
function toCause(error: unknown): Error {
  const isReply = error instanceof Error && error.name === "ReplyError";
  const text = redactStart(isReply ? error.message : toText(error), 300);
  return isReply ? new UpstreamReply(error.message, text) : new Error(text);
}

function toText(error: unknown): string {
  const { name, code, message } = (error ?? {}) as Record<"name" | "code" | "message", unknown>;
  return [name, code, message].filter((part) => typeof part === "string").join(" ");
}

const variable = "WALLET_CORE_OPS_REDIS_URL";

/** Source: "Errors" of redis.io/docs, and the replies of Redis 8. */
function explain(error: unknown, url: string): string {
  const text = toText(error);
  if (text.startsWith("AbortError")) return "Gave up waiting for Redis: the request has ended";
  if (/WRONGPASS|NOAUTH|invalid (?:username|password)|AUTH .*called without any password/i.test(text)) {
    return "Redis refused the login: check the user and the password in WALLET_CORE_OPS_REDIS_URL";
  }
  if (/NOPERM/.test(text)) return "The Redis user may not read the queues: give it +@read on their keys (ACL SETUSER)";
  if (/\bMOVED\b|CROSSSLOT/.test(text))
    return "WALLET_CORE_OPS_REDIS_URL is a node of a cluster that has the queues on other nodes: give the one that has them";
  if (/\bLOADING\b|MASTERDOWN/.test(text)) return "Redis is still loading its data";
  if (/\bDENIED\b/.test(text)) return `Redis is in protected mode: give it a password, and put it into ${variable}`;
  if (/DB index is out of range|SELECT is not allowed/.test(text))
    return `Redis has no database ${splitDatabase(url).database}: correct the number in ${variable}`;
  if (/timed? ?out|ETIMEDOUT|TimeoutError/i.test(text)) {
    const isTls = url.startsWith("rediss:");
    return `Redis did not answer in time${isTls ? `, perhaps as it does not speak TLS there: then ${variable} starts with redis://` : ""}`;
  }
  const reason = explainSocket(error);
  return `Redis cannot be reached: ${reason === null ? "" : `${reason}: `}check ${variable}`;
}

const toCode = (error: unknown) => toOpsError(error).code;
