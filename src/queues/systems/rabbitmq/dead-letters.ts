import type { Steps } from "../../../lib/budget/steps.ts";
import { OpsError } from "../../../lib/errors.ts";
import { answers, type Binding, type Exchange, type RabbitmqClient } from "./client.ts";
import { createTopicIndex, type Visits } from "./topics.ts";

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

/** Where messages go that are dead-lettered with one exchange and routing key. */
interface Route {
  /** The queues that it leads to, each once. */
  readonly targets: readonly string[];
  /** How many queues' messages take this route; at least 2 where that is unknown. */
  uses: number;
  /** How many of its targets take each further route, without retry queues. */
  readonly onward: Map<Route, number>;
}

/** The dead letter queues of all queues, by `toQueueKey`. */
export interface DeadLetterQueues {
  /** Dead letter queues that take only this queue's messages: their arrivals are its failures. */
  readonly own: ReadonlyMap<string, readonly string[]>;
  /**
   * Queues that return their messages to the original queue after a time: its retries, not its
   * dead.
   */
  readonly retries: ReadonlySet<string>;
  /** Dead letter queues of several queues: it is unknown whose messages they hold. */
  readonly shared: ReadonlySet<string>;
}

/**
 * Finds the dead letter queues of all queues, by `toQueueKey`, from their arguments (which take
 * precedence over policies), the bindings and the exchange types. Without a dead-letter routing key
 * a message retains its own, which is unknown, so every queue bound to the exchange counts. Source:
 * "Dead Letter Exchanges" of rabbitmq.com/docs. The work grows with queues and bindings, not with
 * their product, because queues with the same exchange and key share a route. `mostVisits` limits
 * the work on patterns of topic exchanges.
 */
export function* toDeadLetterQueues(
  queues: readonly DeadLettering[],
  bindings: readonly Binding[],
  exchanges: readonly Exchange[],
  mostVisits = 1_000_000,
): Steps<DeadLetterQueues> {
  const routes = yield* findRoutes(queues, bindings, exchanges, mostVisits);
  const leadingTo = new Map<string, Route[]>();
  for (const route of new Set(routes.values())) {
    for (const target of route.targets) {
      yield;
      addTo(leadingTo, target, route);
      const next = routes.get(target);
      if (next) route.onward.set(next, (route.onward.get(next) ?? 0) + 1);
    }
  }
  const retries = new Set<string>();
  for (const queue of queues) {
    yield;
    const key = toQueueKey(queue);
    const route = routes.get(key);
    if (!route || !hasTimeToLive(queue)) continue;
    const back = leadingTo.get(key) ?? [];
    if (!back.some((one) => (route.onward.get(one) ?? 0) > 0)) continue;
    // Messages wait here for their next attempt: what leaves this queue did not fail in it.
    retries.add(key);
    routes.delete(key);
    route.uses -= 1;
    for (const one of back) {
      yield;
      one.onward.set(route, (one.onward.get(route) ?? 0) - 1);
    }
  }
  const shared = new Set<string>();
  for (const [target, leading] of leadingTo) {
    yield;
    if (leading.reduce((sum, { uses }) => sum + uses, 0) > 1) shared.add(target);
  }
  const own = new Map<string, readonly string[]>();
  for (const [key, { targets, uses }] of routes) {
    yield;
    // If several queues use a route, its targets are shared.
    if (uses === 1 && targets.length > 0 && !targets.some((target) => shared.has(target))) own.set(key, targets);
  }
  return { own, retries, shared };
}

/** The route of each queue that has a dead letter exchange. */
function* findRoutes(
  queues: readonly DeadLettering[],
  bindings: readonly Binding[],
  exchanges: readonly Exchange[],
  mostVisits: number,
): Steps<Map<string, Route>> {
  const types = new Map<string, string>();
  for (const { vhost, name, type } of exchanges) {
    yield;
    types.set(toQueueKey({ vhost, name }), type);
  }
  const wanted = new Map<string, { readonly key: string; readonly routingKey: string | null }[]>();
  for (const queue of queues) {
    yield;
    const exchange = readText(queue, "dead-letter-exchange");
    if (exchange === null) continue;
    const routingKey = readText(queue, "dead-letter-routing-key");
    // The default exchange without a routing key may lead to any queue.
    if (exchange === "" && routingKey === null) continue;
    const to = toQueueKey({ vhost: queue.vhost, name: exchange });
    addTo(wanted, to, { key: toQueueKey(queue), routingKey });
    if (exchange === "") types.set(to, "direct");
  }
  const bySource = new Map<string, BoundQueue[]>();
  for (const { vhost, source, destination, destination_type: kind, routing_key: pattern } of bindings) {
    yield;
    const exchange = toQueueKey({ vhost, name: source });
    if (kind !== "queue" || !wanted.has(exchange)) continue;
    addTo(bySource, exchange, { pattern, target: toQueueKey({ vhost, name: destination }) });
  }
  const routes = new Map<string, Route>();
  const visits: Visits = { left: mostVisits };
  for (const [exchange, users] of wanted) {
    const bound = bySource.get(exchange) ?? [];
    const type = types.get(exchange);
    const find = yield* createFinder(type, bound, visits);
    const all = yield* toRoute(bound);
    const byKey = new Map<string, Route>();
    for (const { key, routingKey } of users) {
      yield;
      if (find === null || routingKey === null) {
        routes.set(key, all);
        continue;
      }
      const route = byKey.get(routingKey) ?? (yield* toRoute(yield* find(routingKey)));
      byKey.set(routingKey, route);
      routes.set(key, route);
    }
    // With too many patterns, act as if no key were known and another queue used the route too.
    const isGivenUp = type === "topic" && visits.left < 0;
    if (isGivenUp) all.uses = 1;
    for (const { key } of users) {
      yield;
      if (isGivenUp) routes.set(key, all);
      (routes.get(key) ?? all).uses += 1;
    }
  }
  return routes;
}

function readText({ arguments: own, policy }: DeadLettering, name: string): string | null {
  const value = own?.[`x-${name}`] ?? policy?.[name];
  return typeof value === "string" ? value : null;
}

function hasTimeToLive({ arguments: own, policy }: DeadLettering): boolean {
  return typeof (own?.["x-message-ttl"] ?? policy?.["message-ttl"]) === "number";
}

/** A queue that is bound to an exchange. */
interface BoundQueue {
  readonly pattern: string;
  readonly target: string;
}

type Find = (routingKey: string) => Steps<readonly BoundQueue[]>;

/**
 * Makes a function that finds the bindings of an exchange that match a routing key; null if all
 * match, or that is unknown.
 */
function* createFinder(type: string | undefined, bound: readonly BoundQueue[], visits: Visits): Steps<Find | null> {
  if (type === "direct") {
    const byKey = new Map<string, BoundQueue[]>();
    for (const one of bound) {
      yield;
      addTo(byKey, one.pattern, one);
    }
    return function* (routingKey) {
      yield;
      return byKey.get(routingKey) ?? [];
    };
  }
  if (type !== "topic") return null;
  const topics = createTopicIndex<BoundQueue>(visits);
  for (const one of bound) {
    yield;
    topics.add(one.pattern.split("."), one);
  }
  return (routingKey) => topics.find(routingKey.split("."));
}

function* toRoute(bound: readonly BoundQueue[]): Steps<Route> {
  const targets = new Set<string>();
  for (const { target } of bound) {
    yield;
    targets.add(target);
  }
  return { targets: [...targets], uses: 0, onward: new Map() };
}

function addTo<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
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
    /**
     * Uptime of its oldest node, seconds: the counters begin there. Null when it may not be read.
     */
    uptime: uptimes.length > 0 ? Math.max(...uptimes) : null,
    /** Empty when they may not be read, or are too many. */
    bindings: bindings ?? [],
    exchanges: exchanges ?? [],
    /**
     * Whether the user sees no exchanges. Every virtual host has some, so the user may see no
     * virtual host, and the list of queues is empty without an error.
     */
    isBlind: exchanges?.length === 0,
  };
}

/**
 * What the user may not see, or what is too large, is unknown. An unreachable broker is still an
 * error.
 */
function orNull(error: unknown): null {
  if (error instanceof OpsError && error.upstreamStatus !== undefined) return null;
  throw error;
}
