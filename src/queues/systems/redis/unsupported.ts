import { createCache } from "../../../lib/cache.ts";
import type { UnsupportedSystem } from "../../queue.ts";
import type { Command, Question, RedisConnection, Reply } from "./connection.ts";
import { createKeySearch, escapePattern } from "./keys.ts";
import { toCount, toTexts } from "./replies.ts";

/** Keys are gone through once in this time, milliseconds: systems come even more rarely than queues. */
const againMs = 600_000;
/** How long an answer serves all who ask, milliseconds. */
const keepMs = 60_000;
/** More queues of one system are not looked at, nor named. */
const mostQueues = 100;
const mostNamed = 5;

/**
 * Job systems in the same Redis that are not read: Bull, bee-queue, Sidekiq and Celery, each with why. What may not be looked at is not found; never rejects.
 * Source: the keys that Bull 3.29 and 4.16, bee-queue 2.0, Sidekiq 7.3 and Celery 5.5 made here.
 */
export function createUnsupportedSearch(
  connection: RedisConnection,
  prefix: string,
): (signal: AbortSignal) => Promise<readonly UnsupportedSystem[]> {
  const bull = `${prefix}:`;
  const bee = "bq:";
  const kombu = "_kombu.binding.";
  const search = createKeySearch(connection, {
    patterns: [`${escapePattern(bull)}*:id`, `${bee}*:id`, `${kombu}*`],
    againMs,
  });
  return createCache(async (signal) => {
    const keys = [...(await search(signal).catch(() => []))];
    const queuesOf = (start: string) =>
      keys.filter((key) => key.startsWith(start) && key.endsWith(":id")).map((key) => key.slice(start.length, -":id".length));
    const [bullQueues, isSidekiq] = await Promise.all([
      // BullMQ has the same keys, and one more.
      withoutKey(connection, queuesOf(bull).slice(0, mostQueues), (queue) => `${bull}${queue}:meta`, signal),
      hasSidekiq(connection, signal),
    ]);
    const beeQueues = queuesOf(bee);
    return [
      bullQueues.length > 0 &&
        toSystem("bull", `Bull, unlike BullMQ, keeps no events of what ended (${toNames(bullQueues)}): move it to BullMQ`),
      beeQueues.length > 0 && toSystem("bee-queue", `bee-queue keeps no time of what ended (${toNames(beeQueues)})`),
      isSidekiq && toSystem("sidekiq", "Sidekiq counts what ended of all queues together, and keeps no time of it"),
      keys.some((key) => key.startsWith(kombu)) &&
        toSystem("celery", "Celery in Redis counts nothing: its queues are read where RabbitMQ is its broker"),
    ].filter((system) => system !== false);
  }, keepMs);
}

function toSystem(name: string, reason: string): UnsupportedSystem {
  return { name, kind: name, reason };
}

function toNames(queues: readonly string[]): string {
  const named = queues.toSorted().slice(0, mostNamed).join(", ");
  return queues.length > mostNamed ? `${named} and ${queues.length - mostNamed} more` : named;
}

/** The queues of which there is no such key. */
async function withoutKey(
  connection: RedisConnection,
  queues: readonly string[],
  toKey: (queue: string) => string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const [isThere = []] = await ask(
    connection,
    queues.map((queue) => ["exists", toKey(queue)]),
    signal,
  );
  return queues.filter((_, index) => isThere[index] === 0);
}

async function hasSidekiq(connection: RedisConnection, signal: AbortSignal): Promise<boolean> {
  const [replies = []] = await ask(
    connection,
    [
      ["srandmember", "queues", 1],
      ["exists", "stat:processed"],
      ["exists", "processes"],
    ],
    signal,
  );
  const [queue] = toTexts(replies[0]);
  if (queue === undefined) return false;
  if (toCount(replies[1]) + toCount(replies[2]) > 0) return true;
  const [waiting = []] = await ask(connection, [["exists", `queue:${queue}`]], signal);
  return toCount(waiting[0]) > 0;
}

async function ask(connection: RedisConnection, commands: readonly Command[], signal: AbortSignal): Promise<Reply[][]> {
  const question: Question<Reply[]> = { commands, parse: (replies) => [...replies] };
  return connection.ask([question], signal).catch(() => []);
}
