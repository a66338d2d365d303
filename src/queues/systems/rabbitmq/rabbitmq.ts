import * as z from "zod";
import { createSharedBudget, inTurns } from "../../../lib/budget/budget.ts";
import { mapSteps, type Steps, takeSteps } from "../../../lib/budget/steps.ts";
import { OpsError } from "../../../lib/errors.ts";
import type { Logger } from "../../../lib/logger.ts";
import { formatRfc3339 } from "../../../lib/time.ts";
import type { ObserveCall } from "../../../lib/upstream-call.ts";
import { createKnownQueues, createSamples, toQueueMetrics, unknownRates } from "../../metrics.ts";
import type { QueueMetrics } from "../../queue.ts";
import { common, defineKind } from "../../system.ts";
import { answers, createRabbitmqClient, type QueueStats, type QueueTotals, type RabbitmqClient } from "./client.ts";
import { createFactsReader, type RabbitmqFacts, toDeadLetterQueues, toQueueKey } from "./dead-letters.ts";
import { createArrivals, isDown, toDone, toRabbitmqMetrics } from "./metrics.ts";

const queueName = z.string().min(1, "must not be empty").max(255);

export const rabbitmqConfig = z.strictObject({
  ...common,
  kind: z.literal("rabbitmq"),
  /**
   * Read only this virtual host. @default all that the user may see: queues outside of "/" are then
   * named "<vhost>/<queue>"
   */
  vhost: z.string().min(1, "must not be empty").max(255).optional(),
  /** Queues to list even if never seen. */
  names: z.array(queueName).max(1000).optional(),
  /**
   * Only queues whose names begin with one of these. @default all but the internal queues of
   * Celery's workers: `celeryev.*`, `*.pidbox`
   */
  include: z.array(queueName).max(100).optional(),
  /** No queues whose names begin with one of these. */
  exclude: z.array(queueName).max(100).optional(),
});

/**
 * Queues of RabbitMQ (tested with 4.0), read from its management API. Depths are at most one
 * statistics interval of the broker old (5 s), consumers and rates at most two. Leaves out streams
 * (their messages stay after reading), exclusive queues (they belong to one connection), and
 * Celery's internal ones. There are no error texts; failures are arrivals in dead letter queues.
 */
export const rabbitmq = defineKind<typeof rabbitmqConfig>({
  kind: "rabbitmq",
  config: rabbitmqConfig,
  detected: { broker: "rabbitmq", toConfig: ({ name }) => ({ name, kind: "rabbitmq" }) },
  create: (config, { brokers, env, logger, observe }) => {
    const { name } = config;
    const reader =
      brokers.rabbitmq === null ? null : createRabbitmqReader({ ...config, url: brokers.rabbitmq, logger, observe });
    return {
      name,
      kind: "rabbitmq",
      env,
      tables: [],
      metrics: async (signal) => {
        if (reader) return reader.read(signal);
        throw new OpsError("queues_unavailable", "WALLET_CORE_OPS_RABBITMQ_URL is not set", {
          upstream: `queues:${name}`,
        });
      },
      failures: () => Promise.resolve([]),
      ...(reader && {
        identify: (signal) => reader.identify(AbortSignal.any([signal, AbortSignal.timeout(answerMs)])),
      }),
      close: async () => reader?.close(),
    };
  },
});

/**
 * Deadlines of one answer, and of one read with all its pages, milliseconds. A silent broker
 * already exceeds the first.
 */
const [answerMs, readMs] = [2000, 6000];

/** The configuration of a source, and its broker. */
interface ReaderOptions extends Omit<z.infer<typeof rabbitmqConfig>, "kind"> {
  readonly url: string;
  readonly logger: Logger;
  readonly observe?: ObserveCall | undefined;
}

/** All queues at one time. Keys are made by `toQueueKey`. */
interface Reading {
  readonly totals: ReadonlyMap<string, QueueTotals>;
  readonly stats: ReadonlyMap<string, QueueStats>;
  readonly facts: RabbitmqFacts;
}

/** The API's maximum. */
const pageSize = 500;
const now =
  "disable_stats=true&enable_queue_totals=true&columns=name,vhost,type,state,exclusive,auto_delete,arguments,messages,messages_ready,messages_unacknowledged";
const countColumns = ["ack", "deliver_no_ack", "get_no_ack"].flatMap((one) => [
  `message_stats.${one}`,
  `message_stats.${one}_details.avg_rate`,
]);
const late = `msg_rates_age=300&msg_rates_incr=5&columns=name,vhost,messages,consumers,head_message_timestamp,effective_policy_definition,${countColumns.join(",")}`;

/** Reads all queues twice, their current counts and their statistics, and stores the samples. */
export function createRabbitmqReader(options: ReaderOptions) {
  const { name: source, vhost, logger } = options;
  const unbound = createRabbitmqClient({ source, url: options.url, observe: options.observe });
  const client: RabbitmqClient = {
    get: (path, schema, signal) => unbound.get(path, schema, AbortSignal.any([signal, AbortSignal.timeout(answerMs)])),
    close: () => unbound.close(),
  };
  const facts = createFactsReader(client);
  const known = createKnownQueues(options.names ?? []);
  const samples = { processed: createSamples(), failures: createSamples() };
  const countDeadLetters = createDeadLetterCounter();
  /** Each queue's metrics when it last responded. */
  const last = new Map<string, QueueMetrics>();

  const readPages = async <Item>(
    query: string,
    schema: z.ZodType<{ items: Item[]; page_count: number }>,
    signal: AbortSignal,
  ) => {
    const path = vhost === undefined ? "/queues" : `/queues/${encodeURIComponent(vhost)}`;
    const items: Item[] = [];
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const answer = await client
        .get(`${path}?page=${page}&page_size=${pageSize}&${query}`, schema, signal)
        .catch((error: unknown) => {
          // Queues were deleted while we read the pages.
          if (page > 1 && error instanceof OpsError && error.upstreamStatus === 400)
            return { items: [], page_count: 0 };
          throw error;
        });
      items.push(...answer.items);
      pages = answer.page_count;
    }
    return items;
  };
  const readAll = async (signal: AbortSignal): Promise<Reading> => {
    const [totals, stats, broker] = await Promise.all([
      readPages<QueueTotals>(now, answers.totals, signal),
      readPages<QueueStats>(late, answers.stats, signal),
      facts.read(signal),
    ]);
    if (totals.length === 0 && broker.isBlind)
      throw new OpsError("queues_unavailable", blind, { upstream: `queues:${source}` });
    return { totals: await toKeyed(totals, signal), stats: await toKeyed(stats, signal), facts: broker };
  };
  const toName = (queue: QueueTotals) =>
    vhost === undefined && queue.vhost !== "/" ? `${queue.vhost}/${queue.name}` : queue.name;
  /** Samples each counter separately, because one may be known before the other. */
  const sample = (key: string, which: keyof typeof samples, total: number | null) => {
    if (total !== null) samples[which].add(key, { processed: null, failures: null, [which]: total });
    return samples[which].rates(key);
  };
  /** Null for a queue that is down and has never responded. */
  const toMetrics = (
    key: string,
    queue: QueueTotals,
    reading: Reading,
    letters: DeadLetters,
    at: Date,
  ): QueueMetrics | null => {
    const name = toName(queue);
    if (isDown(queue)) {
      logger.debug({ source, queue: name, state: queue.state }, "queue is down: its numbers are old or unknown");
      return last.get(key) ?? null;
    }
    const stats = reading.stats.get(key);
    const { arrived, ...rest } = letters(key);
    const counters = { processed: toDone(stats, reading.facts), failures: arrived };
    const sampled = {
      done: sample(key, "processed", counters.processed),
      failed: sample(key, "failures", counters.failures),
    };
    const identity = { name, source, observedAt: formatRfc3339(at) };
    const measured = toRabbitmqMetrics(
      identity,
      { totals: queue, stats, ...rest },
      reading.facts,
      sampled,
      at.getTime(),
    );
    const metrics = { ...measured, counters };
    last.set(key, metrics);
    return metrics;
  };
  /** Drops all data of deleted queues: their names may never come back. */
  const forgetOthers = (totals: Reading["totals"]) => {
    for (const sampled of [samples.processed, samples.failures]) sampled.retain(totals);
    for (const key of last.keys()) if (!totals.has(key)) last.delete(key);
  };

  return {
    /** Rejects with queues_unavailable. */
    async read(signal: AbortSignal): Promise<readonly QueueMetrics[]> {
      try {
        const reading = await readAll(AbortSignal.any([signal, AbortSignal.timeout(readMs)]));
        const at = new Date();
        const budget = createSharedBudget(signal);
        const letters = await takeSteps(countDeadLetters(reading), budget);
        const wanted = [...reading.totals].filter(([, queue]) => isWanted(queue, options));
        const found = new Map(
          await inTurns(wanted, budget, ([key, queue]) => [toName(queue), toMetrics(key, queue, reading, letters, at)]),
        );
        known.see(wanted.filter(([, queue]) => queue.auto_delete !== true).map(([, queue]) => toName(queue)));
        await budget.turn();
        forgetOthers(reading.totals);
        await budget.turn();
        const toEmpty = (name: string) =>
          toQueueMetrics({ name, source, observedAt: formatRfc3339(at) }, { depth: 0 }, unknownRates);
        const listed = [...new Set([...known.names(), ...found.keys()])].toSorted();
        const queues = await inTurns(listed, budget, (name) => (found.has(name) ? found.get(name) : toEmpty(name)));
        return queues.filter((queue) => queue !== null && queue !== undefined);
      } catch (error) {
        facts.forget();
        throw error;
      }
    },
    /** As `KindSource.identify`. */
    async identify(signal: AbortSignal): Promise<readonly string[]> {
      const [nodes, exchanges] = await Promise.all([
        client.get("/nodes?columns=name,os_pid,uptime", answers.identities, signal),
        client.get("/exchanges?columns=name,vhost,type", answers.exchanges, signal),
      ]).catch((error: unknown) => {
        // The user may not see the nodes.
        if (error instanceof OpsError && error.upstreamStatus !== undefined) return [[], []];
        throw error;
      });
      const servers = nodes.flatMap((node) => {
        if ("name" in node) return toServers(node);
        throw new OpsError("queues_unavailable", "RabbitMQ has just started", { upstream: `queues:${source}` });
      });
      // Every virtual host has exchanges, so they name them all.
      const vhosts = new Set(exchanges.map((exchange) => exchange.vhost));
      const { include, exclude } = options;
      return servers.flatMap((server) =>
        [...vhosts]
          .filter((one) => vhost === undefined || one === vhost)
          .map((one) => JSON.stringify([...server, one, include ?? [], exclude ?? []])),
      );
    },
    close: () => client.close(),
  };
}

/**
 * How far a node's uptime may lag behind, seconds: one interval of its statistics, plus our call.
 */
const uptimeLag = 10;

/**
 * Identifies a node by its start. Its uptime gives that only to within a few seconds, so the node
 * has two overlapping time spans, at least one of which is the same in each read.
 */
function toServers({ name, os_pid: pid, uptime }: { readonly name: string; os_pid: string; uptime: number }) {
  const start = (Date.now() - uptime) / 1000;
  const span = 2 * uptimeLag;
  return [0, uptimeLag].map((shift) => [name, pid, shift, Math.floor((start + shift) / span)]);
}

/** By `toQueueKey`. */
async function toKeyed<Queue extends { readonly vhost: string; readonly name: string }>(
  queues: readonly Queue[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Queue>> {
  return new Map(await inTurns(queues, createSharedBudget(signal), (queue) => [toQueueKey(queue), queue]));
}

const blind =
  "The RabbitMQ user may see no virtual host: give it empty permissions there (rabbitmqctl set_permissions)";

/**
 * Queues for messages between Celery's workers; they never hold jobs. Source:
 * celery.events.receiver and kombu.pidbox.
 */
const celeryChatter = /^celeryev\.|\.pidbox$/;

function isWanted({ name, type, exclusive }: QueueTotals, { include, exclude }: ReaderOptions): boolean {
  const startsWithOne = (prefixes: readonly string[]) => prefixes.some((prefix) => name.startsWith(prefix));
  const isIncluded = include ? startsWithOne(include) : !celeryChatter.test(name);
  return type !== "stream" && exclusive !== true && isIncluded && !startsWithOne(exclude ?? []);
}

/** The failures of a queue, from its dead letter queues. */
type DeadLetters = (key: string) => {
  /**
   * Arrivals since the first read, dead letters held, and messages that will return for a retry;
   * null where unknown.
   */
  readonly arrived: number | null;
  readonly dead: number | null;
  readonly retrying: number | null;
  readonly isDeadLetterQueue: boolean;
};

/**
 * Counts dead letters. A dead letter queue that several queues share counts its own arrivals only.
 */
function createDeadLetterCounter(): (reading: Reading) => Steps<DeadLetters> {
  const arrivals = createArrivals();
  return function* ({ totals, stats, facts }) {
    const queues = yield* mapSteps([...totals], ([key, queue]) => ({
      ...queue,
      policy: stats.get(key)?.effective_policy_definition,
    }));
    const { own, shared, retries } = yield* toDeadLetterQueues(queues, facts.bindings, facts.exchanges);
    const targets = new Set([...shared, ...[...own.values()].flat()]);
    const arrived = new Map<string, number>();
    arrivals.retain(totals);
    for (const key of targets) {
      yield;
      const held = totals.get(key)?.messages;
      if (typeof held === "number") arrived.set(key, arrivals.count(key, held, toDone(stats.get(key), facts)));
    }
    const held = (target: string) => totals.get(target)?.messages;
    return (key) => {
      const counted = shared.has(key) ? [key] : (own.get(key) ?? []);
      return {
        arrived: sum(counted.map((target) => arrived.get(target))),
        dead: sum(counted.filter((target) => !retries.has(target)).map(held)),
        retrying: sum(counted.filter((target) => retries.has(target)).map(held)),
        isDeadLetterQueue: targets.has(key),
      };
    };
  };
}

/** Null for an empty list, or if any number is unknown. */
function sum(numbers: readonly (number | null | undefined)[]): number | null {
  if (numbers.length === 0) return null;
  return numbers.reduce<number | null>((all, one) => (all === null || typeof one !== "number" ? null : all + one), 0);
}
