import { createSharedBudget } from "../lib/budget/budget.ts";
import { type Steps, takeSteps } from "../lib/budget/steps.ts";
import { createCache, createKeyedCache, createSingleFlight } from "../lib/cache.ts";
import { toClockSkew } from "../lib/clock-skew.ts";
import type { Environment } from "../lib/environment.ts";
import { OpsError, toOpsError } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { createPatience } from "../lib/patience.ts";
import type { HistoryRange } from "../lib/range.ts";
import { type ObserveCall, unobserved } from "../lib/upstream-call.ts";
import type { QueuesFile } from "./config.ts";
import {
  detectBrokers,
  type DetectionOptions,
  detectSystems,
  mostDetected,
  toFreeName,
  toPlacedName,
} from "./detect.ts";
import { createDuplicates } from "./duplicates.ts";
import { createFingerprints } from "./errors.ts";
import { createLatestFailures } from "./latest-failure.ts";
import { type ControlDatabase, createControlDatabase } from "./jobs/database.ts";
import { createSameDatabase } from "./jobs/same-database.ts";
import { escapeNames } from "./jobs/names.ts";
import { createSqlControl } from "./jobs/sql-control.ts";
import { createRunTimes } from "./metrics.ts";
import { createDatabase, createReadLimits, type Database } from "./postgres/database.ts";
import type { HeavyOptions } from "./postgres/statements.ts";
import {
  describePlaces,
  findPlace,
  listPlaces,
  nameOnlyPlace,
  type Places,
  type PlaceUrls,
  toPlaceName,
} from "./places.ts";
import {
  type CachedAnswers,
  noRunningJobs,
  type PastSearch,
  type QueueMetrics,
  type QueueSource,
  type QueueSources,
  type UnsupportedSystem,
} from "./queue.ts";
import { createQueueSource, findKind, type QueueSourceConfig } from "./registry.ts";
import { addSamples, createHistoryRing } from "./sampled-history.ts";
import type { KindSource } from "./system.ts";
import { createUntaken } from "./untaken.ts";

export interface QueueSourcesOptions extends Partial<QueuesFile> {
  /** If null, no database is searched, and sources configured in a database cannot be read. */
  readonly databaseUrl: PlaceUrls;
  /**
   * The same databases, with roles that may change jobs. The jobs of a database without such a URL
   * cannot be changed. @default null
   */
  readonly controlDatabaseUrl?: PlaceUrls;
  readonly brokers?: Places["brokers"];
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

export type MetricsObserver = (
  source: Pick<QueueSource, "name" | "env">,
  metrics: readonly QueueMetrics[],
) => Steps<void>;

/** How long the completed configuration of a control is used, milliseconds. */
const completeMs = 60_000;

const noBrokers: Places["brokers"] = { rabbitmq: null, redis: null };

/** A database with its own connections and limits. */
interface OpenDatabase {
  /** Null where databases have no names. */
  readonly name: string | null;
  readonly database: Database;
  /** Null where its jobs cannot be changed. */
  readonly control: (ControlDatabase & { readonly isSame: (signal: AbortSignal) => Promise<void> }) | null;
}

/** A source with its caches. */
export interface OpenSource extends QueueSource, Omit<KindSource, keyof QueueSource> {
  /** Null where none is configured for it, and for a broker's source. */
  readonly database: OpenDatabase | null;
  /** The name of the source that reads the same under another name; this source is not read. */
  readonly duplicateOf?: string;
  /** Null if one of the answers would have to be read. */
  answersCached(): CachedAnswers | null;
}

/** The port, with what `cli check` needs in addition. */
export interface OpenQueueSources extends QueueSources {
  readonly databases: readonly OpenDatabase[];
  all(signal: AbortSignal): Promise<readonly OpenSource[]>;
  unsupported(signal: AbortSignal): Promise<readonly UnsupportedSystem[]>;
}

/**
 * The queue sources of the databases and the brokers. Each is read at most once in `ttlMs`, for all
 * callers. Connects on the first call.
 */
export function createQueueSources(options: QueueSourcesOptions): OpenQueueSources {
  const { databaseUrl, controlDatabaseUrl = null, env, logger, brokers = noBrokers, heavy } = options;
  const { detect = true, hide = [], ttlMs = 1000, onRead = function* () {}, observe = unobserved } = options;
  const places: Places = { databaseUrl, brokers };
  const sources = (options.sources ?? []).map((config) => nameOnlyPlace(config, places));
  const controls = listPlaces(controlDatabaseUrl);
  const databases = listPlaces(databaseUrl).map(({ name, url }): OpenDatabase => {
    const given = controls.find((place) => place.name === name);
    const database = createDatabase(url, toPlaceLogger(logger, name), observe);
    const control = given && createControlDatabase(given.url, toPlaceLogger(logger, name), observe);
    return {
      name,
      database,
      control: control ? { ...control, isSame: createSameDatabase(database, control, name) } : null,
    };
  });
  const isAlone = databases.length + Object.values(brokers).flatMap(listPlaces).length <= 1;
  const noDatabase = createNoDatabase();
  const opened: OpenSource[] = [];
  const open = (config: QueueSourceConfig, path?: string): OpenSource => {
    const kind = findKind(config);
    const isBroker = describePlaces(config.kind, places).key === "broker";
    const own = isBroker ? null : findPlace(config, databases);
    const database = own?.database ?? noDatabase;
    const urls = {
      rabbitmq: findPlace(config, listPlaces(brokers.rabbitmq))?.url ?? null,
      redis: findPlace(config, listPlaces(brokers.redis))?.url ?? null,
    };
    const made = createQueueSource(config, { database, env, brokers: urls, logger, heavy, observe, path });
    const source = { ...made, place: toPlaceName(config) };
    const changes = kind.control?.(config);
    const complete = createCache(
      async (signal) => (await kind.prepare?.(config, { database, path }, signal)) ?? config,
      completeMs,
      completeMs,
    );
    const prepare = async (signal: AbortSignal) => {
      await own?.control?.isSame(signal);
      return kind.prepare ? (kind.control?.(await complete(signal)) ?? null) : null;
    };
    const control =
      own?.control && changes && createSqlControl({ source: config.name, database: own.control, ...changes, prepare });
    const readOnly =
      own && !control && changes && controls.length > 0
        ? `WALLET_CORE_OPS_CONTROL_DATABASE_URL has no role for the database ${own.name}`
        : undefined;
    const escaped = escapeNames({ ...source, ...(control && { control }), ...(readOnly && { readOnly }) });
    const cached = { database: own, ...cacheAnswers(escaped, { ttlMs, onRead, isAlone }) };
    opened.push(cached);
    return cached;
  };
  const configured = sources.map((config, index) => open(config, `sources[${index}]`));
  const common = { sources, hide, detect, open, isAlone };
  const taken = detectBrokers(brokers).map(({ name }) => name);
  const ofBrokers = createDetector({ ...common, brokers, database: null, logger });
  const ofDatabases = databases.map((at) => {
    const found = { database: at.database, place: at.name, taken, logger: toPlaceLogger(logger, at.name) };
    return { at, detector: createDetector({ ...common, brokers: noBrokers, ...found }) };
  });
  const detectors = [ofBrokers, ...ofDatabases.map(({ detector }) => detector)];
  /** The placeholder for a database that has never answered. */
  const toSilent = (at: OpenDatabase, error: unknown): OpenSource => {
    const name = toFreeName(at.name ?? "postgres", new Set([...sources.map((source) => source.name), ...taken]));
    const about = { name, kind: "postgres", env, place: at.name, isUnsearched: true, database: at };
    return createFailingSource(about, error);
  };
  const findDuplicates = createDuplicates<OpenSource>();
  const refused = new Map<OpenSource, OpenSource>();
  /** A duplicate is not read, because its jobs would count twice. */
  const toRefused = (source: OpenSource, first: OpenSource): OpenSource => {
    const known = refused.get(source);
    if (known?.duplicateOf === first.name) return known;
    const made = createDuplicate(source, first, describePlaces(source.kind, places).variable);
    refused.set(source, made);
    return made;
  };
  const all: OpenQueueSources["all"] = async (signal) => {
    if (databases.length === 0 && sources.length === 0 && Object.values(brokers).every((urls) => urls === null)) {
      throw new OpsError("queues_unavailable", "WALLET_CORE_OPS_DATABASE_URL is not set", { unconfigured: true });
    }
    const [found, ...others] = await Promise.all([
      ofBrokers.sources(signal),
      ...ofDatabases.map(async ({ at, detector }) => {
        try {
          return await detector.sources(signal);
        } catch (error) {
          signal.throwIfAborted();
          if (isAlone && configured.length === 0) throw error;
          // If the database has no name, a configured source in it shows the outage.
          const isShown = at.name === null && configured.some(({ database }) => database === at);
          return isShown ? [] : [toSilent(at, error)];
        }
      }),
    ]);
    const listed = [...configured, ...found, ...others.flat()];
    const duplicates = await findDuplicates(listed, signal);
    if (duplicates.size === 0) return listed;
    return listed.map((source) => {
      const first = duplicates.get(source);
      return first ? toRefused(source, first) : source;
    });
  };
  return {
    databases,
    databaseClocks: () =>
      databases.map(({ name, database }) => {
        const offset = database.clockOffset();
        return { name: name === null ? "queues" : `queues:${name}`, clockSkew: offset && toClockSkew(offset) };
      }),
    all,
    async unsupported(signal) {
      if (!detect) return [];
      const found = await all(signal).catch(() => []);
      const beside = await Promise.all(
        found.map(async ({ place = null, ...source }) =>
          ((await source.unsupported?.(signal)) ?? []).map((system) => ({
            ...system,
            name: toPlacedName(system.name, place),
          })),
        ),
      );
      const tables = detectors.flatMap((detector) => detector.unsupported());
      const systems = new Map([...tables, ...beside.flat()].map((system) => [system.name, system]));
      return [...systems.values()].filter(({ name }) => !hide.includes(name));
    },
    allCached() {
      const detected = detectors.map((detector) => detector.known());
      if (detected.includes(null) || refused.size > 0) return null;
      const answers = [...configured, ...detected.flatMap((found) => found ?? [])].map((source) =>
        source.answersCached(),
      );
      return answers.includes(null) ? null : (answers as CachedAnswers[]);
    },
    async close() {
      await Promise.allSettled([
        ...databases.flatMap(({ database, control }) => [database.close(), control?.close()]),
        ...opened.map((source) => source.close?.()),
      ]);
    },
  };
}

/** A source whose reads all fail with this error. */
function createFailingSource(
  about: Pick<OpenSource, "name" | "kind" | "env" | "database"> & Partial<OpenSource>,
  error: unknown,
): OpenSource {
  const { code, message } = toOpsError(error);
  const fail = () => Promise.reject(new OpsError(code, message, { cause: error, upstream: `queues:${about.name}` }));
  const reads = { metrics: fail, failures: fail, history: fail, running: fail, workerJobs: fail };
  const jobs = { find: fail, page: fail, attempts: fail };
  return { tables: [], ...about, ...reads, jobs, answersCached: () => null };
}

function createDuplicate(source: OpenSource, first: OpenSource, variable: string): OpenSource {
  // A caller who may see one environment must learn nothing about the sources of another.
  const other = first.env === source.env ? `${first.name}, under the name ${first.place},` : "Another source";
  const same = source.database === null ? "jobs" : "table";
  const message = `${other} reads the same ${same}, which would count twice: give each database and broker one name in ${variable}, or hide one of these sources`;
  const { name, kind, env, owner, place, database } = source;
  const about = { name, kind, env, ...(owner && { owner }), place: place ?? null, database };
  const refusal = { duplicateOf: first.name, readOnly: message };
  return createFailingSource({ ...about, ...refusal }, new OpsError("queue_duplicate", message));
}

/** A logger that adds the name of the database, if it has one, to each line. */
function toPlaceLogger(logger: Logger, database: string | null): Logger {
  if (database === null) return logger;
  return {
    debug: (fields, message) => logger.debug({ database, ...fields }, message),
    info: (fields, message) => logger.info({ database, ...fields }, message),
    warn: (fields, message) => logger.warn({ database, ...fields }, message),
    error: (fields, message) => logger.error({ database, ...fields }, message),
  };
}

interface DetectorOptions extends DetectionOptions {
  readonly open: (config: QueueSourceConfig) => OpenSource;
  readonly logger: Logger;
  /** Whether nothing but this database is read. @default true */
  readonly isAlone?: boolean;
}

/** Detection runs again after this time, milliseconds: a job system may appear or disappear. */
const againMs = 60_000;

/** Detects sources. A system that is found again keeps its source object with its state. */
export function createDetector({ open, logger, isAlone = true, ...options }: DetectorOptions) {
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
  const detect = createSingleFlight(async (signal) => {
    const found = await detectSystems(options, signal);
    unsupported = found.unsupported;
    detected = found.configs.map(toSource);
    askAgainAt = performance.now() + againMs;
    logDetected(detected, found.isCut);
    return detected;
  });
  const look = isAlone ? detect : createPatience(detect);
  return {
    /** Systems in the database that are not read, as of the last detection. */
    unsupported: () => unsupported,
    /** The detected sources; null before the first detection. */
    known: (): readonly OpenSource[] | null => (options.detect === false ? [] : detected),
    /**
     * The detected sources, after a new detection where that is due. Rejects while the database has
     * never answered.
     */
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

interface CacheOptions extends Required<Pick<QueueSourcesOptions, "ttlMs" | "onRead">> {
  /** Whether no source of another place has to wait for this one. */
  readonly isAlone: boolean;
}

/**
 * One cache for each answer, and what is remembered from one answer to the next: run times,
 * samples, fingerprints.
 */
function cacheAnswers(source: KindSource, { ttlMs, onRead, isAlone }: CacheOptions): Omit<OpenSource, "database"> {
  const isSampled = !source.history || source.isPastPartial === true;
  const ring = createHistoryRing();
  const runTimes = createRunTimes();
  const untaken = createUntaken();
  const latestFailures = createLatestFailures();
  const fingerprints = createFingerprints();
  let triesToLearn = 3;
  /**
   * Runs after the first read, until it succeeds once, 3 tries at most. Without it, a gateway
   * started while a worker hangs would not know the usual run times.
   */
  const learnRunTimes = async (signal: AbortSignal) => {
    if (!source.usualRuns || triesToLearn === 0) return;
    triesToLearn -= 1;
    runTimes.learn(await source.usualRuns(signal));
    triesToLearn = 0;
  };
  const readMetrics = async (signal: AbortSignal) => {
    const read = await source.metrics(signal);
    await learnRunTimes(signal).catch(() => {});
    // A broker may have tens of thousands of queues.
    const budget = createSharedBudget(signal);
    await budget.turn();
    const timed = runTimes.add(read);
    await budget.turn();
    const waiting = untaken.add(timed);
    await budget.turn();
    const metrics = latestFailures.add(waiting);
    await budget.turn();
    if (isSampled) ring.add(metrics);
    await takeSteps(onRead(source, metrics), budget);
    return metrics;
  };
  const readFailures = async (signal: AbortSignal) =>
    fingerprints.addToFailures(await source.failures(signal), createSharedBudget(signal));
  const { pastFailures, ...others } = source;
  const readPast = pastFailures && cachePast(pastFailures);
  const readWorkers = source.workerJobs && createCache(source.workerJobs, ttlMs);
  const readRows = source.history && cacheHistories(source.history, 2 * ttlMs);
  const readRowsOn = source.historyOn && cacheHistoriesOn(source.historyOn, 2 * ttlMs);
  const readWorkersSince =
    source.workersSince &&
    createKeyedCache(
      (from: number) => String(from),
      source.workersSince,
      () => 2 * ttlMs,
    );
  const metrics = createCache(readMetrics, ttlMs);
  const failures = createCache(readFailures, ttlMs);
  const patient = isAlone ? null : { metrics: createPatience(metrics), failures: createPatience(failures) };
  const { metrics: askMetrics, failures: askFailures } = patient ?? { metrics, failures };
  const isSilent = () => patient?.metrics.isSilent() ?? false;
  /**
   * Fails for a silent source as its metrics do, because a read of several sources waits for all of
   * them.
   */
  const checkSilence = async (signal: AbortSignal) => {
    if (isSilent()) await askMetrics(signal).catch(asOpsError);
  };
  return {
    ...others,
    answersCached() {
      const [numbers, errors] = [metrics.cached(), failures.cached()];
      return numbers && errors && { source, metrics: numbers, failures: errors };
    },
    async history(queues, range, signal) {
      if (!readRows) return ring.history(queues, range);
      await checkSilence(signal);
      const histories = await readRows(queues, range, signal).catch(asOpsError);
      return isSampled ? addSamples(histories, ring.history(queues, range)) : histories;
    },
    ...(readRowsOn && {
      historyOn: async (hosts, queues, range, signal) => {
        await checkSilence(signal);
        return readRowsOn(hosts, queues, range, signal).catch(asOpsError);
      },
    }),
    ...(readWorkersSince && {
      workersSince: async (from, signal) => {
        await checkSilence(signal);
        return readWorkersSince(from, signal).catch(asOpsError);
      },
    }),
    metrics: (signal) => askMetrics(signal).catch(asOpsError),
    failures: (signal) => askFailures(signal).catch(asOpsError),
    ...(readPast && {
      pastFailures: async (search, signal) => {
        await checkSilence(signal);
        return readPast(search, signal).catch(asOpsError);
      },
    }),
    ...(source.running && {
      running: async (hosts, signal) => {
        await checkSilence(signal);
        return (await source.running?.(hosts, signal)) ?? noRunningJobs;
      },
    }),
    ...(source.unsupported && {
      unsupported: async (signal) => (isSilent() ? [] : ((await source.unsupported?.(signal)) ?? [])),
    }),
    failedJobs: async (queue, action, signal) => {
      const jobs = (await source.failedJobs?.(queue, action, signal)) ?? null;
      return jobs && fingerprints.addToJobs(jobs, createSharedBudget(signal));
    },
    ...(readWorkers && {
      workerJobs: async (signal) => {
        await checkSilence(signal);
        return readWorkers(signal).catch(asOpsError);
      },
    }),
  };
}

type ReadHistory = NonNullable<QueueSource["history"]>;
type ReadHistoryOn = NonNullable<QueueSource["historyOn"]>;

/** Histories with more points are shared only by the callers that wait for them. */
const mostCachedPoints = 5000;

/**
 * Caches histories, because every panel of a dashboard asks for the same range. The TTL does not
 * adapt, because a range that moves with the clock has another key. The order of the queues is part
 * of the key, because the result is in their order.
 */
export function cacheHistories(read: ReadHistory, ttlMs: number): ReadHistory {
  const cached = cacheHistoriesOn((_hosts, queues, range, signal) => read(queues, range, signal), ttlMs);
  return (queues, range, signal) => cached([], queues, range, signal);
}

function cacheHistoriesOn(read: ReadHistoryOn, ttlMs: number): ReadHistoryOn {
  const countPoints = (histories: Awaited<ReturnType<ReadHistoryOn>>) =>
    [...histories.values()].reduce((sum, { points }) => sum + points.length, 0);
  const cached = createKeyedCache(
    ([hosts, queues, { from, step, steps }]: readonly [readonly string[], readonly string[] | null, HistoryRange]) =>
      JSON.stringify([hosts, queues, from, step, steps]),
    ([hosts, queues, range], signal) => read(hosts, queues, range, signal),
    (histories) => (countPoints(histories) > mostCachedPoints ? 0 : ttlMs),
  );
  return (hosts, queues, range, signal) => cached([hosts, queues, range], signal);
}

/**
 * How long past failures are cached, milliseconds: only jobs that are retried or removed change
 * them.
 */
const pastMs = 300_000;

/** A search that failed after this long is not tried again for a while, milliseconds. */
const slowPastMs = 500;
const restMs = 60_000;

/**
 * Caches the failures that a kind finds, but only those with the fingerprint of a requested error.
 * A search that took too long would do so again, so its error is repeated for a while.
 */
export function cachePast(read: NonNullable<KindSource["pastFailures"]>): NonNullable<QueueSource["pastFailures"]> {
  const fingerprints = createFingerprints();
  let slow: { readonly error: Error; readonly at: number } | null = null;
  const search = createKeyedCache(
    ({ errors, until }: PastSearch) => JSON.stringify([until, errors.map(({ fingerprint }) => fingerprint).toSorted()]),
    async (asked, signal) => {
      const begin = performance.now();
      const { failures, isWhole } = await read(asked, signal).catch((error: unknown) => {
        const now = performance.now();
        if (now - begin >= slowPastMs && !signal.aborted) slow = { error: error as Error, at: now };
        throw error;
      });
      const wanted = new Set(asked.errors.map(({ fingerprint }) => fingerprint));
      const found = await fingerprints.addToFound(failures, createSharedBudget(signal));
      return { failures: found.filter(({ fingerprint }) => wanted.has(fingerprint)), isWhole };
    },
    () => pastMs,
  );
  return (wanted, signal) =>
    slow && performance.now() - slow.at < restMs ? Promise.reject(slow.error) : search(wanted, signal);
}

function asOpsError(error: unknown): never {
  if (error instanceof OpsError) throw error;
  // The caller left while it waited for a shared read.
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
    clockOffset: () => null,
    close: () => Promise.resolve(),
  };
}
