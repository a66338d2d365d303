import type * as z from "zod";
import type { ConfiguredOwner } from "./owners.ts";
import type { KindContext, KindSource, QueueKind } from "./system.ts";
import { goodJob } from "./systems/good-job.ts";
import { graphileWorker } from "./systems/graphile-worker/graphile-worker.ts";
import { oban } from "./systems/oban.ts";
import { pgboss } from "./systems/pgboss/pgboss.ts";
import { pgmq } from "./systems/pgmq.ts";
import { que } from "./systems/que.ts";
import { rabbitmq } from "./systems/rabbitmq/rabbitmq.ts";
import { redis } from "./systems/redis/redis.ts";
import { river } from "./systems/river.ts";
import { solidQueue } from "./systems/solid-queue.ts";
import { tableKind } from "./systems/table/table.ts";

/** All supported job systems. To add one, add a file or folder in systems/ and an entry here. */
const kinds = [
  // Sources are detected in this order.
  tableKind,
  river,
  oban,
  solidQueue,
  goodJob,
  que,
  pgmq,
  pgboss,
  graphileWorker,
  rabbitmq,
  redis,
] as const;

/** Their configurations, for QUEUES_FILE. */
export const kindConfigs = kinds.map(({ config }) => config);

/** One source as QUEUES_FILE describes it. */
export type QueueSourceConfig = Readonly<z.infer<(typeof kinds)[number]["config"]>>;

/** The same, for code that handles all of them. */
export const queueKinds = kinds as unknown as readonly QueueKind[];

export function findKind(config: QueueSourceConfig): QueueKind {
  const kind = queueKinds.find((candidate) => candidate.kind === config.kind);
  if (!kind) throw new Error(`There is no kind ${config.kind}`);
  return kind;
}

function toDestination(destination: string | undefined): ConfiguredOwner["destination"] {
  return destination === "" ? null : destination;
}

/** Creates a source. `context.env` applies if it has no environment of its own. */
export function createQueueSource(config: QueueSourceConfig, context: KindContext): KindSource {
  const source = findKind(config).create(config, { ...context, env: config.env ?? context.env });
  const { service, destination } = config;
  return service === undefined ? source : { ...source, owner: { service, destination: toDestination(destination) } };
}
