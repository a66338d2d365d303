import { onTestFinished } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueMetrics, QueueSource } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import type { TestDatabase } from "./postgres-database.ts";

const signal = AbortSignal.timeout(60_000);

/** The source of this configuration, or all that are detected, until the end of the test. */
export async function openSources(
  database: Pick<TestDatabase, "url">,
  config: QueueSourceConfig | null,
): Promise<readonly QueueSource[]> {
  const sources = createQueueSources({
    ttlMs: 0,
    databaseUrl: database.url,
    ...(config && { sources: [config], detect: false }),
    env: null,
    logger: silentLogger,
  });
  onTestFinished(() => sources.close());
  return sources.all(signal);
}

/** The numbers of one queue. */
export async function readQueue(source: QueueSource | undefined, name: string): Promise<QueueMetrics | undefined> {
  return (await source?.metrics(signal))?.find((queue) => queue.name === name);
}
