import type { HistoryRange } from "../../src/lib/range.ts";
import { type QueueHistory, type QueuePoint, toPoints } from "../../src/queues/history.ts";
import type { Job, JobAttempt, JobReader, PlacedJob } from "../../src/queues/job.ts";
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

/**
 * A source's past: one job of each queue becomes due in the first step, fails, and still waits.
 * Unknown names have an empty past.
 */
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
  const count = overrides.count ?? 1;
  // After the sample container started.
  const readAt = Date.parse("2026-01-13T09:56:00Z") / 1000;
  const starts = Array.from({ length: count }, () => readAt - 600);
  return { queue: "payouts", source: "jobs", host: "gone", count, oldestAgeSeconds: 600, starts, readAt, ...overrides };
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

/** A job that failed for good at its first attempt. */
export function sampleJob(overrides: Partial<Job> = {}): Job {
  return {
    source: "jobs",
    queue: "payouts",
    jobId: "1",
    kind: null,
    state: "failed",
    systemState: "discarded",
    priority: 1,
    createdAt: "2026-01-13T09:40:00Z",
    scheduledAt: "2026-01-13T09:40:00Z",
    startedAt: "2026-01-13T09:41:00Z",
    finishedAt: "2026-01-13T09:41:10Z",
    attempt: 1,
    maxAttempts: 1,
    worker: null,
    host: null,
    ...overrides,
  };
}

/** Its failed attempt. */
export function sampleAttempt(overrides: Partial<JobAttempt> = {}): JobAttempt {
  return {
    number: 1,
    at: "2026-01-13T09:41:10Z",
    startedAt: null,
    error: "timeout",
    trace: null,
    worker: null,
    host: null,
    ...overrides,
  };
}

/**
 * Reads jobs in memory, newest first, each with the same attempts. `calls`: the method of each
 * call, and how many jobs it asked for.
 */
export function createMemoryJobs(
  jobs: readonly Job[],
  attempts: readonly JobAttempt[] = [],
  calls: [string, number][] = [],
): JobReader {
  const placed = jobs.map((job): PlacedJob => ({ ...job, place: { time: "", id: job.jobId } }));
  const after = (rows: readonly PlacedJob[], place: PlacedJob["place"] | null) =>
    place === null ? rows : rows.slice(rows.findIndex(({ jobId }) => jobId === place.id) + 1);
  return {
    find: async (keys) => {
      calls.push(["find", keys.length]);
      return keys.map(
        ({ jobId, queue }) =>
          jobs.find((job) => job.jobId === jobId && (queue === null || job.queue === queue)) ?? null,
      );
    },
    page: async ({ queue, state, after: last, before, inverted, limit }) => {
      calls.push(["page", limit]);
      const rows = after(placed, last).filter(
        (job) => (queue === null || job.queue === queue) && (state === null || job.state === state),
      );
      return (inverted ? after(rows.toReversed(), before) : rows).slice(0, limit);
    },
    attempts: async (asked) => {
      calls.push(["attempts", asked.length]);
      return asked.map(() => attempts);
    },
    args: async (asked) => {
      calls.push(["args", asked.length]);
      return asked.map(({ jobId }) => ({ text: JSON.stringify({ jobId, note: "lee wrote this" }), truncated: false }));
    },
  };
}
