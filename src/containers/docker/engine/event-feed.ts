import { LRUCache } from "lru-cache";
import { type Notifier, createNotifier, createSubscribers } from "../../../lib/broadcast.ts";
import { type Container, type Health, type RawContainer, toUninspected } from "../../container.ts";
import type { ContainerEvent, ContainerObserver, EventBatch } from "../../events.ts";
import type { EngineContext } from "../../kamal/rules.ts";
import { toContainer } from "../../kamal/mapping.ts";
import { selectVisible } from "../../kamal/visibility.ts";
import { parseName } from "../http/answers.ts";
import type { EngineEvent } from "./events.ts";
import type { Inventory, Known } from "./inventory.ts";

export interface EventEnricher {
  /** The stream of events begins: the first time, or after it was lost. */
  begin(): void;
  /** Called before the inventory changes: an event shows its container as known when it came. */
  onEvent(event: EngineEvent): void;
  /**
   * Takes an event from before the stream began, for the observer alone. It shows its container as
   * the first list and its inspection do; one of a container that is gone is left out.
   */
  onPast(event: EngineEvent): void;
  /**
   * From now on, all events wait for the first list and its inspections. Events that waited before
   * are dropped.
   */
  hold(): void;
  /** They wait no longer. */
  release(): void;
  /** An inspection of this container has ended, successful or not. */
  settle(fullId: string): void;
}

interface Waiting {
  readonly event: EngineEvent;
  readonly known: Known | null;
  readonly isPast: boolean;
}

/** Fields of an event that are read besides those of its container. */
const ownFields = ["name", "exitCode", "signal", "oldName"];

/** Events that may wait for an inspection; beyond that they are published without it. */
const mostWaiting = 1000;
/**
 * How long a container stays visible after its last visible event, milliseconds: `docker rm -f`
 * takes a while from `die` to `destroy`.
 */
const shownMs = 10_000;
/** Actions that can make a container visible. */
const appearing = new Set(["create", "start", "restart", "unpause"]);

/**
 * Hands the events of one engine to the observer, in their order, each with its container: those of
 * containers that callers may see (kamal/visibility.ts) before the event, or through it. An event
 * of an unknown container waits for its inspection, because only that shows the environment for
 * sure.
 */
export function createEventEnricher(
  engine: string,
  inventory: Inventory,
  observer: Pick<EventBroadcaster, "onEvent" | "onPast" | "onGap">,
): EventEnricher {
  // Limited by size: `max` would allocate its memory at once, for each engine.
  const shown = new LRUCache<string, true>({ maxSize: 5000, sizeCalculation: () => 1, ttl: shownMs });
  /** Containers with an inspection pending or under way. */
  const unsettled = new Set<string>();
  let queue: Waiting[] = [];
  let begun = false;
  let isHeld = false;

  const publishPast = (event: EngineEvent) => {
    const known = inventory.snapshot(false).known(event.fullId);
    if (!known || !isSeenAfter(known.raw, "start", inventory.context())) return;
    const past = toContainerEvent(event, known.row);
    // If the event does not say its health at that time, the current one is shown.
    observer.onPast({ ...past, container: { ...past.container, health: past.health ?? known.row.health } });
  };
  const publish = ({ event, known: before, isPast }: Waiting) => {
    if (isPast) return publishPast(event);
    const known = before ?? inventory.lastKnown(event.fullId);
    const raw = known?.raw ?? toRaw(event, engine);
    // A container that was gone before its inspection is known only by the event.
    const appears = (!known || appearing.has(event.action)) && isSeenAfter(raw, event.action, inventory.context());
    if (!known?.visible && !appears && !shown.has(event.fullId)) return;
    shown.set(event.fullId, true);
    const row: Container = known?.row ?? {
      ...toContainer(raw, inventory.context()),
      env: null,
      inferredEnv: null,
    };
    observer.onEvent(
      toContainerEvent(event, appears && event.action !== "create" ? { ...row, status: "running" } : row),
    );
  };
  const drain = () => {
    let count = 0;
    for (const { event, known } of queue) {
      const waits = isHeld || (!known && unsettled.has(event.fullId));
      if (waits && queue.length - count <= mostWaiting) break;
      count++;
    }
    for (const waiting of queue.splice(0, count)) publish(waiting);
  };
  return {
    begin() {
      if (begun) observer.onGap(engine);
      begun = true;
    },
    onEvent(event) {
      const known = inventory.lastKnown(event.fullId);
      // No inspection follows the `destroy` of an unknown container.
      if (!known && event.action !== "destroy") unsettled.add(event.fullId);
      const waiting = { event, known, isPast: false };
      if (!isHeld && queue.length === 0 && (known || !unsettled.has(event.fullId))) return publish(waiting);
      queue.push(waiting);
      drain();
    },
    onPast(event) {
      const attributes = Object.fromEntries(
        ownFields.flatMap((key) => {
          const value = event.attributes[key];
          return value === undefined ? [] : [[key, value] as const];
        }),
      );
      queue.push({ event: { ...event, attributes }, known: null, isPast: true });
      drain();
    },
    hold() {
      isHeld = true;
      queue = [];
    },
    release() {
      isHeld = false;
      drain();
    },
    settle(fullId) {
      if (unsettled.delete(fullId)) drain();
    },
  };
}

function isSeenAfter(raw: RawContainer, action: string, context: EngineContext): boolean {
  return selectVisible([{ ...raw, state: action === "create" ? "created" : "running" }], context).length > 0;
}

/** The container as the event alone shows it: Docker includes the labels. */
export function toRaw({ fullId, time, attributes }: EngineEvent, engine: string): RawContainer {
  const { name: given, image = "", ...labels } = attributes;
  const name = parseName(given) ?? fullId.slice(0, 12);
  return toUninspected({ engine, fullId, name, labels, state: "running", image, createdAt: time });
}

function toContainerEvent({ action, detail, time, attributes }: EngineEvent, row: Container): ContainerEvent {
  const number = (name: string) => (/^\d{1,9}$/.test(attributes[name] ?? "") ? Number(attributes[name]) : null);
  const name = attributes["name"] ?? row.name;
  return {
    time,
    action,
    exitCode: action === "die" ? number("exitCode") : null,
    signal: action === "kill" ? number("signal") : null,
    health: action === "health_status" ? toHealth(detail) : null,
    previousName: action === "rename" ? parseName(attributes["oldName"]) : null,
    container: name === row.name ? row : { ...row, name: parseName(name) ?? row.name },
  };
}

function toHealth(text: string): Health {
  return text === "healthy" || text === "unhealthy" || text === "starting" ? text : "none";
}

export interface EventBroadcaster extends ContainerObserver {
  /**
   * An event from before the engine was watched: the observer records it, and no reader gets it.
   */
  onPast(event: ContainerEvent): void;
  /** As ContainerSource.events. */
  read(accepts: (event: ContainerEvent) => boolean, signal: AbortSignal): AsyncGenerator<EventBatch, void>;
  /** Number of readers. */
  readonly readers: number;
}

/**
 * Most events that wait for one reader, and most in one batch; beyond the first the oldest are
 * dropped.
 */
const [most, mostInBatch] = [1000, 250];

interface Reader {
  readonly notifier: Notifier;
  readonly accepts: (event: ContainerEvent) => boolean;
  waiting: ContainerEvent[];
  dropped: number;
  interrupted: Set<string>;
}

/**
 * Hands events to the observer at once, and to any number of readers at their own pace, with a
 * bounded queue for each.
 */
export function createEventBroadcaster(observer?: ContainerObserver): EventBroadcaster {
  const readers = createSubscribers<Reader>();
  return {
    onWatched: (engine) => observer?.onWatched(engine),
    onPast: (event) => observer?.onEvent(event),
    onEvent(event) {
      observer?.onEvent(event);
      for (const reader of readers) {
        if (!reader.accepts(event)) continue;
        if (reader.waiting.push(event) > most) {
          reader.waiting.shift();
          reader.dropped++;
        }
        reader.notifier.notify();
      }
    },
    onGap(engine) {
      observer?.onGap(engine);
      for (const reader of readers) {
        reader.interrupted.add(engine);
        reader.notifier.notify();
      }
    },
    read(accepts, signal) {
      const reader: Reader = { notifier: createNotifier(), accepts, waiting: [], dropped: 0, interrupted: new Set() };
      return readers.subscribe(reader, signal, async function* () {
        while (!signal.aborted) {
          const batch = take(reader);
          if (batch) yield batch;
          else await reader.notifier.wait(signal);
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

/** Null when there is nothing new. */
function take(reader: Reader): EventBatch | null {
  const { dropped, interrupted } = reader;
  if (reader.waiting.length === 0 && interrupted.size === 0) return null;
  const events = reader.waiting.splice(0, mostInBatch);
  reader.dropped = 0;
  reader.interrupted = new Set();
  return { events, dropped, interrupted: [...interrupted], ended: null };
}
