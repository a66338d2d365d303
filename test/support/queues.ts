import type { HistoryRange } from "../../src/lib/range.ts";
import type { JobErrorGroup } from "../../src/queues/errors.ts";
import { toPoints } from "../../src/queues/history.ts";
import type { JobFailures, QueueMetrics, QueueSource } from "../../src/queues/queue.ts";

export type QueueFigures = Pick<QueueMetrics, "name"> & Partial<QueueMetrics>;
export type ErrorFigures = Pick<JobErrorGroup, "queue" | "source" | "jobId" | "error" | "timestamp" | "count"> &
  Partial<JobFailures>;

/** An empty queue. */
export function sampleQueue(overrides: QueueFigures): QueueMetrics {
  return {
    source: "jobs",
    depth: 0,
    processedPerSec: 0,
    failuresLastHour: 0,
    failuresRecent: 0,
    active: null,
    deferred: null,
    retrying: null,
    dead: null,
    oldestAgeSeconds: null,
    waitSeconds: null,
    runSeconds: null,
    paused: null,
    workers: null,
    exact: true,
    windowSeconds: null,
    observedAt: "2026-01-13T09:46:00Z",
    ...overrides,
  };
}

/** One group of equal errors, with the times and the id of its one job. */
export function sampleFailures({ queue, source, jobId, error, timestamp, count, ...more }: ErrorFigures): JobFailures {
  const times = { firstAt: timestamp, lastAt: timestamp };
  return { queue, source, error, count, worker: null, attempts: null, jobIds: [jobId], ...times, ...more };
}

export type Asked = { readonly queues: readonly string[] | null; readonly range: HistoryRange };

/** A source's past: one job of each queue becomes due in the first step, fails, and still waits. As a real one, it makes an empty past of any name. */
export function rememberQueues(names: readonly string[], asked: Asked[] = []): NonNullable<QueueSource["history"]> {
  return async (queues, range) => {
    asked.push({ queues, range });
    const happened = {
      step: 1,
      due: 1,
      taken: 0,
      processed: 0,
      failures: 1,
      waitP50: null,
      waitP95: null,
      runP95: null,
      oldestDue: range.from,
    };
    return new Map(
      (queues ?? names).map((name) => [
        name,
        {
          points: toPoints(
            range,
            names.includes(name) ? [happened, { ...happened, step: range.steps + 1, due: 0, failures: 0 }] : [],
            null,
          ),
          exact: true,
          sampled: false,
          since: null,
        },
      ]),
    );
  };
}
