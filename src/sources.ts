import { type Config, ConfigError } from "./config.ts";
import { toSecrets } from "./config-secrets.ts";
import { protectSecrets } from "./domain/own-secrets.ts";
import { createJobOperations } from "./domain/job-control-operations.ts";
import { createRestarts } from "./domain/restart.ts";
import type { Sources } from "./graphql/context.ts";
import type { Logger } from "./logger.ts";
import { createAuditFile } from "./upstreams/audit/file.ts";
import { createDeploySource } from "./upstreams/deploy/source.ts";
import { createContainerSource } from "./upstreams/docker/source.ts";
import { createHostSource } from "./upstreams/prometheus/source.ts";
import { parseQueuesFile } from "./upstreams/queues/queues-file.ts";
import { type QueueSourcesOptions, createQueueSources } from "./upstreams/queues/source.ts";

export interface OpenSources extends Sources {
  close(): Promise<void>;
}

/** Every upstream of the configuration, whose secrets are kept out of what they tell. Nothing is connected before it is asked. Throws ConfigError for a bad QUEUES_FILE. */
export function createSources(config: Config, logger: Logger): OpenSources {
  protectSecrets(toSecrets(config));
  const containers = createContainerSource({ engines: config.engines, service: config.service, logger });
  const queues = createQueueSources(toQueueOptions(config, logger));
  const hosts = createHostSource({ url: config.prometheusUrl, thresholds: config.thresholds, logger });
  const audit = createAuditFile({ path: config.auditFile, logger });
  const findControl = async (source: string) =>
    (await queues.all(AbortSignal.timeout(5000))).find(({ name }) => name === source)?.control ?? null;
  const jobs = createJobOperations({ audit, find: findControl });
  const restarts = createRestarts({ source: containers, audit, limits: config.restartLimits });
  return {
    containers,
    queues,
    hosts,
    deploy: createDeploySource({ path: config.deployInfoPath, logger }),
    audit,
    restarts,
    jobs,
    thresholds: config.thresholds,
    env: config.env,
    restartEnabled: config.restart,
    jobsEnabled: config.jobs,
    healthExecEnabled: config.healthExec,
    async close() {
      // Their outcomes go into the audit record: that is closed after them.
      await Promise.all([restarts.close(), jobs.close()]);
      await Promise.allSettled([containers.close(), queues.close(), hosts.close(), audit.close()]);
    },
  };
}

/** The queue layer's part of the configuration, its file validated whole. */
export function toQueueOptions(config: Config, logger: Logger): QueueSourcesOptions {
  const { databaseUrl, brokers, queuesFile, env } = config;
  const common = { databaseUrl, controlDatabaseUrl: config.jobs ? config.controlDatabaseUrl : null, brokers, env, logger };
  if (queuesFile === null) return common;
  const parsed = parseQueuesFile(queuesFile.text);
  if (!parsed.ok) throw new ConfigError(parsed.issues.map((issue) => `${queuesFile.path}: ${issue}`));
  const { detect, hide, sources } = parsed;
  return { ...common, detect, hide, sources };
}
