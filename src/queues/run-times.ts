import type { QueueMetrics } from "./queue.ts";

/** Largest p95 of run times, seconds, of an hour of the clock and of the one before it; null where none was read. */
interface Known {
  readonly hour: number;
  readonly largest: number;
  readonly before: number | null;
}

/** The oldest running job of a queue, as it was last read. */
interface Oldest {
  readonly seconds: number;
  /** Milliseconds. */
  readonly at: number;
  readonly observedAt: string;
}

const hourMs = 3_600_000;
/** Two reads that are further apart show little of how long a job ran that ended between them. */
const mostRestMs = 60_000;
/** The reads of two ages take so long at most, seconds. */
const jitterSeconds = 0.5;

/** How long jobs of the queues of one source run. While a worker hangs nothing ends, so that its rows do not say it any more. */
export interface RunTimes {
  /** How long jobs of the queues ran before anything was added, seconds: as if that was read now. */
  learn(p95s: ReadonlyMap<string, number>): void;
  /** The queues with their `usualRunSeconds`, and what they show now remembered. Queues that are not among them are forgotten. */
  add(queues: readonly QueueMetrics[]): readonly QueueMetrics[];
}

export function createRunTimes(now: () => number = Date.now): RunTimes {
  let known: ReadonlyMap<string, Known> = new Map();
  let oldest: ReadonlyMap<string, Oldest> = new Map();

  /** How long the job may have run, seconds, that was the oldest of those that ran, and has ended; null where none has. */
  const toEndedRun = ({ name, observedAt, oldestRunSeconds = null }: QueueMetrics): number | null => {
    const before = oldest.get(name);
    // The same read again.
    if (!before || before.observedAt === observedAt) return null;
    const rest = now() - before.at;
    const most = before.seconds + rest / 1000;
    const hasEnded = oldestRunSeconds === null || oldestRunSeconds < most - jitterSeconds;
    return hasEnded && rest <= mostRestMs ? most : null;
  };
  const toOldest = ({ name, observedAt, oldestRunSeconds }: QueueMetrics): readonly (readonly [string, Oldest])[] => {
    if (typeof oldestRunSeconds !== "number") return [];
    const before = oldest.get(name);
    return [[name, before?.observedAt === observedAt ? before : { seconds: oldestRunSeconds, at: now(), observedAt }]];
  };
  return {
    learn(p95s) {
      const hour = Math.floor(now() / hourMs);
      known = new Map(
        [...p95s].map(([name, p95]) => [name, update(known.get(name), p95, hour) ?? { hour, largest: p95, before: null }]),
      );
    },
    add(queues) {
      const hour = Math.floor(now() / hourMs);
      const next = new Map<string, Known>();
      const shown = queues.map((queue) => {
        const own = update(known.get(queue.name), queue.runSeconds?.p95 ?? toEndedRun(queue), hour);
        if (own) next.set(queue.name, own);
        return { ...queue, usualRunSeconds: own ? Math.max(own.largest, own.before ?? 0) : null };
      });
      known = next;
      oldest = new Map(queues.flatMap(toOldest));
      return shown;
    },
  };
}

function update(known: Known | undefined, p95: number | null, hour: number): Known | undefined {
  if (p95 === null) return known;
  if (known?.hour === hour) return { ...known, largest: Math.max(known.largest, p95) };
  return { hour, largest: p95, before: known?.hour === hour - 1 ? known.largest : null };
}
