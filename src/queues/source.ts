import { createCache } from "../lib/cache.ts";
import type { Environment } from "../lib/environment.ts";
import { OpsError } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { type ObserveCall, unobserved } from "../lib/upstream-call.ts";
import type { QueuesFile } from "./config.ts";
import { createDetector } from "./detect.ts";
import { createControlDatabase } from "./jobs/database.ts";
import { createJobControl } from "./jobs/systems.ts";
import { createDatabase, type Database, observeDatabase } from "./postgres/database.ts";
import type { HeavyOptions } from "./postgres/statements.ts";
import type { QueueSource, QueueSources, UnsupportedSystem } from "./queue.ts";
import { createQueueSource, type QueueSourceConfig } from "./registry.ts";
import { createRunTimes } from "./run-times.ts";
import { addSamples, createHistoryRing } from "./sampled-history.ts";
import type { Brokers, KindSource } from "./system.ts";

export interface QueueSourcesOptions extends Partial<QueuesFile> {
  /** Null: no database is searched, and sources configured in it cannot be read. */
  readonly databaseUrl: string | null;
  /** The same database for a role that may change jobs; absent or null: jobs cannot be changed. */
  readonly controlDatabaseUrl?: string | null;
  readonly brokers?: Brokers;
  /** Environment of the sources that have none of their own. */
  readonly env: Environment | null;
  readonly logger: Logger;
  readonly observe?: ObserveCall;
  /** How long a result is shared by all callers, milliseconds. @default 1000 */
  readonly keepMs?: number;
  /** Limits for plans that would scan a huge table. */
  readonly heavy?: HeavyOptions;
}

const noBrokers: Brokers = { rabbitmq: null, redis: null };

interface OpenQueueSources {
  readonly database: Database;
  /** As QueueSources.all, without the caches. */
  all(signal: AbortSignal): Promise<readonly KindSource[]>;
  /** As QueueSources.unsupported. */
  unsupported(signal: AbortSignal): Promise<readonly UnsupportedSystem[]>;
  close(): Promise<void>;
}

/** The queue sources of one database and of the brokers. Each is read at most once in `keepMs`, for all callers. Connects on the first call. */
export function createQueueSources({ keepMs = 1000, ...options }: QueueSourcesOptions): QueueSources {
  const opened = openQueueSources(options);
  const shared = new Map<KindSource, QueueSource>();
  const share = (source: KindSource): QueueSource => {
    const known = shared.get(source) ?? shareAnswers(source, keepMs);
    shared.set(source, known);
    return known;
  };
  return {
    all: async (signal) => (await opened.all(signal)).map(share),
    unsupported: (signal) => opened.unsupported(signal),
    close: () => opened.close(),
  };
}

export function openQueueSources(options: QueueSourcesOptions): OpenQueueSources {
  const { databaseUrl, env, logger, brokers = noBrokers, sources = [], heavy, observe = unobserved } = options;
  const database = databaseUrl === null ? createNoDatabase() : observeDatabase(createDatabase(databaseUrl, logger), observe);
  const controlDatabase = options.controlDatabaseUrl ? createControlDatabase(options.controlDatabaseUrl, logger, observe) : null;
  const opened: KindSource[] = [];
  const open = (config: QueueSourceConfig): KindSource => {
    const source = createQueueSource(config, { database, env, brokers, logger, heavy, observe });
    opened.push(source);
    const control = controlDatabase && createJobControl(config, controlDatabase);
    return control ? { ...source, control } : source;
  };
  const configured = sources.map(open);
  const detector = createDetector({ ...options, sources, brokers, database: databaseUrl === null ? null : database, open });
  const all: OpenQueueSources["all"] = async (signal) => {
    if (databaseUrl === null && sources.length === 0 && Object.values(brokers).every((url) => url === null)) {
      throw new OpsError("queues_unavailable", "DATABASE_URL is not set", { unconfigured: true });
    }
    const detected = await detector.sources(signal).catch((error: unknown) => {
      if (configured.length > 0) return [];
      throw error;
    });
    return [...configured, ...detected];
  };
  return {
    database,
    all,
    async unsupported(signal) {
      const { detect = true, hide = [] } = options;
      if (!detect) return [];
      const found = await all(signal).catch(() => []);
      const beside = await Promise.all(found.map(async (source) => (await source.unsupported?.(signal)) ?? []));
      const systems = new Map([...detector.unsupported(), ...beside.flat()].map((system) => [system.name, system]));
      return [...systems.values()].filter(({ name }) => !hide.includes(name));
    },
    async close() {
      await Promise.allSettled([database.close(), controlDatabase?.close(), ...opened.map((source) => source.close?.())]);
    },
  };
}

function shareAnswers(source: KindSource, keepMs: number): QueueSource {
  const isSampled = !source.history || source.isPastPartial === true;
  const ring = createHistoryRing();
  const runTimes = createRunTimes();
  let triesToLearn = 3;
  /** Runs after the first read, until it succeeds once, 3 tries at most. Without it, a gateway started while a worker hangs would not know the usual run times. */
  const learnRunTimes = async (signal: AbortSignal) => {
    if (!source.usualRuns || triesToLearn === 0) return;
    triesToLearn -= 1;
    runTimes.learn(await source.usualRuns(signal));
    triesToLearn = 0;
  };
  const readMetrics = async (signal: AbortSignal) => {
    const read = await source.metrics(signal);
    await learnRunTimes(signal).catch(() => {});
    const metrics = runTimes.add(read);
    if (isSampled) ring.add(metrics);
    return metrics;
  };
  const readRows = shareHistory(async (...asked) => (await source.history?.(...asked)) ?? new Map(), 2 * keepMs);
  return {
    ...source,
    async history(queues, range, signal) {
      if (!source.history) return ring.history(queues, range);
      const histories = await readRows(queues, range, signal).catch(asOpsError);
      return isSampled ? addSamples(histories, ring.history(queues, range)) : histories;
    },
    metrics: keep(readMetrics, keepMs),
    failures: keep((signal) => source.failures(signal), keepMs),
    ...(source.workerJobs && { workerJobs: keep(async (signal) => source.workerJobs?.(signal) ?? null, keepMs) }),
  };
}

function keep<T>(ask: (signal: AbortSignal) => Promise<T>, keepMs: number): (signal: AbortSignal) => Promise<T> {
  const cached = createCache(ask, keepMs);
  return (signal) => cached(signal).catch(asOpsError);
}

function asOpsError(error: unknown): never {
  if (error instanceof OpsError) throw error;
  // The caller has left while it waited for a shared read.
  throw new OpsError("queues_unavailable", "Gave up waiting: the request has ended", { cause: error });
}

function createNoDatabase(): Database {
  return { read: refuseRead, readAll: refuseRead, close: () => Promise.resolve() };
}

function refuseRead(): Promise<never> {
  return Promise.reject(new OpsError("postgres_unavailable", "DATABASE_URL is not set"));
}

type ReadHistory = NonNullable<QueueSource["history"]>;

/** Larger results are shared only by the callers waiting for them, points. */
const maxCached = 5000;

/**
 * Shares one read between all callers with the same query, while it runs and for `keepMs` after: every panel of a dashboard asks for the same range. Results are
 * cached no longer, because a range that moves with the clock is another query. Failures are not cached.
 */
export function shareHistory(read: ReadHistory, keepMs: number): ReadHistory {
  const asked = new Map<string, (signal: AbortSignal) => ReturnType<ReadHistory>>();
  return (queues, range, signal) => {
    // The order matters: the result is in the order of the queues.
    const key = JSON.stringify([queues, range.from, range.step, range.steps]);
    const forget = () => void asked.delete(key);
    const begin = async (shared: AbortSignal) => {
      try {
        const answer = await read(queues, range, shared);
        if (countPoints(answer) > maxCached) forget();
        else setTimeout(forget, keepMs).unref();
        return answer;
      } catch (error) {
        forget();
        throw error;
      }
    };
    const known = asked.get(key) ?? createCache(begin, keepMs);
    asked.set(key, known);
    return known(signal);
  };
}

function countPoints(answer: Awaited<ReturnType<ReadHistory>>): number {
  return [...answer.values()].reduce((sum, { points }) => sum + points.length, 0);
}
