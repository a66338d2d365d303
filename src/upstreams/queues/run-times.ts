import type { QueueMetrics } from "../../domain/queue.ts";

/** Largest p95 of run times, seconds, of an hour of the clock and of the one before it; null where none was read. */
interface Known {
  readonly hour: number;
  readonly largest: number;
  readonly before: number | null;
}

const hourMs = 3_600_000;

/** How long jobs of the queues of one source run. While a worker hangs nothing ends, so that its rows do not say it any more. */
export interface RunTimes {
  /** How long jobs of the queues ran before anything was added, seconds: as if that was read now. */
  learn(p95s: ReadonlyMap<string, number>): void;
  /** The queues with their `usualRunSeconds`, and what they show now remembered. Queues that are not among them are forgotten. */
  add(queues: readonly QueueMetrics[]): readonly QueueMetrics[];
}

export function createRunTimes(now: () => number = Date.now): RunTimes {
  let known: ReadonlyMap<string, Known> = new Map();
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
        const own = update(known.get(queue.name), queue.runSeconds?.p95 ?? null, hour);
        if (own) next.set(queue.name, own);
        return { ...queue, usualRunSeconds: own ? Math.max(own.largest, own.before ?? 0) : null };
      });
      known = next;
      return shown;
    },
  };
}

function update(known: Known | undefined, p95: number | null, hour: number): Known | undefined {
  if (p95 === null) return known;
  if (known?.hour === hour) return { ...known, largest: Math.max(known.largest, p95) };
  return { hour, largest: p95, before: known?.hour === hour - 1 ? known.largest : null };
}
