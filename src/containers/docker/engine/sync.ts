import { setTimeout as sleep } from "node:timers/promises";
import type { LimitFunction } from "p-limit";
import { withDeadline } from "../../../lib/abort.ts";
import { createSharedBudget, inTurns } from "../../../lib/budget/budget.ts";
import type { Asker, FairLimit } from "../../../lib/budget/fair-limit.ts";
import { OpsError } from "../../../lib/errors.ts";
import type { ListedContainer } from "../http/answers.ts";
import type { EngineClient } from "../http/client.ts";
import { toDockerError } from "../http/errors.ts";
import { type EngineEvent, eventsQuery, readEvents } from "./events.ts";
import type { Inventory } from "./inventory.ts";

export interface Watcher {
  /**
   * Starts watching, once. Resolves when the current attempt has ended, successful or not; null
   * when none is awaited: the engine is watched, or its loss is known.
   */
  ready(): Promise<void> | null;
  /** Why the engine is not watched, and since when (unix milliseconds); null while it is. */
  loss(): { readonly error: OpsError; readonly at: number } | null;
  /** Called when another call finds the engine gone: everything is read again. */
  lose(error: OpsError): void;
  close(): void;
}

interface WatcherOptions {
  /** Name of the engine. */
  readonly name: string;
  readonly client: Pick<EngineClient, "openEvents" | "forget">;
  /** Deadline for subscribing, milliseconds. */
  readonly timeoutMs: number;
  /** Interval of full lists, whether or not events arrive, milliseconds. */
  readonly resyncMs: number;
  readonly refresher: Pick<Refresher, "syncAll" | "sync">;
  /** The engine has subscribed us: the first time, or after the stream was lost. */
  readonly onBegin: () => void;
  readonly onEvent: (event: EngineEvent) => void;
  /** Labels of a container that an event is read with, however many it has. */
  readonly labels?: ReadonlySet<string>;
  /** After each attempt: null when the engine is watched, else why not. */
  readonly report: (error: OpsError | null) => void;
}

/**
 * How long the first answers wait for inspections after the list, milliseconds: a little longer
 * than one that hangs. If they take longer, the answers have the containers as the list shows them,
 * for tokens of every environment.
 */
const patienceMs = 2500;
/** Between attempts to reach a lost engine, milliseconds: doubled each time, less a random half. */
const [firstDelayMs, lastDelayMs] = [200, 5000];

/**
 * Keeps one engine's inventory up to date: subscribes to its events, then lists and inspects all,
 * then follows the events. A list every `resyncMs` finds what the events missed. When the stream
 * ends, everything starts over. Nothing runs before `ready` is called.
 */
export function createWatcher({
  name,
  client,
  timeoutMs,
  resyncMs,
  refresher,
  onBegin,
  onEvent,
  labels,
  report,
}: WatcherOptions): Watcher {
  const closed = new AbortController();
  let life = new AbortController();
  let loss: ReturnType<Watcher["loss"]> = null;
  let attempt: PromiseWithResolvers<void> | null = Promise.withResolvers();
  let isStarted = false;

  const conclude = (error: OpsError | null) => {
    loss = error && { error, at: loss?.at ?? Date.now() };
    report(error);
    attempt?.resolve();
    attempt = null;
  };
  const open = (signal: AbortSignal) => client.openEvents(eventsQuery, signal);
  /** One subscription until it ends. Then it rejects, with the reason if known. */
  const watch = async (onWatching: () => void) => {
    const { signal } = life;
    const stream = await withDeadline(timeoutMs, open, signal);
    onBegin();
    const end = () => stream.destroy();
    signal.addEventListener("abort", end, { once: true });
    let timer: NodeJS.Timeout | undefined;
    try {
      const reading = readEvents(stream, onEvent, labels);
      reading.catch(() => {});
      await Promise.race([refresher.syncAll(patienceMs), reading.then(throwEnded)]);
      onWatching();
      timer = setInterval(() => void refresher.sync().catch((error: unknown) => life.abort(error)), resyncMs).unref();
      await reading;
      throwEnded();
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      clearInterval(timer);
      signal.removeEventListener("abort", end);
      stream.destroy();
    }
  };
  const run = async () => {
    for (let failures = 0; !closed.signal.aborted;) {
      let watchingSince = Number.POSITIVE_INFINITY;
      const onWatching = () => {
        watchingSince = performance.now();
        conclude(null);
      };
      life = new AbortController();
      const error = await watch(onWatching).then(throwEnded, (reason: unknown) => toDockerError(reason, name));
      client.forget();
      if (closed.signal.aborted) return;
      const wasWatching = performance.now() - watchingSince > 1000;
      failures = wasWatching ? 0 : failures + 1;
      // A stream that ended is no failure yet: the engine may be back already, so readers wait for
      // the next attempt.
      if (wasWatching && isEnd(error)) attempt ??= Promise.withResolvers();
      else conclude(error);
      if (failures > 0) await sleep(toDelay(failures), null, { ref: false, signal: closed.signal }).catch(() => {});
    }
  };
  return {
    ready() {
      if (!isStarted) {
        isStarted = true;
        void run();
      }
      return attempt?.promise ?? null;
    },
    loss: () => loss,
    lose(error) {
      // Callers that waited for this must see the failure at once.
      if (!isEnd(error)) conclude(error);
      life.abort(error);
    },
    close() {
      closed.abort();
      life.abort(new OpsError("docker_unavailable", "Closed"));
      attempt?.resolve();
    },
  };
}

function throwEnded(): never {
  throw Object.assign(new Error("The stream of events ended"), { code: "ECONNRESET" });
}

/** Whether only the connection ended, while the engine may still answer. */
function isEnd(error: OpsError): boolean {
  return (error.cause as { code?: unknown } | undefined)?.code === "ECONNRESET";
}

function toDelay(failures: number): number {
  return Math.min(lastDelayMs, firstDelayMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}

export interface Refresher {
  /**
   * Lists, and inspects every container; resolves when all are done or `waitMs` after the list.
   * Rejects when the list fails.
   */
  syncAll(waitMs: number): Promise<void>;
  /** Lists, and inspects what changed. */
  sync(): Promise<void>;
  onEvent(event: EngineEvent): void;
  close(): void;
}

interface RefresherOptions {
  /** Name of the engine. */
  readonly name: string;
  readonly inventory: Inventory;
  readonly list: () => Promise<readonly ListedContainer[]>;
  /** Inspects a container and updates the inventory. */
  readonly inspect: (fullId: string) => Promise<unknown>;
  /** Limits parallel inspections, those of requests included. */
  readonly limit: FairLimit;
  /** Limits them further while all are inspected, over all engines. */
  readonly fullLimit: LimitFunction;
  /** An inspection of this container has ended, successful or not. */
  readonly onSettled: (fullId: string) => void;
  /** The engine itself is gone. */
  readonly onLost: (error: OpsError) => void;
}

/** Events of one container within this time cause one inspection, milliseconds. */
const coalesceMs = 150;
/** After `die` the state settles late: exited, or restarting under a policy. Milliseconds. */
const afterDieMs = 1000;
/** Events of actions by a user, who may start the container by hand next. */
const requests: ReadonlySet<string> = new Set(["kill", "stop", "restart"]);

/**
 * Our inspections wait as those of one owner: they delay no request by more than one turn, and have
 * turns beside requests.
 */
const ours: Asker = { owner: "sync", order: 0 };

/** From this number of containers on, other work gets its turn in between. */
const many = 200;
const turns = createSharedBudget(new AbortController().signal);

function mapInTurns<To>(ids: readonly string[], map: (fullId: string) => To): readonly To[] | Promise<To[]> {
  return ids.length < many ? ids.map(map) : inTurns(ids, turns, map);
}

/** Updates an engine's inventory from lists, inspections and events. */
export function createRefresher(options: RefresherOptions): Refresher {
  const { name, inventory, inspect, limit, fullLimit, onSettled, onLost } = options;
  const dirty = new Set<string>();
  const running = new Set<string>();
  const afterDie = new Map<string, NodeJS.Timeout>();
  let timer: NodeJS.Timeout | null = null;

  const inspectOne = async (fullId: string, isFull: boolean): Promise<void> => {
    running.add(fullId);
    try {
      await limit.run(ours, () => (isFull ? fullLimit(() => inspect(fullId)) : inspect(fullId)));
    } catch (error) {
      const failure = toDockerError(error, name);
      // The inspection has already removed one that is not found.
      if (failure.code === "docker_unavailable") onLost(failure);
      else if (failure.code !== "container_not_found") await listInstead(fullId);
    } finally {
      running.delete(fullId);
      onSettled(fullId);
    }
  };
  /**
   * The list does not wait for a container that hangs. If the list fails too, the engine counts as
   * lost.
   */
  const listInstead = (fullId: string) => list().then(() => inventory.demote(fullId), onLost);
  let listing: Promise<string[]> | null = null;
  const ask = async () => {
    const asked = inventory.begin();
    const changed = inventory.applyList(await options.list(), asked);
    // Computes their rows now: else the next snapshot would have to compute all rows of a first
    // list at once.
    await mapInTurns(changed, (fullId) => inventory.lastKnown(fullId));
    return changed;
  };
  const list = () => (listing ??= ask().finally(() => (listing = null)));
  const inspectAll = async (ids: Iterable<string>, isFull = false) => {
    const idle = [...ids].filter((fullId) => !running.has(fullId));
    // Marked right away, because another list may arrive before the last container's turn.
    for (const fullId of idle) running.add(fullId);
    await Promise.all(await mapInTurns(idle, (fullId) => inspectOne(fullId, isFull)));
  };
  const flush = () => {
    timer = null;
    const ids = [...dirty];
    dirty.clear();
    // An inspection under way may predate this event: it is repeated.
    for (const fullId of ids) if (running.has(fullId)) mark(fullId);
    void inspectAll(ids);
  };
  const mark = (fullId: string) => {
    dirty.add(fullId);
    timer ??= setTimeout(flush, coalesceMs).unref();
  };
  return {
    async syncAll(waitMs) {
      // An engine that starts again resets all counts.
      inventory.doubtRestarts(null);
      await list();
      const inspections = inspectAll(inventory.ids(), true);
      await Promise.race([inspections, sleep(waitMs, null, { ref: false })]);
    },
    async sync() {
      // Some were inspected while rows were made.
      await inspectAll((await list()).filter((fullId) => !inventory.isInspected(fullId)));
    },
    onEvent({ action, fullId }) {
      if (requests.has(action)) inventory.doubtRestarts(fullId);
      if (action === "start" || action === "die") inventory.doubtTimes(fullId);
      // A signal changes nothing yet: `die` does.
      if (action === "kill") return;
      if (action === "destroy") return inventory.remove(fullId);
      mark(fullId);
      if (action !== "die") return;
      clearTimeout(afterDie.get(fullId));
      const again = () => {
        afterDie.delete(fullId);
        mark(fullId);
      };
      afterDie.set(fullId, setTimeout(again, afterDieMs).unref());
    },
    close() {
      if (timer) clearTimeout(timer);
      for (const later of afterDie.values()) clearTimeout(later);
    },
  };
}
