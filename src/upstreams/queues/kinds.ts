import type * as z from "zod";
import type { KindContext, KindSource, QueueKind } from "./kind.ts";
import { goodJob } from "./kinds/good-job.ts";
import { graphileWorker } from "./kinds/graphile-worker.ts";
import { oban } from "./kinds/oban.ts";
import { pgboss } from "./kinds/pgboss.ts";
import { pgmq } from "./kinds/pgmq.ts";
import { que } from "./kinds/que.ts";
import { solidQueue } from "./kinds/solid-queue.ts";
import { rabbitmq } from "./kinds/rabbitmq.ts";
import { redis } from "./kinds/redis.ts";
import { river } from "./kinds/river.ts";
import { table } from "./kinds/table.ts";

/** Every job system that is known: a new one is a file in kinds/ and a line here. */
export const queueKinds = [table, river, oban, solidQueue, goodJob, que, pgmq, pgboss, graphileWorker, rabbitmq, redis] as const;

/** One source as QUEUES_FILE describes it. */
export type QueueSourceConfig = Readonly<z.infer<(typeof queueKinds)[number]["config"]>>;

export function createQueueSource(config: QueueSourceConfig, context: KindContext): KindSource {
  const kind = queueKinds.find((candidate) => candidate.kind === config.kind) as QueueKind | undefined;
  if (!kind) throw new Error(`There is no kind ${config.kind}`);
  return kind.create(config, context);
}
