import * as z from "zod";
import { createSingleFlight } from "../../../lib/cache.ts";
import { OpsError } from "../../../lib/errors.ts";
import type { QueueMetrics } from "../../queue.ts";
import { common, defineKind, type KindContext, type KindSource } from "../../system.ts";
import { createRabbitmqReader } from "./read.ts";

const queueName = z.string().min(1, "must not be empty").max(255);

export const rabbitmqConfig = z.strictObject({
  ...common,
  kind: z.literal("rabbitmq"),
  /** Read only this virtual host. @default all that the user may see: queues outside of "/" are then named "<vhost>/<queue>" */
  vhost: z.string().min(1, "must not be empty").max(255).optional(),
  /** Queues to list even if never seen. */
  names: z.array(queueName).max(1000).optional(),
  /** Only queues whose names begin with one of these. @default all but the internal queues of Celery's workers: `celeryev.*`, `*.pidbox` */
  include: z.array(queueName).max(100).optional(),
  /** No queues whose names begin with one of these. */
  exclude: z.array(queueName).max(100).optional(),
});

/**
 * Queues of RabbitMQ (tested with 4.0), read from its management API. Depths are at most one statistics interval of the broker old (5 s), consumers and rates two.
 * Leaves out streams (their messages stay after reading), exclusive queues (they belong to one connection), and Celery's internal ones. There are no error texts;
 * failures are arrivals in dead letter queues.
 */
export const rabbitmq = defineKind<typeof rabbitmqConfig>({
  kind: "rabbitmq",
  config: rabbitmqConfig,
  detected: { broker: "rabbitmq", toConfig: ({ name }) => ({ name, kind: "rabbitmq" }) },
  create: createRabbitmqSource,
});

/** For one read with all its pages, milliseconds. */
const deadlineMs = 2000;

function createRabbitmqSource(
  config: Readonly<z.infer<typeof rabbitmqConfig>>,
  { brokers, env, logger, observe }: KindContext,
): KindSource {
  const { name } = config;
  const fail = (message: string, cause?: unknown) =>
    new OpsError("queues_unavailable", message, { upstream: `queues:${name}`, cause });
  const reader = brokers.rabbitmq === null ? null : createRabbitmqReader({ ...config, url: brokers.rabbitmq, logger, observe });
  const read = createSingleFlight(async (signal): Promise<readonly QueueMetrics[]> => {
    if (reader === null) throw fail("RABBITMQ_URL is not set");
    return reader.read(AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]));
  });
  return {
    name,
    kind: "rabbitmq",
    env: config.env ?? env,
    tables: [],
    metrics: (signal) =>
      read(signal).catch((error: unknown) => {
        throw error instanceof OpsError ? error : fail("Gave up waiting for RabbitMQ: the request has ended", error);
      }),
    failures: () => Promise.resolve([]),
    close: async () => reader?.close(),
  };
}
