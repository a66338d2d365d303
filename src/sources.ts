import { type AnchorWriter, createAnchorWriter } from "./audit/anchor-writer.ts";
import { createAuditFile } from "./audit/file/file.ts";
import type { Ledger } from "./audit/ledger.ts";
import { createLocalLedger } from "./audit/local.ts";
import { createPostgresLedger } from "./audit/postgres/ledger.ts";
import { type RecordWatch, watchRecord } from "./audit/watch.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/reader.ts";
import { toSecrets } from "./config/secrets.ts";
import { createContainerSource } from "./containers/docker/source.ts";
import { createOwnServices } from "./containers/own-services.ts";
import { createHealthProbes } from "./containers/health-probes.ts";
import { toContainerEnv } from "./containers/kamal/environment.ts";
import { createRestarts } from "./containers/restart/restart.ts";
import { createDeployMemory } from "./deploys/fate.ts";
import type { DeploySource } from "./deploys/deploy.ts";
import { createDeploySource } from "./deploys/files/source.ts";
import { createDeployStore } from "./deploys/postgres/store.ts";
import { createSharedDeploySource } from "./deploys/shared.ts";
import type { Sources } from "./graphql/sources.ts";
import { pause, withDeadline } from "./lib/abort.ts";
import { once } from "./lib/cache.ts";
import type { Environment } from "./lib/environment.ts";
import type { Logger } from "./lib/logger.ts";
import { protectSecrets } from "./lib/redact/secrets.ts";
import { type ObserveCall, unobserved } from "./lib/upstream-call.ts";
import { createHostSource } from "./prometheus/source.ts";
import { parseQueuesFile } from "./queues/config.ts";
import { createJobOperations } from "./queues/jobs/operations.ts";
import { createOwnerMemory } from "./queues/owner-memory.ts";
import { findSource } from "./queues/queue.ts";
import { createQueueSources, type QueueSourcesOptions } from "./queues/source.ts";
import type { ServiceGroup } from "./releases/service-group.ts";
import { createStateDatabase } from "./state/database.ts";
import { createContainerRecorder, createTimelineMemory, observeHosts, observeQueues } from "./timeline/memory.ts";
import { createTimelineStore } from "./timeline/postgres/store.ts";
import { createSharedTimeline } from "./timeline/shared.ts";
import { createLogHistory } from "./victorialogs/source.ts";

export interface OpenSources extends Sources {
  readonly audit: Ledger;
  /** Whether actions can be recorded; it must be started. */
  readonly record: Pick<RecordWatch, "canRecord" | "start">;
  readonly anchors: AnchorWriter;
  /** Called when the gateway stops. A request that waits for an action is answered within 8.5 s. */
  drain(): void;
  /** Waits for the outcomes of the actions that were begun. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Every configured upstream; their secrets are redacted from output. Connects on first use. Throws
 * ConfigError for a bad QUEUES_FILE.
 */
export function createSources(config: Config, logger: Logger, observe: ObserveCall = unobserved): OpenSources {
  protectSecrets(toSecrets(config));
  // Default environment: that of the engine, else ours.
  const engines = config.engines.map((engine) => ({ ...engine, env: engine.env ?? config.env }));
  const deploy = createDeploySource({
    path: config.deployInfoPath,
    kamalAuditPath: config.kamalAuditLog,
    toEnv: (said) => toDeployEnv(said, config),
    logger,
    observe,
  });
  const { stateUrl, stateDays } = config;
  const shared = stateUrl === null ? null : shareReads(stateUrl, stateDays, deploy, logger, observe);
  const timeline = shared?.timeline ?? createTimelineMemory();
  const observer = createContainerRecorder(timeline);
  const containers = createContainerSource({
    engines,
    rules: config.containers,
    cgroupRoot: config.cgroupRoot,
    logger,
    observe,
    observer,
  });
  const queues = createQueueSources({
    ...toQueueOptions(config, logger),
    observe,
    onRead: observeQueues(timeline, config.env),
  });
  const hosts = createHostSource({
    url: config.prometheusUrl,
    isGiven: config.given.prometheusUrl,
    thresholds: config.thresholds,
    logger,
    observe,
    onReport: observeHosts(timeline, config.env),
  });
  const { logHistoryUrl, containers: rules } = config;
  const logHistory = logHistoryUrl === null ? null : createLogHistory({ url: logHistoryUrl, rules, logger, observe });
  const opened = createLedger(config, logger, observe);
  const record = watchRecord(opened, logger);
  const { ledger } = record;
  const anchors = createAnchorWriter({ ledger, target: config.auditAnchor, logger });
  const findControl = async (source: string) => {
    const signal = AbortSignal.timeout(5000);
    return (await findSource(await queues.all(signal), source, signal))?.control ?? null;
  };
  const jobs = createJobOperations({ ledger, find: findControl });
  const restarts = createRestarts({ source: containers, ledger, limits: config.restartLimits });
  const probes = createHealthProbes({ source: containers, ledger });
  const hasActions = config.restart || config.jobs || config.healthExec;
  const stopAdopting = stateUrl !== null && hasActions ? startAdopting([restarts, jobs, probes]) : () => {};
  const settle = once(async () => {
    stopAdopting();
    // Outcomes are written to the audit record, so it closes after them.
    await Promise.all([restarts.close(), jobs.close(), probes.close()]);
    await Promise.all([anchors.close(), record.stop()]);
  });
  return {
    containers,
    logHistory,
    queues,
    hosts,
    containerHistory: hosts,
    deploy: shared?.deploys ?? deploy,
    deployMemory: createDeployMemory(),
    queueOwners: createOwnerMemory(),
    timeline,
    audit: ledger,
    record,
    anchors,
    restarts,
    jobs,
    probes,
    databaseClocks: () => [
      ...(shared ? [{ name: "state", clockSkew: shared.clockSkew() }] : []),
      ...(queues.databaseClocks?.() ?? []),
    ],
    thresholds: config.thresholds,
    env: config.env,
    services: config.containers.services,
    isProductConfigured: config.given.product,
    isOwnService: createOwnServices(config.containers, containers),
    restartEnabled: config.restart,
    jobsEnabled: config.jobs,
    healthExecEnabled: config.healthExec,
    drain() {
      restarts.drain();
      jobs.drain();
    },
    settle,
    async close() {
      await settle();
      const connections = [containers, queues, hosts, logHistory, opened, shared];
      await withDeadline(closeMs, () => Promise.allSettled(connections.map(async (one) => one?.close()))).catch(
        () => {},
      );
    },
  };
}

/** In the database that several gateways share, or in this process and its file. */
function createLedger(config: Config, logger: Logger, observe: ObserveCall): Ledger & { close(): Promise<void> } {
  if (config.stateUrl !== null) return createPostgresLedger({ url: config.stateUrl, logger, observe });
  const audit = createAuditFile({ path: config.auditFile, logger });
  return { ...createLocalLedger({ audit }), close: () => audit.close() };
}

/** What several gateways observe, and the deploys that they read, in their database. */
function shareReads(url: string, days: number, deploy: DeploySource, logger: Logger, observe: ObserveCall) {
  const database = createStateDatabase({ url, logger, connections: 1, observe });
  const timeline = createSharedTimeline({ store: createTimelineStore(database, logger), logger, days });
  const deploys = createSharedDeploySource({ source: deploy, store: createDeployStore(database), logger, days });
  const stops = [timeline.start(), deploys.start()];
  return {
    timeline,
    deploys,
    clockSkew: () => database.clockSkew(),
    async close() {
      await Promise.all(stops.map((stop) => stop()));
      await database.close();
    },
  };
}

/**
 * How long the upstreams' connections may take to close, ms: a silent peer would take longer than
 * its own deadline.
 */
const closeMs = 1000;

/** How often to look for open actions of gateways that died, ms. */
const adoptMs = 2000;

/**
 * Takes over what other gateways left open. If the record cannot be reached, the next round tries
 * again.
 */
function startAdopting(actions: readonly { adopt(): Promise<void> }[]): () => void {
  const stop = new AbortController();
  const look = async () => {
    while (await pause(adoptMs, stop.signal)) for (const action of actions) await action.adopt().catch(() => {});
  };
  void look();
  return () => stop.abort();
}

/**
 * The environment of a container with only these labels: by destination and service, else from the
 * configuration.
 */
function toDeployEnv(
  { service, destination }: Pick<ServiceGroup, "service" | "destination">,
  config: Config,
): Environment | null {
  const labels = { ...(service && { service }), ...(destination && { destination }) };
  const raw = { labels, name: "", state: "", variables: {} };
  return toContainerEnv(raw, { env: config.env, rules: config.containers });
}

/** The queue layer's options, with its file fully validated. */
export function toQueueOptions(config: Config, logger: Logger): QueueSourcesOptions {
  const { databaseUrl, brokers, queuesFile, env } = config;
  const common = {
    databaseUrl,
    controlDatabaseUrl: config.jobs ? config.controlDatabaseUrl : null,
    brokers,
    env,
    logger,
  };
  if (queuesFile === null) return common;
  const parsed = parseQueuesFile(queuesFile.text, { databaseUrl, brokers });
  if (!parsed.ok)
    throw new ConfigError(parsed.issues.map((issue) => `WALLET_CORE_OPS_QUEUES_FILE: ${queuesFile.path}: ${issue}`));
  const { detect, hide, sources } = parsed;
  return { ...common, detect, hide, sources };
}
