import { LRUCache } from "lru-cache";
import type { EngineEvent } from "./events.ts";

export interface RestartWitness {
  note(event: EngineEvent): void;
  /** Whether it was seen to be restarted and to be started at `since` or later. Docker tells of a restart after the start, Podman before. */
  saw(fullId: string, since: Date): boolean;
}

/** Times of the last events, unix milliseconds by the engine's clock. */
interface Seen {
  restart?: number;
  start?: number;
}

/** Remembers which containers were restarted, as the watcher heard it: an engine that is restarted itself forgets its events. */
export function createRestartWitness(): RestartWitness {
  // By size, for `max` would take its memory at once, for each engine.
  const seen = new LRUCache<string, Seen>({ maxSize: 5000, sizeCalculation: () => 1 });
  return {
    note({ action, fullId, time }) {
      if (action === "restart" || action === "start") seen.set(fullId, { ...seen.get(fullId), [action]: Date.parse(time) });
    },
    saw(fullId, since) {
      const { restart = 0, start = 0 } = seen.get(fullId) ?? {};
      return Math.min(restart, start) >= since.getTime();
    },
  };
}
