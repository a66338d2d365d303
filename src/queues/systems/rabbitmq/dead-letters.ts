import { OpsError } from "../../../lib/errors.ts";
import { answers, type Binding, type Exchange, type RabbitmqClient } from "./client.ts";

/** A queue's settings for its rejected and expired messages. */
interface DeadLettering {
  readonly vhost: string;
  readonly name: string;
  readonly arguments?: Readonly<Record<string, unknown>> | null | undefined;
  readonly policy?: Readonly<Record<string, unknown>> | null | undefined;
}

export function toQueueKey({ vhost, name }: { readonly vhost: string; readonly name: string }): string {
  return JSON.stringify([vhost, name]);
}

/**
 * Finds the dead letter queues of all queues, by `toQueueKey`, from their arguments (which take precedence over policies), the bindings and the exchange types.
 * Without a dead-letter routing key a message retains its own, which is unknown: then every queue bound to the exchange counts. Source: "Dead Letter Exchanges"
 * of rabbitmq.com/docs.
 */
export function toDeadLetterQueues(
  queues: readonly DeadLettering[],
  bindings: readonly Binding[],
  exchanges: readonly Exchange[],
) {
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
        binding.destination_type === "queue" &&
        leadsTo(binding, exchange === "" ? "direct" : types.get(key), routingKey),
    );
    // The default exchange without a routing key may lead to any queue.
    if (exchange === "" && routingKey === null) continue;
    targets.set(toQueueKey(queue), [
      ...new Set(matching.map(({ vhost, destination: name }) => toQueueKey({ vhost, name }))),
    ]);
  }
  const retries = new Set<string>();
  for (const queue of queues) {
    const key = toQueueKey(queue);
    const returnsTo = (targets.get(key) ?? []).filter((target) => targets.get(target)?.includes(key));
    if (returnsTo.length === 0 || !hasTimeToLive(queue)) continue;
    // Messages wait here for their next attempt: what leaves this queue did not fail in it.
    retries.add(key);
    targets.delete(key);
  }
  const sources = Map.groupBy(
    [...targets].flatMap(([source, list]) => list.map((target) => ({ source, target }))),
    ({ target }) => target,
  );
  const isShared = (target: string) => (sources.get(target)?.length ?? 0) > 1;
  return {
    /** Dead letter queues that take only this queue's messages: their arrivals are its failures. */
    own: new Map([...targets].filter(([, list]) => list.length > 0 && !list.some(isShared))),
    /** Queues that return their messages to the queue after a time: its retries, not its dead. */
    retries,
    /** Dead letter queues of several queues: it is unknown whose messages they hold. */
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

/** Whether a topic pattern matches: `*` is one word, `#` any number of words. The time grows with the product of both lengths. */
export function matchesTopic(pattern: readonly string[], words: readonly string[]): boolean {
  // reachable[i]: the pattern so far can match the first i words.
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

/** What is known of the broker besides its queues. */
export type RabbitmqFacts = Awaited<ReturnType<typeof ask>>;

const againMs = 60_000;

export function createFactsReader(client: RabbitmqClient) {
  let cached: { readonly facts: RabbitmqFacts; readonly at: number } | null = null;
  return {
    /** Reads at most once a minute. */
    async read(signal: AbortSignal): Promise<RabbitmqFacts> {
      if (!cached || performance.now() - cached.at >= againMs)
        cached = { facts: await ask(client, signal), at: performance.now() };
      const { facts, at } = cached;
      return { ...facts, uptime: facts.uptime === null ? null : facts.uptime + (performance.now() - at) / 1000 };
    },
    /** Clears the cache: a broker that was away may have restarted. */
    forget: () => {
      cached = null;
    },
  };
}

async function ask(client: RabbitmqClient, signal: AbortSignal) {
  const [overview, nodes, bindings, exchanges] = await Promise.all([
    client.get("/overview?columns=rates_mode,disable_stats", answers.overview, signal),
    client.get("/nodes?columns=uptime", answers.nodes, signal).catch(orNull),
    client
      .get("/bindings?columns=source,vhost,destination,destination_type,routing_key", answers.bindings, signal)
      .catch(orNull),
    client.get("/exchanges?columns=name,vhost,type", answers.exchanges, signal).catch(orNull),
  ]);
  const uptimes = (nodes ?? []).flatMap((node) =>
    "uptime" in node && typeof node.uptime === "number" ? [node.uptime / 1000] : [],
  );
  return {
    /** Whether it counts messages (not with `rates_mode` none or `disable_stats`). */
    hasRates: overview.rates_mode !== "none" && overview.disable_stats !== true,
    /** Uptime of its oldest node, seconds: the counters begin there. Null when it may not be read. */
    uptime: uptimes.length > 0 ? Math.max(...uptimes) : null,
    /** Empty when they may not be read, or are too many. */
    bindings: bindings ?? [],
    exchanges: exchanges ?? [],
    /** The user sees no exchanges. Every virtual host has some, so the user may see no virtual host, and the list of queues is empty without an error. */
    isBlind: exchanges?.length === 0,
  };
}

/** What the user may not see, or what is too large, is unknown. An unreachable broker is still an error. */
function orNull(error: unknown): null {
  if (error instanceof OpsError && error.upstreamStatus !== undefined) return null;
  throw error;
}
