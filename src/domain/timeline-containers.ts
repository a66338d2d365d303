import type { ContainerSource, EngineStatus } from "./container.ts";
import type { ContainerEvent, EventBatch } from "./container-event.ts";
import { type TimelineEntry, type TimelineKind, toEntry, toTimelineContainer } from "./timeline.ts";
import type { TimelineMemory } from "./timeline-memory.ts";

/** What the engines' events tell. */
export const containerKinds: readonly TimelineKind[] = ["container_death", "oom_kill", "health", "restart", "gap"];

const actions = new Set(["kill", "die", "oom", "restart", "health_status"]);
/** After a signal so long, milliseconds, an end is due to it. */
const killedMs = 60_000;
/** Containers whose last signal is kept. */
const mostKilled = 1000;

/**
 * Remembers what the engines tell of containers, until the signal aborts. It asks no engine: their events come once somebody has asked for a list,
 * which is what the source that is given back is for: it looks who answers.
 */
export function rememberContainers(source: ContainerSource, memory: TimelineMemory, signal: AbortSignal): ContainerSource {
  const seen = new Set<string>();
  const note = (engines: readonly EngineStatus[]) => {
    if (engines.length === seen.size) return;
    for (const { name, ok } of engines) {
      if (!ok || seen.has(name)) continue;
      seen.add(name);
      for (const kind of containerKinds) memory.begin(kind, name, toSeconds(new Date().toISOString()));
    }
  };
  const toEntries = createReader();
  const read = async () => {
    for await (const batch of source.events(({ action }) => actions.has(action), signal)) {
      for (const entry of toEntries(batch)) memory.add(entry);
    }
  };
  void read().catch(() => {
    memory.add(toEntry({ kind: "gap", time: new Date().toISOString(), message: "Events are not remembered any more" }));
  });
  return {
    ...source,
    async list(caller) {
      const listing = await source.list(caller);
      note(listing.engines);
      return listing;
    },
    async live(caller) {
      const listing = await source.live(caller);
      note(listing.engines);
      return listing;
    },
  };
}

function createReader(): (batch: EventBatch) => TimelineEntry[] {
  /** When a container was last sent a signal, by its id. */
  const killed = new Map<string, { readonly at: number; readonly signal: number | null }>();
  const toEventEntry = (event: ContainerEvent): TimelineEntry | null => {
    const { fullId } = event.container;
    if (event.action === "kill") {
      killed.delete(fullId);
      killed.set(fullId, { at: Date.parse(event.time), signal: event.signal });
      const [oldest] = killed.keys();
      if (killed.size > mostKilled && oldest !== undefined) killed.delete(oldest);
      return null;
    }
    const kill = killed.get(fullId);
    const isRecent = kill !== undefined && Date.parse(event.time) - kill.at <= killedMs;
    return describe(event, isRecent ? kill.signal : null, isRecent);
  };
  return ({ events, interrupted }) => {
    const time = new Date().toISOString();
    const gaps = interrupted.map((engine) =>
      toEntry({ kind: "gap", time, message: `${engine} was not heard for a while: events of its containers may be missing` }),
    );
    return [...gaps, ...events.map(toEventEntry).filter((entry) => entry !== null)];
  };
}

function describe(event: ContainerEvent, signal: number | null, requested: boolean): TimelineEntry | null {
  const { action, container, exitCode, health } = event;
  const common = { time: event.time, env: container.env, container: toTimelineContainer(container) };
  switch (action) {
    case "die": {
      const because = requested ? ` after signal ${signal ?? "?"}` : ", which nobody asked for";
      const message = `${container.name} ended with exit code ${exitCode ?? "?"}${because}`;
      return toEntry({ ...common, kind: "container_death", message, exitCode, requested });
    }
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

/** RFC 3339 UTC without the fraction. */
function toSeconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
