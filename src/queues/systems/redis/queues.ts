import { formatRfc3339 } from "../../../lib/time.ts";
import { createKnownQueues } from "../../known-queues.ts";
import type { QueueMetrics } from "../../queue.ts";
import { createSamples, toQueueMetrics } from "../../rates.ts";
import type { RedisFailure, RedisReading, RedisRunning, RedisRunningJobs, RedisSystem } from "./system.ts";

interface NamedSystem {
  readonly label: string;
  readonly system: RedisSystem;
}

/** The queues of all systems in one Redis. `now` is in milliseconds since 1970. All calls reject as the connection does. */
export interface RedisQueues {
  metrics(now: number, signal: AbortSignal): Promise<QueueMetrics[]>;
  failures(now: number, signal: AbortSignal): Promise<RedisFailure[]>;
  running(now: number, signal: AbortSignal): Promise<RedisRunningJobs>;
}

/** `configured` queues are listed even if no system has them. */
export function createRedisQueues(source: string, configured: readonly string[], systems: readonly NamedSystem[]): RedisQueues {
  const members = systems.map(({ label, system }) => ({ label, system, known: createKnownQueues([]), samples: createSamples() }));

  /** The queues of each system, with their names there and here. */
  const findQueues = async (signal: AbortSignal) => {
    const found = await Promise.all(members.map(({ system }) => system.discover(signal)));
    for (const [index, { known }] of members.entries()) known.see(found[index] ?? []);
    const all = members.map(({ known }) => known.names());
    const missing = configured.filter((name) => !all.some((names) => names.has(name)));
    members[0]?.known.see([...(found[0] ?? []), ...missing]);
    const taken = new Set<string>();
    return members.map((member) => {
      const names = [...member.known.names()];
      const shown = new Map(names.map((name) => [name, taken.has(name) ? `${member.label}:${name}` : name]));
      for (const name of names) taken.add(name);
      return { ...member, names, shown };
    });
  };
  const toMetrics = (
    reading: RedisReading,
    { shown, samples }: Awaited<ReturnType<typeof findQueues>>[number],
    observedAt: string,
  ) => {
    const { queue, measured, counters, isCut } = reading;
    const isSampled = measured.processed === undefined || measured.failures === undefined;
    samples.add(queue, counters);
    const sampled = isSampled ? samples.rates(queue) : null;
    const metrics = toQueueMetrics({ name: shown.get(queue) ?? queue, source, observedAt }, measured, sampled);
    return { ...metrics, counters, exact: metrics.exact && !isCut };
  };
  return {
    async metrics(now, signal) {
      const found = await findQueues(signal);
      for (const { samples, known } of found) samples.retain(known.names());
      const readings = await Promise.all(found.map(({ system, names }) => system.read(names, now, signal)));
      const observedAt = formatRfc3339(now);
      const metrics = found.flatMap((member, index) =>
        (readings[index] ?? []).map((reading) => toMetrics(reading, member, observedAt)),
      );
      return metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
    async failures(now, signal) {
      const found = await findQueues(signal);
      const failures = await Promise.all(found.map(({ system, names }) => system.failures(names, now, signal)));
      return found.flatMap(({ shown }, index) =>
        (failures[index] ?? []).map((failure) => ({ ...failure, queue: shown.get(failure.queue) ?? failure.queue })),
      );
    },
    async running(now, signal) {
      const found = await findQueues(signal);
      const running = await Promise.all(found.map(({ system, names }) => system.running(names, now, signal)));
      const show = (index: number, job: RedisRunning) => ({ ...job, queue: found[index]?.shown.get(job.queue) ?? job.queue });
      return {
        named: running.flatMap(({ named }, index) => named.map((job) => show(index, job))),
        unnamed: running.reduce((sum, { unnamed }) => sum + unnamed, 0),
      };
    },
  };
}
