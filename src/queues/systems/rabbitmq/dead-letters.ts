import { OpsError } from "../../../lib/errors.ts";
import { answers, type Binding, type Exchange, type RabbitmqClient } from "./client.ts";

/** Where one queue's rejected and expired messages go. */
interface DeadLettering {
  readonly vhost: string;
  readonly name: string;
  readonly arguments?: Readonly<Record<string, unknown>> | null | undefined;
  readonly policy?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Keys are those of `toQueueKey`. */
interface DeadLetterQueues {
  /** Those that take only this queue's dead letters: they tell of its failures. */
  readonly own: ReadonlyMap<string, readonly string[]>;
  /** Those that bring their messages back to the queue after a time: its retries, not its dead. */
  readonly retries: ReadonlySet<string>;
  /** Those that several queues share: nobody can tell whose their messages are. */
  readonly shared: ReadonlySet<string>;
}

export function toQueueKey({ vhost, name }: { readonly vhost: string; readonly name: string }): string {
  return JSON.stringify([vhost, name]);
}

/**
 * The dead letter queues of all queues, from their arguments (which come before policies), the bindings and the kinds of exchanges.
 * Without a routing key of its own a message keeps the one that it came with, which nobody can tell: then every queue behind the exchange counts.
 * Source: "Dead Letter Exchanges" of rabbitmq.com/docs.
 */
export function toDeadLetterQueues(
  queues: readonly DeadLettering[],
  bindings: readonly Binding[],
  exchanges: readonly Exchange[],
): DeadLetterQueues {
  const types = new Map(exchanges.map(({ vhost, name, type }) => [toQueueKey({ vhost, name }), type]));
  const bySource = Map.groupBy(bindings, ({ vhost, source }) => toQueueKey({ vhost, name: source }));
  const targets = new Map<string, readonly string[]>();
  for (const queue of queues) {
    const exchange = readText(queue, "dead-letter-exchange");
    if (exchange === null) continue;
    const routingKey = readText(queue, "dead-letter-routing-key");
    const key = toQueueKey({ vhost: queue.vhost, name: exchange });
    const matching = (bySource.get(key) ?? []).filter(
      (binding) =>
        binding.destination_type === "queue" && leadsTo(binding, exchange === "" ? "direct" : types.get(key), routingKey),
    );
    // The default exchange without a routing key leads anywhere.
    if (exchange === "" && routingKey === null) continue;
    targets.set(toQueueKey(queue), [...new Set(matching.map(({ vhost, destination: name }) => toQueueKey({ vhost, name })))]);
  }
  const retries = new Set<string>();
  for (const queue of queues) {
    const key = toQueueKey(queue);
    const returnsTo = (targets.get(key) ?? []).filter((target) => targets.get(target)?.includes(key));
    if (returnsTo.length === 0 || !hasTimeToLive(queue)) continue;
    // It is where messages wait for their next attempt: what leaves it did not fail there.
    retries.add(key);
    targets.delete(key);
  }
  const sources = Map.groupBy(
    [...targets].flatMap(([source, list]) => list.map((target) => ({ source, target }))),
    ({ target }) => target,
  );
  const isShared = (target: string) => (sources.get(target)?.length ?? 0) > 1;
  return {
    own: new Map([...targets].filter(([, list]) => list.length > 0 && !list.some(isShared))),
    retries,
    shared: new Set([...sources.keys()].filter(isShared)),
  };
}

function readText({ arguments: own, policy }: DeadLettering, name: string): string | null {
  const value = own?.[`x-${name}`] ?? policy?.[name];
  return typeof value === "string" ? value : null;
}

function hasTimeToLive({ arguments: own, policy }: DeadLettering): boolean {
  return typeof (own?.["x-message-ttl"] ?? policy?.["message-ttl"]) === "number";
}

function leadsTo(binding: Binding, type: string | undefined, routingKey: string | null): boolean {
  if (routingKey === null) return true;
  if (type === "direct") return binding.routing_key === routingKey;
  return type === "topic" ? matchesTopic(binding.routing_key.split("."), routingKey.split(".")) : true;
}

/** Whether a topic's pattern matches: `*` is a word, `#` any number of them. Takes time in proportion to both lengths. */
export function matchesTopic(pattern: readonly string[], words: readonly string[]): boolean {
  // reachable[i]: the pattern so far can end before word i.
  let reachable = words.map((_, index) => index === 0).concat(words.length === 0);
  for (const part of pattern) {
    const next = reachable.map(() => false);
    for (const [index] of next.entries()) {
      const before = index > 0 && reachable[index - 1] === true;
      if (part === "#") next[index] = reachable[index] === true || (index > 0 && next[index - 1] === true);
      else next[index] = before && (part === "*" || part === words[index - 1]);
    }
    reachable = next;
  }
  return reachable.at(-1) === true;
}

/** What is known of the broker beside its queues. */
export interface RabbitmqFacts {
  /** Whether it counts messages at all (not with `rates_mode` none or `disable_stats`). */
  readonly hasRates: boolean;
  /** Of its oldest node, seconds: its counters begin there. Null when it may not be asked. */
  readonly uptime: number | null;
  /** Empty when they may not be read, or are too many. */
  readonly bindings: readonly Binding[];
  readonly exchanges: readonly Exchange[];
  /** Every virtual host has exchanges: a user who sees none may see no virtual host, and its list of queues is empty without an error. */
  readonly isBlind: boolean;
}

interface FactsReader {
  /** Asked at most once a minute. */
  read(signal: AbortSignal): Promise<RabbitmqFacts>;
  /** A broker that was away may have begun anew. */
  forget(): void;
}

const againMs = 60_000;

export function createFactsReader(client: RabbitmqClient): FactsReader {
  let cached: { readonly facts: RabbitmqFacts; readonly at: number } | null = null;
  return {
    async read(signal) {
      if (!cached || performance.now() - cached.at >= againMs)
        cached = { facts: await ask(client, signal), at: performance.now() };
      const { facts, at } = cached;
      return { ...facts, uptime: facts.uptime === null ? null : facts.uptime + (performance.now() - at) / 1000 };
    },
    forget: () => {
      cached = null;
    },
  };
}

async function ask(client: RabbitmqClient, signal: AbortSignal): Promise<RabbitmqFacts> {
  const [overview, nodes, bindings, exchanges] = await Promise.all([
    client.get("/overview?columns=rates_mode,disable_stats", answers.overview, signal),
    client.get("/nodes?columns=uptime", answers.nodes, signal).catch(orNull),
    client.get("/bindings?columns=source,vhost,destination,destination_type,routing_key", answers.bindings, signal).catch(orNull),
    client.get("/exchanges?columns=name,vhost,type", answers.exchanges, signal).catch(orNull),
  ]);
  const uptimes = (nodes ?? []).flatMap((node) =>
    "uptime" in node && typeof node.uptime === "number" ? [node.uptime / 1000] : [],
  );
  return {
    hasRates: overview.rates_mode !== "none" && overview.disable_stats !== true,
    uptime: uptimes.length > 0 ? Math.max(...uptimes) : null,
    bindings: bindings ?? [],
    exchanges: exchanges ?? [],
    isBlind: exchanges?.length === 0,
  };
}

/** What the user may not see, or what is too much, is not known; a broker that is away is away. */
function orNull(error: unknown): null {
  if (error instanceof OpsError && error.upstreamStatus !== undefined) return null;
  throw error;
}
