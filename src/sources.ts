import { type Config, ConfigError } from "./config.ts";
import { toSecrets } from "./config-secrets.ts";
import { protectSecrets } from "./domain/own-secrets.ts";
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
  const restarts = createRestarts({ source: containers, audit, limits: config.restartLimits });
  return {
    containers,
    queues,
    hosts,
    deploy: createDeploySource({ path: config.deployInfoPath, logger }),
    audit,
    restarts,
    thresholds: config.thresholds,
    env: config.env,
    restartEnabled: config.restart,
    healthExecEnabled: config.healthExec,
    async close() {
      // Their outcomes go into the audit record: that is closed after them.
      await restarts.close();
      await Promise.allSettled([containers.close(), queues.close(), hosts.close(), audit.close()]);
    },
  };
}

/** The queue layer's part of the configuration, its file validated whole. */
export function toQueueOptions({ databaseUrl, brokers, queuesFile, env }: Config, logger: Logger): QueueSourcesOptions {
  if (queuesFile === null) return { databaseUrl, brokers, env, logger };
  const parsed = parseQueuesFile(queuesFile.text);
  if (!parsed.ok) throw new ConfigError(parsed.issues.map((issue) => `${queuesFile.path}: ${issue}`));
  const { detect, hide, sources } = parsed;
  return { databaseUrl, brokers, detect, hide, sources, env, logger };
}
