import { createSharedBudget } from "../lib/budget/budget.ts";
import { createCache, createKeyedCache, createSingleFlight } from "../lib/cache.ts";
import type { Environment } from "../lib/environment.ts";
import { OpsError } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { HistoryRange } from "../lib/range.ts";
import { type ObserveCall, unobserved } from "../lib/upstream-call.ts";
import type { QueuesFile } from "./config.ts";
import { type DetectionOptions, detectSystems, mostDetected } from "./detect.ts";
import { createFingerprints } from "./errors.ts";
import { createControlDatabase } from "./jobs/database.ts";
import { escapeNames } from "./jobs/names.ts";
import { createSqlControl } from "./jobs/sql-control.ts";
import { createRunTimes } from "./metrics.ts";
import { createDatabase, createReadLimits, type Database } from "./postgres/database.ts";
import type { HeavyOptions } from "./postgres/statements.ts";
import type { CachedAnswers, QueueMetrics, QueueSource, QueueSources, UnsupportedSystem } from "./queue.ts";
import { createQueueSource, findKind, type QueueSourceConfig } from "./registry.ts";
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
  readonly ttlMs?: number;
  /** Called with the metrics of each read of a source. */
  readonly onRead?: MetricsObserver;
  /** Limits for plans that would scan a huge table. */
  readonly heavy?: HeavyOptions;
}

export type MetricsObserver = (source: Pick<QueueSource, "name" | "env">, metrics: readonly QueueMetrics[]) => void;

/** How long the completed configuration of a control is used, milliseconds. */
const completeMs = 60_000;

const noBrokers: Brokers = { rabbitmq: null, redis: null };

/** A source with its caches. */
export interface OpenSource extends QueueSource, Omit<KindSource, keyof QueueSource> {
  /** Null where one of them would be read. */
  answersCached(): CachedAnswers | null;
}

/** The port, and what `cli check` asks besides. */
export interface OpenQueueSources extends QueueSources {
  readonly database: Database;
  all(signal: AbortSignal): Promise<readonly OpenSource[]>;
  unsupported(signal: AbortSignal): Promise<readonly UnsupportedSystem[]>;
}

/** The queue sources of one database and of the brokers. Each is read at most once in `ttlMs`, for all callers. Connects on the first call. */
export function createQueueSources(options: QueueSourcesOptions): OpenQueueSources {
  const { databaseUrl, env, logger, brokers = noBrokers, sources = [], heavy, observe = unobserved } = options;
  const { detect = true, hide = [], ttlMs = 1000, onRead = () => {} } = options;
  const database = databaseUrl === null ? createNoDatabase() : createDatabase(databaseUrl, logger, observe);
  const controlDatabase = options.controlDatabaseUrl
    ? createControlDatabase(options.controlDatabaseUrl, logger, observe)
    : null;
  const opened: OpenSource[] = [];
  const open = (config: QueueSourceConfig, path?: string): OpenSource => {
    const source = createQueueSource(config, { database, env, brokers, logger, heavy, observe, path });
    const kind = findKind(config);
    const changes = kind.control?.(config);
    const complete = createCache(
      async (signal) => (await kind.prepare?.(config, { database, path }, signal)) ?? config,
      completeMs,
      completeMs,
    );
    const prepare = kind.prepare && (async (signal: AbortSignal) => kind.control?.(await complete(signal)) ?? null);
    const control =
      controlDatabase &&
      changes &&
      createSqlControl({ source: config.name, database: controlDatabase, ...changes, prepare });
    const cached = cacheAnswers(escapeNames(control ? { ...source, control } : source), ttlMs, onRead);
    opened.push(cached);
    return cached;
  };
  const configured = sources.map((config, index) => open(config, `sources[${index}]`));
  const searched = { sources, hide, brokers, database: databaseUrl === null ? null : database };
  const detector = createDetector({ ...searched, detect, open, logger });
  const all: OpenQueueSources["all"] = async (signal) => {
    if (databaseUrl === null && sources.length === 0 && Object.values(brokers).every((url) => url === null)) {
      throw new OpsError("queues_unavailable", "WALLET_CORE_OPS_DATABASE_URL is not set", { unconfigured: true });
    }
    const detected = await detector.sources(signal).catch((error: unknown) => {
      if (configured.length > 0) return [];
      throw error;
    });
    return [...configured, ...detected];
  };
  return {
    database,
    clockSkew: () => database.clockSkew(),
    all,
    async unsupported(signal) {
      if (!detect) return [];
      const found = await all(signal).catch(() => []);
      const beside = await Promise.all(found.map(async (source) => (await source.unsupported?.(signal)) ?? []));
      const systems = new Map([...detector.unsupported(), ...beside.flat()].map((system) => [system.name, system]));
      return [...systems.values()].filter(({ name }) => !hide.includes(name));
    },
    allCached() {
      const detected = detector.known();
      if (!detected) return null;
      const answers = [...configured, ...detected].map((source) => source.answersCached());
      return answers.includes(null) ? null : (answers as CachedAnswers[]);
    },
    async close() {
      await Promise.allSettled([
        database.close(),
        controlDatabase?.close(),
        ...opened.map((source) => source.close?.()),
      ]);
    },
  };
}

interface DetectorOptions extends DetectionOptions {
  readonly open: (config: QueueSourceConfig) => OpenSource;
  readonly logger: Logger;
}

/** Detection runs again after this time, milliseconds: a job system may appear or disappear. */
const againMs = 60_000;

/** A system found again is the same source object, with its state. */
export function createDetector({ open, logger, ...options }: DetectorOptions) {
  const known = new Map<string, OpenSource>();
  let detected: readonly OpenSource[] | null = null;
  let unsupported: readonly UnsupportedSystem[] = [];
  let askAgainAt = 0;
  let logged = { names: "", isCut: false };

  const toSource = (config: QueueSourceConfig): OpenSource => {
    const key = JSON.stringify(config);
    const source = known.get(key) ?? open(config);
    known.set(key, source);
    return source;
  };
  /** Logs changes only: detection runs each minute, mostly with the same result. */
  const logDetected = (found: readonly OpenSource[], isCut: boolean) => {
    const names = found.map(({ name }) => name);
    const isChanged = names.join() !== logged.names;
    if (isChanged && names.length > 0) logger.info({ sources: names }, "queue sources detected");
    if (isChanged && names.length === 0) logger.warn({}, "no queue sources are detected any more");
    if (isCut && (isChanged || !logged.isCut))
      logger.warn({ most: mostDetected }, "more queue sources than are taken: some are left out");
    logged = { names: names.join(), isCut };
  };
  const look = createSingleFlight(async (signal) => {
    const found = await detectSystems(options, signal);
    unsupported = found.unsupported;
    detected = found.configs.map(toSource);
    askAgainAt = performance.now() + againMs;
    logDetected(detected, found.isCut);
    return detected;
  });
  return {
    /** Systems in the database that are not read, as of the last detection. */
    unsupported: () => unsupported,
    /** The detected sources; null before the first detection. */
    known: (): readonly OpenSource[] | null => (options.detect === false ? [] : detected),
    /** The same, detected now where that is due. Rejects while the database has never answered. */
    async sources(signal: AbortSignal): Promise<readonly OpenSource[]> {
      if (options.detect === false) return [];
      const isDue = performance.now() >= askAgainAt;
      if (!detected || (detected.length === 0 && isDue)) return look(signal);
      // Callers get the known sources; detection runs again in the background.
      if (isDue) {
        askAgainAt = performance.now() + againMs;
        look(AbortSignal.timeout(againMs)).catch(() => {});
      }
      return detected;
    },
  };
}

/** One cache for each answer, and what is remembered from one answer to the next: run times, samples, fingerprints. */
function cacheAnswers(source: KindSource, ttlMs: number, onRead: MetricsObserver): OpenSource {
  const isSampled = !source.history || source.isPastPartial === true;
  const ring = createHistoryRing();
  const runTimes = createRunTimes();
  const fingerprints = createFingerprints();
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
    onRead(source, metrics);
    return metrics;
  };
  const readFailures = async (signal: AbortSignal) =>
    fingerprints.addToFailures(await source.failures(signal), createSharedBudget(signal));
  const readRows = source.history && cacheHistories(source.history, 2 * ttlMs);
  const metrics = createCache(readMetrics, ttlMs);
  const failures = createCache(readFailures, ttlMs);
  return {
    ...source,
    answersCached() {
      const [numbers, errors] = [metrics.cached(), failures.cached()];
      return numbers && errors && { source, metrics: numbers, failures: errors };
    },
    async history(queues, range, signal) {
      if (!readRows) return ring.history(queues, range);
      const histories = await readRows(queues, range, signal).catch(asOpsError);
      return isSampled ? addSamples(histories, ring.history(queues, range)) : histories;
    },
    metrics: (signal) => metrics(signal).catch(asOpsError),
    failures: (signal) => failures(signal).catch(asOpsError),
    failedJobs: async (queue, action, signal) => {
      const jobs = (await source.failedJobs?.(queue, action, signal)) ?? null;
      return jobs && fingerprints.addToJobs(jobs, createSharedBudget(signal));
    },
    ...(source.workerJobs && { workerJobs: cacheWorkerJobs(source.workerJobs, ttlMs) }),
  };
}

function cacheWorkerJobs(
  read: NonNullable<KindSource["workerJobs"]>,
  ttlMs: number,
): NonNullable<KindSource["workerJobs"]> {
  const cached = createCache(read, ttlMs);
  return (signal) => cached(signal).catch(asOpsError);
}

type ReadHistory = NonNullable<QueueSource["history"]>;

/** Larger histories are shared only by the callers waiting for them, points. */
const mostCachedPoints = 5000;

/**
 * Every panel of a dashboard asks for the same range. The TTL does not adapt, because a range that moves with the clock is another question. The order of the
 * queues matters: the result is in their order.
 */
export function cacheHistories(read: ReadHistory, ttlMs: number): ReadHistory {
  const countPoints = (histories: Awaited<ReturnType<ReadHistory>>) =>
    [...histories.values()].reduce((sum, { points }) => sum + points.length, 0);
  const cached = createKeyedCache(
    ([queues, { from, step, steps }]: readonly [readonly string[] | null, HistoryRange]) =>
      JSON.stringify([queues, from, step, steps]),
    ([queues, range], signal) => read(queues, range, signal),
    (histories) => (countPoints(histories) > mostCachedPoints ? 0 : ttlMs),
  );
  return (queues, range, signal) => cached([queues, range], signal);
}

function asOpsError(error: unknown): never {
  if (error instanceof OpsError) throw error;
  // The caller has left while it waited for a shared read.
  throw new OpsError("queues_unavailable", "Gave up waiting: the request has ended", { cause: error });
}

const refuseRead = () =>
  Promise.reject(new OpsError("postgres_unavailable", "WALLET_CORE_OPS_DATABASE_URL is not set"));

function createNoDatabase(): Database {
  return {
    read: refuseRead,
    readAll: refuseRead,
    readSingle: refuseRead,
    limits: createReadLimits(),
    clockSkew: () => null,
    close: () => Promise.resolve(),
  };
}
