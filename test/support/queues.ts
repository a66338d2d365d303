import type { HistoryRange } from "../../src/lib/range.ts";
import { type QueueHistory, type QueuePoint, toPoints } from "../../src/queues/history.ts";
import type { JobControl } from "../../src/queues/jobs/control.ts";
import type { JobFailures, QueueMetrics, QueueSource, WorkerJobs } from "../../src/queues/queue.ts";

export type QueueFigures = Pick<QueueMetrics, "name"> & Partial<QueueMetrics>;

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

/** One job that failed once. */
export function sampleFailures(overrides: Partial<JobFailures> = {}): JobFailures {
  const lastAt = overrides.lastAt ?? "2026-01-13T09:41:10Z";
  return {
    queue: "payouts",
    source: "jobs",
    error: "timeout",
    worker: null,
    count: 1,
    attempts: null,
    firstAt: lastAt,
    lastAt,
    jobIds: ["1"],
    ...overrides,
  };
}

export type Asked = { readonly queues: readonly string[] | null; readonly range: HistoryRange };

/** A source's past: one job of each queue becomes due in the first step, fails, and still waits. Unknown names have an empty past. */
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

/** A point of a queue's past with its time alone. */
function samplePoint(overrides: Partial<QueuePoint> = {}): QueuePoint {
  return {
    time: "2026-01-13T09:40:00Z",
    depth: null,
    processedPerSec: null,
    failures: null,
    oldestAgeSeconds: null,
    waitP50Seconds: null,
    waitP95Seconds: null,
    runP95Seconds: null,
    ...overrides,
  };
}

/** A queue's past of one point, exact and complete. */
export function sampleHistory(point: Partial<QueuePoint> = {}, overrides: Partial<QueueHistory> = {}): QueueHistory {
  return { points: [samplePoint(point)], exact: true, sampled: false, since: null, ...overrides };
}

/** One job that runs on a host which is gone. */
export function sampleWorkerJobs(overrides: Partial<WorkerJobs> = {}): WorkerJobs {
  return { queue: "payouts", source: "jobs", host: "gone", count: 1, oldestAgeSeconds: 600, ...overrides };
}

/** Changes every job that it is asked to, without a database. */
export function sampleControl(overrides: Partial<JobControl> = {}): JobControl {
  return {
    check: () => {},
    change: async (_, { jobId }) => ({ jobId, changed: true, state: "waiting", queue: "mail", reason: null }),
    look: async () => "waiting",
    verify: async () => {},
    ...overrides,
  };
}
