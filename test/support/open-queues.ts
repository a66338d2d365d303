import { onTestFinished } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueMetrics, QueueSource } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";

/**
 * The sources of a configuration, or those that are detected (null), of environment staging; closed
 * when the test ends.
 */
export async function openQueues(
  databaseUrl: string,
  configured: readonly QueueSourceConfig[] | null,
): Promise<readonly QueueSource[]> {
  const sources = createQueueSources({
    ttlMs: 0,
    databaseUrl,
    ...(configured ? { sources: configured, detect: false } : {}),
    env: "staging",
    logger: silentLogger,
  });
  onTestFinished(() => sources.close());
  return sources.all(AbortSignal.timeout(10_000));
}

/** The metrics of a source, by the names of its queues. */
export async function readQueues(source: QueueSource | undefined): Promise<Record<string, QueueMetrics>> {
  const queues = await source?.metrics(AbortSignal.timeout(10_000));
  return Object.fromEntries((queues ?? []).map((queue) => [queue.name, queue]));
}

/** A table of jobs that is unrelated to the source beside it. */
export const otherJobs = "create table public.other_jobs (id int, state text, ended timestamptz)";
export const otherConfig: QueueSourceConfig = {
  name: "other",
  kind: "table",
  table: "public.other_jobs",
  queue: { name: "other" },
  id: "id",
  status: "state",
  waiting: ["waiting"],
  done: ["done"],
  failed: ["failed"],
  finished_at: "ended",
};
