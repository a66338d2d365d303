import type { Environment } from "../lib/environment.ts";
import { formatCount, formatDuration, formatRate } from "../facts/format.ts";
import { formatFirst } from "../lib/text.ts";
import { formatRfc3339 } from "../lib/time.ts";
import type { Upstream } from "../lib/upstream-call.ts";
import { describeOwners, type QueueOwner, toOwner } from "../queues/owners.ts";
import { type QueueMetrics, toQueueUpstream, type WorkerJobs } from "../queues/queue.ts";
import { isBehind, queueThresholds, toQueueState } from "../queues/state.ts";
import type { TimelineEntry } from "../timeline/timeline.ts";
import { createProblem, type CurrentProblem } from "./problem.ts";

/** A failure, as callers see it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/**
 * A source, and why its numbers could not be read; null when they could, or it is not supported.
 */
export interface SourceReading {
  readonly name: string;
  readonly kind: string;
  readonly env: Environment | null;
  /** The name of its database or broker; null without one. */
  readonly place: string | null;
  /** The configured owner of its queues; null where none is configured. */
  readonly owner: QueueOwner | null;
  readonly error: Failure | null;
}

/** A queue, with the jobs that lost their worker; null when unknown. */
interface QueueReading {
  readonly queue: QueueMetrics;
  readonly orphans: readonly WorkerJobs[] | null;
  /** Null when unknown. */
  readonly owners: readonly QueueOwner[] | null;
}

export interface QueueReadings {
  readonly queues: readonly QueueReading[];
  readonly sources: readonly SourceReading[];
  /** State changes of queues. */
  readonly events: readonly TimelineEntry[];
}

type StateKind = "queue_no_workers" | "queue_stalled" | "queue_failing" | "queue_backlog";

const titles: Record<StateKind, (name: string) => string> = {
  queue_no_workers: (name) => `${name} has jobs but no worker`,
  queue_stalled: (name) => `${name} is stalled`,
  queue_failing: (name) => `Most jobs of ${name} fail`,
  queue_backlog: (name) => `${name} is behind`,
};

/**
 * A stalled queue is also behind, but that is not repeated; for a failing queue, both may apply.
 */
function findKinds(queue: QueueMetrics): StateKind[] {
  switch (toQueueState(queue)) {
    case "no_workers":
      return ["queue_no_workers"];
    case "stalled":
      return ["queue_stalled"];
    case "failing":
      return isBehind(queue) ? ["queue_failing", "queue_backlog"] : ["queue_failing"];
    case "backlog":
      return ["queue_backlog"];
    default:
      return [];
  }
}

/** Problems of queues and their sources. A paused queue is not a problem: somebody paused it. */
export function findQueueProblems({ queues, sources, events }: QueueReadings): readonly CurrentProblem[] {
  const envs = new Map(sources.map(({ name, env }) => [name, env]));
  const last = new Map<string, TimelineEntry>();
  for (const entry of events) {
    if (!entry.queue) continue;
    const key = toKey(entry.queue);
    const known = last.get(key);
    if (!known || Date.parse(entry.time) >= Date.parse(known.time)) last.set(key, entry);
  }
  const found = queues.flatMap(({ queue, orphans, owners }) => {
    const about = { queue, source: queue.source, env: envs.get(queue.source) ?? null, ...toOwner(owners) };
    const states = findKinds(queue).map((kind) =>
      createProblem(kind, toKey(queue), {
        ...about,
        title: titles[kind](queue.name),
        since: findSince(queue, kind, last.get(toKey(queue)) ?? null),
        evidence: [...toEvidence(queue), ...toShared(owners)],
      }),
    );
    return [...states, ...findOrphans({ queue, orphans, owners }, about)];
  });
  return [...found, ...findDownSources(sources)];
}

/** What is unknown about queues: those that may be failing, in one line. */
export function findQueueGaps({ queues }: Pick<QueueReadings, "queues">): readonly string[] {
  const unknown = queues.flatMap(({ queue }) => (toQueueState(queue) === "unknown" ? [queue.name] : []));
  if (unknown.length === 0) return [];
  const names = formatFirst([...new Set(unknown)].toSorted(), mostNames);
  return [`whether most jobs of ${names} fail: how many succeed is unknown`];
}

function toKey({ source, name }: { readonly source: string; readonly name: string }): string {
  return JSON.stringify([source, name]);
}

/**
 * When the oldest job became runnable, if its wait is the problem; else when the state was first
 * seen, if it is the last one seen.
 */
function findSince(queue: QueueMetrics, kind: StateKind, change: TimelineEntry | null): string | null {
  const { observedAt, oldestAgeSeconds } = queue;
  const least = kind === "queue_backlog" ? queueThresholds.backlogAgeSeconds : 0;
  if (kind !== "queue_failing" && oldestAgeSeconds !== null && oldestAgeSeconds > least) {
    return formatRfc3339(Date.parse(observedAt) - oldestAgeSeconds * 1000);
  }
  return change && `queue_${change.to}` === kind ? change.time : null;
}

/** Unknown numbers are left out. */
function toEvidence(queue: QueueMetrics): string[] {
  const { depth, oldestAgeSeconds, processedPerSec, active, workers, failuresRecent, failuresLastHour } = queue;
  const waiting = formatCount(depth, "job waits", "jobs wait");
  return [
    oldestAgeSeconds === null ? waiting : `${waiting}, the oldest for ${formatDuration(oldestAgeSeconds)}`,
    ...(processedPerSec === null ? [] : [`${formatRate(processedPerSec)} succeed`]),
    ...(failuresRecent === null ? [] : [`${formatCount(Math.round(failuresRecent), "failure")} in 5 min`]),
    ...(failuresLastHour === null ? [] : [`${formatCount(failuresLastHour, "failure")} in an hour`]),
    ...(active === null ? [] : [formatCount(active, "job runs", "jobs run")]),
    ...(workers === null ? [] : [formatCount(workers, "worker")]),
  ];
}

/** A queue of several services names none of them as its owner. */
function toShared(owners: readonly QueueOwner[] | null): string[] {
  return owners && owners.length > 1 ? [`shared by ${describeOwners(owners)}`] : [];
}

function findOrphans(
  { queue, orphans: found, owners }: QueueReading,
  about: Partial<CurrentProblem>,
): readonly CurrentProblem[] {
  const orphans = found ?? [];
  const total = orphans.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return [];
  const hosts = [...new Set(orphans.flatMap(({ host }) => host ?? []))].toSorted();
  const ages = orphans.flatMap(({ oldestAgeSeconds }) => oldestAgeSeconds ?? []);
  return [
    createProblem("queue_orphans", toKey(queue), {
      ...about,
      title:
        `${formatCount(total, "running job")} of ${queue.name} ` +
        (total === 1 ? "has lost its worker" : "have lost their worker"),
      evidence: [
        `${hosts.length === 1 ? "worker" : "workers"} ${formatFirst(hosts, mostNames)}`,
        ...(ages.length === 0 ? [] : [`the oldest job has been running for ${formatDuration(Math.max(...ages))}`]),
        ...toShared(owners),
      ],
    }),
  ];
}

/** How many hosts or queues the evidence names at most. */
const mostNames = 5;

/** One problem for each source; if all sources of a database or broker fail, one for that. */
function findDownSources(sources: readonly SourceReading[]): CurrentProblem[] {
  const places = Map.groupBy(sources, ({ kind, place }) => JSON.stringify([toQueueUpstream(kind), place]));
  return [...places.values()].flatMap((own) => {
    const down = own.filter(({ error }) => error !== null);
    const [first] = own;
    if (!first) return [];
    const upstream = toQueueUpstream(first.kind);
    if (down.length === own.length) {
      const about = { source: toOne(down), place: first.place };
      return [toUpstreamDown(upstream, toEnv(down), toFacts(down), about)];
    }
    return down.map((source) =>
      createProblem("queue_source_down", source.name, {
        title: `The queues of ${source.name} cannot be read`,
        env: source.env,
        ...toOwner(source.owner && [source.owner]),
        source: source.name,
        upstream,
        place: source.place,
        evidence: toFacts([source]),
      }),
    );
  });
}

function toFacts(sources: readonly SourceReading[]): string[] {
  return sources.flatMap(({ name, error }) => (error ? [`${name}: ${error.message} (${error.code})`] : [])).toSorted();
}

/** The environment that all of them share. */
function toEnv(sources: readonly SourceReading[]): Environment | null {
  const [first, ...more] = new Set(sources.map(({ env }) => env));
  return more.length === 0 ? (first ?? null) : null;
}

function toOne(sources: readonly SourceReading[]): string | null {
  return sources.length === 1 ? (sources[0]?.name ?? null) : null;
}

const upstreamNames: Partial<Record<Upstream, string>> = {
  postgres: "PostgreSQL",
  prometheus: "Prometheus",
  rabbitmq: "RabbitMQ",
  redis: "Redis",
};

/**
 * Nothing can be read from a database, a broker or Prometheus. `place`: the name of that database
 * or broker; null without one.
 */
export function toUpstreamDown(
  upstream: Upstream,
  env: Environment | null,
  evidence: readonly string[],
  { source, place }: { readonly source: string | null; readonly place: string | null } = { source: null, place: null },
): CurrentProblem {
  const title = `Nothing can be read from ${upstreamNames[upstream] ?? upstream}${place === null ? "" : ` (${place})`}`;
  const subject = place === null ? upstream : `${upstream}:${place}`;
  return createProblem("upstream_down", subject, { title, env, evidence, source, upstream, place });
}
