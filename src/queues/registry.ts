import type * as z from "zod";
import type { KindContext, KindSource, QueueKind } from "./system.ts";
import { goodJob } from "./systems/good-job.ts";
import { graphileWorker } from "./systems/graphile-worker/graphile-worker.ts";
import { oban } from "./systems/oban.ts";
import { pgboss } from "./systems/pgboss/pgboss.ts";
import { pgmq } from "./systems/pgmq.ts";
import { que } from "./systems/que.ts";
import { rabbitmq } from "./systems/rabbitmq/rabbitmq.ts";
import { redis } from "./systems/redis/redis.ts";
import { river } from "./systems/river/river.ts";
import { solidQueue } from "./systems/solid-queue.ts";
import { table } from "./systems/table/table.ts";

/** All supported job systems. To add one, add a file in systems/ and an entry here. */
export const queueKinds = [table, river, oban, solidQueue, goodJob, que, pgmq, pgboss, graphileWorker, rabbitmq, redis] as const;

/** One source as QUEUES_FILE describes it. */
export type QueueSourceConfig = Readonly<z.infer<(typeof queueKinds)[number]["config"]>>;

export function createQueueSource(config: QueueSourceConfig, context: KindContext): KindSource {
  const kind = queueKinds.find((candidate) => candidate.kind === config.kind) as QueueKind | undefined;
  if (!kind) throw new Error(`There is no kind ${config.kind}`);
  return kind.create(config, context);
}
