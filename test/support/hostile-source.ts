import type { KindSource } from "../../src/queues/system.ts";
import { createMemoryJobs, rememberQueues, sampleAttempt, sampleFailures, sampleJob, sampleQueue } from "./queues.ts";

/** What a job system may store, whatever it says. */
export interface HostileNames {
  readonly queue: string;
  readonly jobId: string;
  readonly kind: string;
  readonly worker: string;
  readonly host: string;
}

/** A source with one job, whose names are these; `asked` are the names that it was asked by. */
export function createHostileSource(names: HostileNames, source = "hostile") {
  const { queue, jobId, kind, worker, host } = names;
  const asked: string[] = [];
  const job = sampleJob({ source, ...names, systemState: kind, state: "failed" });
  const jobs = createMemoryJobs([job], [sampleAttempt({ worker, host })]);
  const own: KindSource = {
    name: source,
    kind: "table",
    env: "staging",
    tables: [],
    metrics: async () => [sampleQueue({ name: queue, source })],
    failures: async () => [sampleFailures({ queue, source, worker: host, jobIds: [jobId] })],
    failedJobs: async (name) => {
      asked.push(name);
      return name === queue ? [{ error: "exploded", jobIds: [jobId], jobs: 1 }] : [];
    },
    history: async (queues, range, signal) => {
      asked.push(...(queues ?? []));
      return rememberQueues([queue])(queues, range, signal);
    },
    usualRuns: async () => new Map([[queue, 3]]),
    running: async (hosts) => {
      asked.push(...hosts);
      const running = { queue, source, jobId, kind, startedAt: "2026-01-13T09:40:00Z", worker };
      return hosts.includes(host) ? { jobs: [running], total: 1, unnamed: 0 } : { jobs: [], total: 0, unnamed: 0 };
    },
    workerJobs: async () => [{ queue, source, host, count: 1, oldestAgeSeconds: 600, starts: [], readAt: 0 }],
    warnings: () => [`the queue ${queue} is odd`],
    unsupported: async () => [{ name: "bull", kind: "bull", reason: `Bull stores nothing (${queue})` }],
    jobs: { ...jobs, args: async (of) => of.map((one) => ({ text: String(one.jobId === jobId), truncated: false })) },
    control: {
      check: (_action, ref) => void asked.push(ref.jobId),
      change: async (_action, ref) => {
        const isIt = ref.jobId === jobId && ref.queue === queue;
        return { jobId: ref.jobId, queue: isIt ? queue : null, changed: isIt, state: isIt ? kind : null, reason: null };
      },
      look: async (ref) => (ref.jobId === jobId ? kind : null),
      verify: async () => {},
    },
  };
  return { source: own, asked };
}
