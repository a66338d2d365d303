import { setTimeout as sleep } from "node:timers/promises";
import { OpsError } from "../../errors.ts";
import { withDeadline } from "./deadline.ts";
import type { Engine } from "./engine.ts";
import { eventsQuery, readEvents } from "./events.ts";
import { toDockerError } from "./failure.ts";
import type { Inspector } from "./inspect.ts";
import { createRefresher } from "./refresher.ts";

export interface WatchTimes {
  /** Deadline of subscribing, and of a list, milliseconds. */
  readonly listTimeoutMs: number;
  /** Between two lists while nothing happens, milliseconds. */
  readonly resyncMs: number;
}

export interface Watcher {
  /** Starts watching, once; resolves when an attempt has ended, well or not, since the engine was last lost. At once while it is watched. */
  ready(): Promise<void> | null;
  /** Why the engine is not watched, since when (unix milliseconds); null while it is. */
  loss(): { readonly error: OpsError; readonly at: number } | null;
  /** Says that something else found the engine gone: everything is asked anew. */
  lose(error: OpsError): void;
  close(): void;
}

/** The first answers wait so long for inspections beyond the list, milliseconds: one that hangs is told from the list meanwhile. */
const patienceMs = 1000;
/** Between attempts to reach an engine that is lost, milliseconds: doubled each time, less a random half. */
const [firstDelayMs, lastDelayMs] = [200, 5000];

/**
 * Keeps one engine's inventory up to date: subscribes to its events, then lists and inspects all, then follows the events. A list every
 * `resyncMs` finds what events did not tell. When the stream ends everything begins anew. Nothing runs before `ready` is called.
 */
export function createWatcher(
  engine: Engine,
  inspector: Inspector,
  { listTimeoutMs, resyncMs }: WatchTimes,
  report: (error: OpsError | null) => void,
): Watcher {
  const closed = new AbortController();
  let life = new AbortController();
  let loss: ReturnType<Watcher["loss"]> = null;
  let attempt: PromiseWithResolvers<void> | null = Promise.withResolvers();
  let isStarted = false;

  const refresher = createRefresher(engine, inspector, listTimeoutMs, (error) => life.abort(error));
  const conclude = (error: OpsError | null) => {
    loss = error && { error, at: loss?.at ?? Date.now() };
    report(error);
    attempt?.resolve();
    attempt = null;
  };
  const open = (signal: AbortSignal) => engine.client.openEvents(eventsQuery, signal);
  /** One subscription, until it ends: then rejects, with the reason if it is known. */
  const watch = async (onWatching: () => void) => {
    const { signal } = life;
    const stream = await withDeadline(listTimeoutMs, open, signal);
    engine.desk.begin();
    const end = () => stream.destroy();
    signal.addEventListener("abort", end, { once: true });
    let timer: NodeJS.Timeout | undefined;
    try {
      const reading = readEvents(stream, (event) => {
        engine.witness.note(event);
        refresher.onEvent(event);
      });
      reading.catch(() => {});
      await Promise.race([refresher.syncAll(patienceMs), reading.then(onEnd)]);
      onWatching();
      timer = setInterval(() => void refresher.sync().catch((error: unknown) => life.abort(error)), resyncMs).unref();
      await reading;
      onEnd();
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
      const error = await watch(onWatching).then(onEnd, (reason: unknown) => toDockerError(reason, engine.name));
      engine.client.forget();
      if (closed.signal.aborted) return;
      const wasWatching = performance.now() - watchingSince > 1000;
      failures = wasWatching ? 0 : failures + 1;
      // A stream that ended is no failure yet: the engine may be back already, and readers wait for the answer.
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
      // Whoever waited for this must not be told that all is well.
      if (!isEnd(error)) conclude(error);
      life.abort(error);
    },
    close() {
      closed.abort();
      life.abort(new OpsError("docker_unavailable", "Closed"));
      refresher.close();
      attempt?.resolve();
    },
  };
}

function onEnd(): never {
  throw Object.assign(new Error("The stream of events ended"), { code: "ECONNRESET" });
}

/** Whether the connection only ended, as against an engine that does not answer. */
function isEnd(error: OpsError): boolean {
  return (error.cause as { code?: unknown } | undefined)?.code === "ECONNRESET";
}

function toDelay(failures: number): number {
  return Math.min(lastDelayMs, firstDelayMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}
