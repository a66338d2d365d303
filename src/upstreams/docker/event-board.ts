import type { ContainerEvent, EventBatch } from "../../domain/container-event.ts";
import { type Bell, createBell } from "./bell.ts";
import { createReaders } from "./readers.ts";

export interface EventBoard {
  publish(event: ContainerEvent): void;
  /** Says that this engine was not heard for a while. */
  interrupt(engine: string): void;
  /** As ContainerSource.events. */
  read(accepts: (event: ContainerEvent) => boolean, signal: AbortSignal): AsyncGenerator<EventBatch, void>;
  /** How many read. */
  readonly readers: number;
}

/** Events that wait for one reader, and in one batch of it; beyond the first the oldest go. */
const [most, mostInBatch] = [1000, 250];

interface Reader {
  readonly bell: Bell;
  readonly accepts: (event: ContainerEvent) => boolean;
  waiting: ContainerEvent[];
  dropped: number;
  interrupted: Set<string>;
}

/** Hands events to any number of readers, each at its own pace, with a bounded ring for each. Source: security.md F9. */
export function createEventBoard(): EventBoard {
  const readers = createReaders<Reader>();
  return {
    publish(event) {
      for (const reader of readers) {
        if (!reader.accepts(event)) continue;
        if (reader.waiting.push(event) > most) {
          reader.waiting.shift();
          reader.dropped++;
        }
        reader.bell.ring();
      }
    },
    interrupt(engine) {
      for (const reader of readers) {
        reader.interrupted.add(engine);
        reader.bell.ring();
      }
    },
    read(accepts, signal) {
      const reader: Reader = { bell: createBell(), accepts, waiting: [], dropped: 0, interrupted: new Set() };
      return readers.enter(reader, signal, async function* () {
        while (!signal.aborted) {
          const batch = take(reader);
          if (batch) yield batch;
          else await reader.bell.next(signal);
        }
        reader.waiting = [];
        if (typeof signal.reason === "string") yield { events: [], dropped: 0, interrupted: [], ended: signal.reason };
      });
    },
    get readers() {
      return readers.size;
    },
  };
}

/** Null when there is nothing to tell. */
function take(reader: Reader): EventBatch | null {
  const { dropped, interrupted } = reader;
  if (reader.waiting.length === 0 && interrupted.size === 0) return null;
  const events = reader.waiting.splice(0, mostInBatch);
  reader.dropped = 0;
  reader.interrupted = new Set();
  return { events, dropped, interrupted: [...interrupted], ended: null };
}
