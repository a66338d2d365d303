import type { ContainerSource, EngineStatus } from "./container.ts";
import type { ContainerEvent, EventBatch } from "./container-event.ts";
import { type TimelineEntry, type TimelineKind, toEntry, toTimelineContainer } from "./timeline.ts";
import { createEnds } from "./timeline-ends.ts";
import type { TimelineMemory } from "./timeline-memory.ts";

/** What the engines' events tell. */
export const containerKinds: readonly TimelineKind[] = ["container_death", "oom_kill", "health", "restart", "gap"];

const actions = new Set(["kill", "die", "stop", "oom", "restart", "health_status"]);

/**
 * Remembers what the engines tell of containers, until the signal aborts. It asks no engine: their events come once somebody has asked for a list,
 * which is what the source that is given back is for: it looks who answers.
 */
export function rememberContainers(source: ContainerSource, memory: TimelineMemory, signal: AbortSignal): ContainerSource {
  const seen = new Set<string>();
  const note = (engines: readonly EngineStatus[]) => {
    if (engines.length === seen.size) return;
    for (const { name, env, ok } of engines) {
      if (!ok || seen.has(name)) continue;
      seen.add(name);
      for (const kind of containerKinds) memory.begin(kind, { name, env, since: toSeconds(new Date().toISOString()) });
    }
  };
  const take = createReader(memory);
  const read = async () => {
    for await (const batch of source.events(({ action }) => actions.has(action), signal)) take(batch);
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

function createReader(memory: TimelineMemory): (batch: EventBatch) => void {
  const takeEnd = createEnds(memory);
  return ({ events, interrupted }) => {
    const time = new Date().toISOString();
    for (const engine of interrupted) {
      const message = `${engine} was not heard for a while: events of its containers may be missing`;
      memory.add(toEntry({ kind: "gap", time, message, engine }));
    }
    for (const event of events) {
      takeEnd(event);
      const entry = describe(event);
      if (entry) memory.add(entry);
    }
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

/** RFC 3339 UTC without the fraction. */
function toSeconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
