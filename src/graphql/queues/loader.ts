import DataLoader from "dataloader";
import { maySee, requireEnvironments } from "../../auth/principal.ts";
import { once } from "../../lib/cache.ts";
import type { Environment } from "../../lib/environment.ts";
import { OpsError, toOpsError, toProblem } from "../../lib/errors.ts";
import {
  countReleases,
  type ErrorGroup,
  groupErrors,
  groupJobErrors,
  type JobErrorGroup,
  type ReleaseFailures,
} from "../../queues/errors.ts";
import type { ConfiguredOwner } from "../../queues/owners.ts";
import type { FingerprintedFailures, QueueMetrics, QueueSource, UnsupportedSystem } from "../../queues/queue.ts";
import type { ContainerLoaders } from "../containers/loader.ts";
import { noteQueues } from "../list-lengths.ts";
import type { Caller, Sources } from "../sources.ts";
import { findWorkers, noWorkers } from "./workers.ts";

/** One source, and whether it is readable. Reads only what the request needs. */
export interface QueueSourceStatus {
  readonly name: string;
  readonly kind: string;
  readonly env: Environment | null;
  /** The configured owner of its queues; null where the owner must be inferred. */
  readonly owner: ConfiguredOwner | null;
  /** The name of its database or broker; null without one. */
  readonly place: string | null;
  /** Whether its numbers were readable; null for an unsupported system. */
  numbersOk(): Promise<boolean | null>;
  /**
   * Why its numbers were unreadable; null when they were readable, and for an unsupported system.
   */
  numbersError(): Promise<ReturnType<typeof toProblem> | null>;
  /** Why its numbers or its errors were unreadable; null when both were readable. */
  error(): Promise<ReturnType<typeof toProblem> | null>;
}

export interface QueueLoaders {
  /**
   * The sources that the token may see. Rejects with forbidden for a token limited to other
   * environments, even when there are no sources.
   */
  visible(): Promise<readonly QueueSource[]>;
  /**
   * The same, limited to one environment; null for all of them. Rejects with forbidden for one that
   * the token does not list.
   */
  visibleOf(env: Environment | null): Promise<readonly QueueSource[]>;
  /**
   * Queues of every source that answered, by name. Rejects with queues_unavailable when none did,
   * and as `visibleOf`.
   */
  all(env?: Environment | null): Promise<readonly QueueMetrics[]>;
  /**
   * The queue of this exact name, from all sources that the token may see or from one; null without
   * one. Rejects with queue_ambiguous if several have it, and as `all`.
   */
  one(name: string, source: string | null): Promise<QueueMetrics | null>;
  /** Error groups of every source that answered, newest first. Rejects as `all`. */
  errors(env?: Environment | null): Promise<readonly JobErrorGroup[]>;
  /** The same errors across all queues. Rejects as `all`. */
  errorGroups(env: Environment | null): Promise<readonly ErrorGroup[]>;
  readonly errorsByQueue: DataLoader<QueueMetrics, readonly JobErrorGroup[], string>;
  /** Failures of a queue with an error text, by release; rejects when they are unreadable. */
  releases(queue: QueueMetrics): Promise<readonly ReleaseFailures[]>;
  /** Rejects with forbidden for an environment that the token does not list. */
  statuses(env?: Environment | null): Promise<readonly QueueSourceStatus[]>;
}

/**
 * One query for the numbers and one for the errors of each source, whatever the request selects.
 */
export function createQueueLoaders(
  sources: Sources,
  { principal, signal }: Caller,
  siblings: { readonly containers: ContainerLoaders },
): QueueLoaders {
  const toEnv = (source: QueueSource) => source.env ?? sources.env;
  const visible = once(async () => {
    const isOurs = maySee(principal, sources.env);
    const all = await sources.queues.all(signal).catch((error: unknown) => {
      if (isOurs) throw error;
      return [];
    });
    const shown = all.filter((source) => maySee(principal, toEnv(source)));
    if (shown.length === 0 && !isOurs)
      throw new OpsError("forbidden", "No queue belongs to an environment of this token");
    return shown;
  });
  const visibleOf = async (env: Environment | null) => {
    requireEnvironments(principal, env);
    const shown = await visible();
    return env === null ? shown : shown.filter((source) => toEnv(source) === env);
  };
  const metrics = bySource(async (source) => {
    const read = await source.metrics(signal);
    noteQueues(sources, source, read.length);
    return read;
  });
  const failures = bySource((source) => source.failures(signal));
  const workers = once(() => findWorkers(siblings.containers));
  /** Queries the engines only if a failure names its worker. */
  const releasesFor = async (rows: readonly FingerprintedFailures[]) =>
    (rows.some(({ worker }) => worker !== null) ? await workers() : noWorkers).releaseOf;
  const errors = bySource(async (source) => {
    const rows = await failures.load(source);
    return groupJobErrors(rows, await releasesFor(rows));
  });
  const ofQueue = async <T>(loader: DataLoader<QueueSource, readonly T[]>, { source: name }: QueueMetrics) => {
    const source = (await visible()).find((candidate) => candidate.name === name);
    return source ? loader.load(source) : [];
  };

  const all = oncePerEnv(async (env) =>
    (await collect(await visibleOf(env), metrics)).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
  return {
    visible,
    visibleOf,
    all,
    async one(name, source) {
      const found = (await all()).filter((queue) => queue.name === name && (!source || queue.source === source));
      if (found.length <= 1) return found[0] ?? null;
      const names = found.map((queue) => queue.source).toSorted();
      throw new OpsError(
        "queue_ambiguous",
        `Several sources have a queue of this name; choose one by its source: ${names.join(", ")}`,
      );
    },
    errors: oncePerEnv(async (env) =>
      (await collect(await visibleOf(env), errors)).toSorted((a, b) => (a.timestamp > b.timestamp ? -1 : 1)),
    ),
    async errorGroups(env) {
      const rows = await collect(await visibleOf(env), failures);
      return groupErrors(rows, await releasesFor(rows));
    },
    errorsByQueue: new DataLoader<QueueMetrics, readonly JobErrorGroup[], string>(
      (queues) =>
        Promise.all(
          queues.map(async (queue) => {
            const groups = await ofQueue(errors, queue).catch((error: unknown) => toOpsError(error));
            return groups instanceof Error ? groups : groups.filter((group) => group.queue === queue.name);
          }),
        ),
      { cacheKeyFn: (queue) => `${queue.source}\n${queue.name}` },
    ),
    async releases(queue) {
      const rows = (await ofQueue(failures, queue)).filter((row) => row.queue === queue.name);
      return countReleases(rows, await releasesFor(rows));
    },
    statuses: oncePerEnv(async (env) => {
      const [shown, others] = await Promise.all([
        visibleOf(env).catch(orNone),
        sources.queues.unsupported?.(signal) ?? [],
      ]);
      const read = shown.map((source): QueueSourceStatus => ({
        name: source.name,
        kind: source.kind,
        env: toEnv(source),
        owner: source.owner ?? null,
        place: source.place ?? null,
        numbersOk: async () => (await problemOf(metrics.load(source))) === null,
        numbersError: () => problemOf(metrics.load(source)),
        error: once(async () => {
          const problems = await Promise.all([problemOf(metrics.load(source)), problemOf(failures.load(source))]);
          return problems.find((problem) => problem !== null) ?? null;
        }),
      }));
      const isNamed = maySee(principal, sources.env) && (env === null || env === sources.env);
      const named = isNamed ? others.map((system) => toUnsupported(system, sources.env)) : [];
      return [...read, ...named];
    }),
  };
}

function toUnsupported({ name, kind, reason }: UnsupportedSystem, env: Environment | null): QueueSourceStatus {
  const problem = toProblem(new OpsError("queue_unsupported", `Detected, but not supported, because ${reason}`));
  return {
    name,
    kind,
    env,
    owner: null,
    place: null,
    numbersOk: async () => null,
    numbersError: async () => null,
    error: async () => problem,
  };
}

/** Runs once for each environment of a request, and once for all of them. */
export function oncePerEnv<T>(run: (env: Environment | null) => Promise<T>): (env?: Environment | null) => Promise<T> {
  const runs = new Map<Environment | null, Promise<T>>();
  return (env = null) => {
    const result = runs.get(env) ?? run(env);
    runs.set(env, result);
    return result;
  };
}

const problemOf = (answer: Promise<unknown>) => answer.then(() => null, toProblem);

/** Queries sources in parallel; their failures are separate. */
function bySource<T>(ask: (source: QueueSource) => Promise<readonly T[]>): DataLoader<QueueSource, readonly T[]> {
  return new DataLoader<QueueSource, readonly T[]>((asked) =>
    Promise.all(asked.map((source) => ask(source).catch((error: unknown) => toOpsError(error)))),
  );
}

/** No sources, where nothing is configured. */
function orNone(error: unknown): [] {
  if (error instanceof OpsError && error.unconfigured) return [];
  throw error;
}

/**
 * Results of the sources that answered; queues_unavailable when there are sources and all failed.
 */
async function collect<T>(asked: readonly QueueSource[], loader: DataLoader<QueueSource, readonly T[]>): Promise<T[]> {
  const answers = await loader.loadMany(asked);
  const failures = answers.filter((answer) => answer instanceof Error);
  if (asked.length > 0 && failures.length === asked.length) {
    const reasons = failures.map((failure, index) => `${asked[index]?.name}: ${toOpsError(failure).message}`);
    throw new OpsError("queues_unavailable", `No queue source could be read (${reasons.join("; ")})`, {
      cause: failures[0],
    });
  }
  return answers.flatMap((answer) => (answer instanceof Error ? [] : answer));
}
