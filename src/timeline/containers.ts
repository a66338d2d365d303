import type { ContainerEvent, ContainerObserver } from "../containers/events.ts";
import { formatRfc3339 } from "../lib/time.ts";
import type { TimelineMemory } from "./memory.ts";
import { type TimelineEntry, type TimelineKind, toEntry, toTimelineContainer } from "./timeline.ts";

/** Kinds that come from engine events. */
export const containerKinds: readonly TimelineKind[] = ["container_death", "oom_kill", "health", "restart", "gap"];

/** Records the engines' container events, each engine's from its first answer on. It asks no engine: they are watched once a caller has listed containers. */
export function createContainerRecorder(memory: TimelineMemory): ContainerObserver {
  const recordEnd = createEnds(memory);
  return {
    onWatched({ name, env }) {
      const since = formatRfc3339(Date.now());
      for (const kind of containerKinds) memory.begin(kind, { name, env, since });
    },
    onGap(engine) {
      const message = `${engine} was not heard for a while: events of its containers may be missing`;
      memory.add(toEntry({ kind: "gap", time: new Date().toISOString(), message, engine }));
    },
    onEvent(event) {
      recordEnd(event);
      const entry = describe(event);
      if (entry) memory.add(entry);
    },
  };
}

function describe(event: ContainerEvent): TimelineEntry | null {
  const { action, container, health } = event;
  const { service, destination, env } = container;
  const common = { time: event.time, service, destination, env, container: toTimelineContainer(container) };
  switch (action) {
    case "oom":
      return toEntry({ ...common, kind: "oom_kill", message: `${container.name} ran out of memory` });
    case "restart":
      return toEntry({ ...common, kind: "restart", message: `${container.name} was restarted`, requested: true });
    case "health_status": {
      const from = container.health === health ? null : container.health;
      return toEntry({ ...common, kind: "health", message: `${container.name} is ${health}`, from, to: health });
    }
    default:
      return null;
  }
}

/** INT, QUIT, ABRT, KILL and TERM. Others only inform a container (reload, rotate), unless one is its own StopSignal. */
const stopSignals: ReadonlySet<number> = new Set([2, 3, 6, 9, 15]);
/** How long after a signal an end counts as its result, milliseconds: workers drain for minutes. */
const drainMs = 1_800_000;
/** Containers whose last signal is retained. */
const maxEntries = 1000;

/** The last signal sent to a container. */
interface Sent {
  readonly at: number;
  readonly signal: number | null;
  /** Whether it is known to request the end. */
  readonly meansEnd: boolean;
  /** The end after it, while it is not known whether the signal requested it. */
  readonly death: TimelineEntry | null;
}

/**
 * Records the ends of containers, and whether someone requested them, from their `kill`, `die` and `stop` events. The first end after a signal uses the signal
 * up: a later crash is not requested. For an unusual signal the `stop` event, which arrives about the time of `die`, shows that it requested the end.
 */
export function createEnds(memory: TimelineMemory): (event: ContainerEvent) => void {
  const sent = new Map<string, Sent>();
  const keep = (fullId: string, one: Sent) => {
    sent.delete(fullId);
    sent.set(fullId, one);
    const [oldest] = sent.keys();
    if (sent.size > maxEntries && oldest !== undefined) sent.delete(oldest);
  };
  return ({ action, time, signal, exitCode, container }) => {
    const { fullId } = container;
    const at = Date.parse(time);
    const earlier = sent.get(fullId);
    const last = earlier && at - earlier.at <= drainMs ? earlier : null;
    if (action === "kill") {
      const meansEnd = signal === null || stopSignals.has(signal);
      // A draining container may get other signals meanwhile.
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
