import { OpsError } from "../../../errors.ts";
import { type Binding, type Exchange, answers } from "./rabbitmq-answers.ts";
import type { RabbitmqClient } from "./rabbitmq-client.ts";

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

export interface FactsReader {
  /** Asked at most once a minute. */
  read(signal: AbortSignal): Promise<RabbitmqFacts>;
  /** A broker that was away may have begun anew. */
  forget(): void;
}

const againMs = 60_000;

export function createFactsReader(client: RabbitmqClient): FactsReader {
  let kept: { readonly facts: RabbitmqFacts; readonly at: number } | null = null;
  return {
    async read(signal) {
      if (!kept || performance.now() - kept.at >= againMs) kept = { facts: await ask(client, signal), at: performance.now() };
      const { facts, at } = kept;
      return { ...facts, uptime: facts.uptime === null ? null : facts.uptime + (performance.now() - at) / 1000 };
    },
    forget: () => {
      kept = null;
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
