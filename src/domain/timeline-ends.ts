import type { ContainerEvent } from "./container-event.ts";
import { type TimelineEntry, toEntry, toTimelineContainer } from "./timeline.ts";
import type { TimelineMemory } from "./timeline-memory.ts";

/** INT, QUIT, ABRT, KILL and TERM. Any other is a word to a container (reload, rotate), unless it is its own StopSignal. */
const stopSignals: ReadonlySet<number> = new Set([2, 3, 6, 9, 15]);
/** So long after a signal, milliseconds, an end is due to it: workers drain for minutes. */
const drainMs = 1_800_000;
/** Containers whose last signal is kept. */
const mostKept = 1000;

/** The last signal that a container was sent. */
interface Sent {
  readonly at: number;
  readonly signal: number | null;
  /** Whether it is known to be meant as an end. */
  readonly meansEnd: boolean;
  /** The end that came after it, where it is not known yet what it was meant as. */
  readonly death: TimelineEntry | null;
}

/**
 * Remembers the ends of containers out of their `kill`, `die` and `stop` events: whether somebody asked for them. The first end after a signal uses it up, for what
 * crashes after a restart does so by itself. That a strange signal was meant as an end, `stop` tells, which comes about the time of `die`.
 */
export function createEnds(memory: TimelineMemory): (event: ContainerEvent) => void {
  const sent = new Map<string, Sent>();
  const keep = (fullId: string, one: Sent) => {
    sent.delete(fullId);
    sent.set(fullId, one);
    const [oldest] = sent.keys();
    if (sent.size > mostKept && oldest !== undefined) sent.delete(oldest);
  };
  return ({ action, time, signal, exitCode, container }) => {
    const { fullId } = container;
    const at = Date.parse(time);
    const kept = sent.get(fullId);
    const last = kept && at - kept.at <= drainMs ? kept : null;
    if (action === "kill") {
      const meansEnd = signal === null || stopSignals.has(signal);
      // What was told to end, and drains, may be told something else meanwhile.
      if (last?.meansEnd && !meansEnd) return;
      keep(fullId, { at, signal, meansEnd, death: null });
    }
    if (action === "stop" && last) {
      if (last.death) {
        memory.replace(last.death, toDeath(last.death, last));
        sent.delete(fullId);
      } else keep(fullId, { ...last, meansEnd: true });
    }
    if (action === "die") {
      sent.delete(fullId);
      const cause = last?.death === null ? last : null;
      const { service, destination, env } = container;
      const end = { time, service, destination, env, container: toTimelineContainer(container), exitCode };
      const death = toDeath(end, cause?.meansEnd ? cause : null);
      memory.add(death);
      if (cause && !cause.meansEnd) keep(fullId, { ...cause, death });
    }
  };
}

function toDeath(
  end: Pick<TimelineEntry, "time" | "service" | "destination" | "env" | "container" | "exitCode">,
  cause: Sent | null,
): TimelineEntry {
  const because = cause ? ` after signal ${cause.signal ?? "?"}` : ", which nobody asked for";
  const message = `${end.container?.name ?? "?"} ended with exit code ${end.exitCode ?? "?"}${because}`;
  return toEntry({ ...end, kind: "container_death", message, requested: cause !== null });
}
