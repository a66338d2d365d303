import type { QueueMetrics } from "./queue.ts";

/** Largest p95 of run times, seconds, in a clock hour and in the one before; null where none was read. */
interface Known {
  readonly hour: number;
  readonly largest: number;
  readonly before: number | null;
}

/** The oldest running job of a queue at the last read. */
interface Oldest {
  readonly seconds: number;
  /** Milliseconds. */
  readonly at: number;
  readonly observedAt: string;
}

const hourMs = 3_600_000;
/** If two reads are further apart, the run time of a job that ended between them is too uncertain. */
const mostRestMs = 60_000;
/** Tolerance between the ages of two reads, seconds. */
const jitterSeconds = 0.5;

/** How long jobs usually run, for the queues of one source. Remembered, because while a worker hangs nothing ends and the rows no longer show it. */
export interface RunTimes {
  /** Takes run times from before the first `add`, seconds; they count as read now. */
  learn(p95s: ReadonlyMap<string, number>): void;
  /** Returns the queues with their `usualRunSeconds`, and records their current run times. Forgets all other queues. */
  add(queues: readonly QueueMetrics[]): readonly QueueMetrics[];
}

export function createRunTimes(now: () => number = Date.now): RunTimes {
  let known: ReadonlyMap<string, Known> = new Map();
  let oldest: ReadonlyMap<string, Oldest> = new Map();

  /** The longest that the oldest running job of the last read can have run, seconds, if it has ended since; else null. */
  const toEndedRun = ({ name, observedAt, oldestRunSeconds = null }: QueueMetrics): number | null => {
    const before = oldest.get(name);
    // This is the same read again.
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
