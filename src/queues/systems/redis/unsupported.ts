import { createCache } from "../../../lib/cache.ts";
import { formatFirst } from "../../../lib/text.ts";
import type { UnsupportedSystem } from "../../queue.ts";
import type { Command, Question, RedisConnection, Reply } from "./connection.ts";
import { createKeySearch, escapePattern } from "./keys.ts";
import { toCount, toTexts } from "./replies.ts";

/** Time between two searches of the keys, milliseconds: new systems are rarer than new queues. */
const againMs = 600_000;
/** How long a result is shared by all callers, milliseconds. */
const ttlMs = 60_000;
/** The maximum number of queues of one system that are checked, and named. */
const mostQueues = 100;
const mostNamed = 5;

/**
 * Finds unsupported job systems in the same Redis: Bull, bee-queue, Sidekiq and Celery, each with
 * the reason. Skips what it may not read; never rejects. Source: the keys that Bull 3.29 and 4.16,
 * bee-queue 2.0, Sidekiq 7.3 and Celery 5.5 made here.
 */
export function createUnsupportedSearch(
  connection: RedisConnection,
  prefix: string,
): (signal: AbortSignal) => Promise<readonly UnsupportedSystem[]> {
  const bull = `${prefix}:`;
  const bee = "bq:";
  const kombu = "_kombu.binding.";
  const search = createKeySearch(connection, [`${escapePattern(bull)}*:id`, `${bee}*:id`, `${kombu}*`], againMs);
  return createCache(async (signal) => {
    const keys = [...(await search(signal).catch(() => ({ keys: [] }))).keys];
    const queuesOf = (start: string) =>
      keys
        .filter((key) => key.startsWith(start) && key.endsWith(":id"))
        .map((key) => key.slice(start.length, -":id".length));
    const [bullQueues, isSidekiq] = await Promise.all([
      // BullMQ has the same keys, plus this one.
      withoutKey(connection, queuesOf(bull).slice(0, mostQueues), (queue) => `${bull}${queue}:meta`, signal),
      hasSidekiq(connection, signal),
    ]);
    const beeQueues = queuesOf(bee);
    return [
      bullQueues.length > 0 &&
        toSystem(
          "bull",
          `Bull, unlike BullMQ, stores no events of ended jobs (${toNames(bullQueues)}): move it to BullMQ`,
        ),
      beeQueues.length > 0 && toSystem("bee-queue", `bee-queue stores no end times (${toNames(beeQueues)})`),
      isSidekiq && toSystem("sidekiq", "Sidekiq counts ended jobs of all queues together, without times"),
      keys.some((key) => key.startsWith(kombu)) &&
        toSystem("celery", "Celery in Redis counts nothing: its queues are read where RabbitMQ is its broker"),
    ].filter((system) => system !== false);
  }, ttlMs);
}

function toSystem(name: string, reason: string): UnsupportedSystem {
  return { name, kind: name, reason };
}

function toNames(queues: readonly string[]): string {
  return formatFirst(queues.toSorted(), mostNamed);
}

/** The queues without this key. */
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
