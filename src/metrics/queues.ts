import { queueNumbers } from "../facts/queue.ts";
import type { MetricsQuery, QueueState } from "../generated/metrics.ts";
import { toAgeSeconds } from "../lib/time.ts";
import { toQueueUpstream } from "../queues/queue.ts";
import { type Table, toLabels, toNumberColumns } from "./exposition.ts";

type Source = NonNullable<MetricsQuery["queueSources"]>[number];
type Queue = NonNullable<MetricsQuery["queues"]>[number];

const states = [
  "ok",
  "idle",
  "backlog",
  "stalled",
  "paused",
  "no_workers",
  "failing",
  "unknown",
] satisfies QueueState[];

/** A source, and when its numbers were read, RFC 3339; null without queues. */
interface SourceRow extends Source {
  readonly observedAt: string | null;
}

/**
 * Has the upstream, and the name of its database or broker, as labels, to distinguish its outage
 * from that of a single source.
 */
export const queueSourceTable: Table<SourceRow> = {
  prefix: "ops_queue_source",
  maxRows: 200,
  labels: ({ name, kind, env, place }) => toLabels({ source: name, kind, env, upstream: toQueueUpstream(kind), place }),
  columns: [
    [
      "ops_queue_source_up",
      "Whether the numbers of the queue source could be read; absent where it is not supported.",
      "numbersOk",
    ],
    [
      "ops_queue_source_age_seconds",
      "Age of the numbers of its queues.",
      ({ observedAt }) => observedAt && toAgeSeconds(Date.parse(observedAt)),
    ],
  ],
};

/** A queue with the environment of its source. */
interface QueueRow extends Queue {
  readonly env: Source["env"];
}

export const queueTable: Table<QueueRow> = {
  prefix: "ops_queue",
  maxRows: 1000,
  labels: ({ name, source, env }) => toLabels({ queue: name, source, env }),
  columns: [
    ...toNumberColumns<QueueRow>("ops_queue", queueNumbers),
    ["ops_queue_state", "State of the queue.", "state", states],
  ],
};

/** Each source with the time of its oldest numbers. */
export function toSourceRows({ queueSources, queues }: Partial<MetricsQuery>): readonly SourceRow[] | null {
  const oldest = new Map<string, string>();
  for (const { source, observedAt } of queues ?? []) {
    const known = oldest.get(source);
    if (known === undefined || observedAt < known) oldest.set(source, observedAt);
  }
  return queueSources?.map((source) => ({ ...source, observedAt: oldest.get(source.name) ?? null })) ?? null;
}

export function toQueueRows({ queueSources, queues }: Partial<MetricsQuery>): readonly QueueRow[] | null {
  const envs = new Map(queueSources?.map(({ name, env }) => [name, env]));
  return queues?.map((queue) => ({ ...queue, env: envs.get(queue.source) ?? null })) ?? null;
}
