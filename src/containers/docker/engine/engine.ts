import { hostname } from "node:os";
import pLimit, { type LimitFunction } from "p-limit";
import { abortable, withDeadline } from "../../../lib/abort.ts";
import type { Changes } from "../../../lib/broadcast.ts";
import { createFairLimit, type FairLimit } from "../../../lib/budget/fair-limit.ts";
import { OpsError, toProblem } from "../../../lib/errors.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { ObserveCall } from "../../../lib/upstream-call.ts";
import type { ContainerRef } from "../../container.ts";
import type { ContainerRules } from "../../facts.ts";
import type { EngineStatus } from "../../source.ts";
import type { EngineOptions } from "../address.ts";
import { listAnswer, type ListedFacts, toListedFacts } from "../http/answers.ts";
import { createEngineClient, type EngineClient } from "../http/client.ts";
import { AnswerError, isLost, toDockerError } from "../http/errors.ts";
import { createEventEnricher, type EventBroadcaster, type EventEnricher } from "./event-feed.ts";
import { createRecentRestarts, createStartWaiters, type RecentRestarts, type StartWaiters } from "./events.ts";
import type { Inspector } from "./inspect.ts";
import { createInventory, type Inventory, type Snapshot } from "./inventory.ts";
import { createWatcher, type WatchTimes } from "./sync.ts";

/** What is known of an engine now; `snapshot` is null when nothing is known, or when the engine was lost too long ago. */
export interface EngineView {
  readonly status: EngineStatus;
  readonly snapshot: Snapshot | null;
}

/** One engine: its connection, its containers in memory, and its errors. */
export interface Engine {
  readonly name: string;
  readonly client: EngineClient;
  /** Limits parallel calls for single containers. */
  readonly limit: LimitFunction;
  /** Limits parallel log reads: each may take 32 MB from the engine. */
  readonly logLimit: FairLimit;
  /** Limits parallel inspections of whole engines, over all engines: a hundred at once would cost 100 MB. */
  readonly fullLimit: LimitFunction;
  readonly inventory: Inventory;
  /** Publishes its events to readers. */
  readonly eventEnricher: EventEnricher;
  readonly recentRestarts: RecentRestarts;
  readonly startWaiters: StartWaiters;
  /** From memory; the first call waits until the engine has answered or failed. Never rejects. */
  view(signal: AbortSignal): EngineView | Promise<EngineView>;
  /** Null where `view` would wait. */
  peek(): EngineView | null;
  /** Its containers; rejects when the engine is lost. */
  known(signal: AbortSignal): Promise<Snapshot>;
  fetchList(deadlineMs: number): Promise<ListedFacts[]>;
  /** Records contact with the engine. */
  touch(): void;
  /** Runs a call with one total deadline; every failure becomes an OpsError. */
  ask<T>(deadlineMs: number, run: (signal: AbortSignal) => Promise<T>, ...callers: AbortSignal[]): Promise<T>;
  close(): void;
}

export interface EngineSettings extends WatchTimes {
  readonly rules: ContainerRules;
  readonly logger: Logger;
  readonly concurrency: number;
  readonly fullLimit: LimitFunction;
  /** How long the containers of a lost engine are shown, milliseconds. */
  readonly staleMs: number;
  /** Notified when its containers, or whether it answers, may have changed. */
  readonly changes: Changes;
  readonly broadcaster: EventBroadcaster;
  readonly observe?: ObserveCall | undefined;
}

/**
 * After `quietMs` without contact the engine is pinged in the background; after `silentMs` requests wait for that ping. So a hanging engine is never
 * reported healthy for longer than that, and an idle gateway sends no pings. Milliseconds.
 */
const [quietMs, silentMs] = [1000, 3000];

export function createEngine(options: EngineOptions, inspector: Inspector, settings: EngineSettings): Engine {
  const { name, address, env } = options;
  const client = createEngineClient(address, options.control ?? null, settings.observe);
  const hostNames = [name, address.kind === "unix" ? hostname() : address.host];
  const inventory = createInventory({ env, rules: settings.rules, hostNames }, () => settings.changes.notify());
  let contactAt: number | null = null;
  let isListed = false;
  let pinging: Promise<void> | null = null;

  const ask: Engine["ask"] = async (deadlineMs, run, ...callers) => {
    try {
      const answer = await withDeadline(deadlineMs, run, ...callers);
      contactAt = Date.now();
      return answer;
    } catch (error) {
      const failure = toDockerError(error, name);
      if (isLost(failure)) client.forget();
      throw failure;
    }
  };
  const askPing = async () => {
    try {
      await ask(settings.listTimeoutMs, (signal) => client.ping(signal));
    } catch (error) {
      watcher.lose(error as OpsError);
    } finally {
      pinging = null;
    }
  };
  const ping = () => (pinging ??= askPing());
  /** What a request must wait for; null for nothing. */
  const pending = (): Promise<void> | null => {
    const ready = watcher.ready();
    if (ready || watcher.loss() || contactAt === null) return ready;
    // A clock that was set back is no contact.
    const silence = Math.abs(Date.now() - contactAt);
    const answer = silence < quietMs ? null : ping();
    return silence < silentMs ? null : answer;
  };
  const toStatus = (error: OpsError | null): EngineStatus => {
    const runs = isListed ? inventory.snapshot(error !== null).environments : null;
    return { name, env, runs, ok: error === null, contactAt, error: error && toProblem(error) };
  };
  const now = (): EngineView => {
    const loss = watcher.loss();
    if (!loss) return { status: toStatus(null), snapshot: inventory.snapshot(false) };
    const isShown = contactAt !== null && Date.now() - loss.at <= settings.staleMs;
    return { status: toStatus(loss.error), snapshot: isShown ? inventory.snapshot(true) : null };
  };
  const view = (signal: AbortSignal): EngineView | Promise<EngineView> => {
    const wait = pending();
    if (!wait) return now();
    return abortable(wait, signal).then(
      () => view(signal),
      (error: unknown) => ({ status: toStatus(toDockerError(error, name)), snapshot: null }),
    );
  };
  const engine: Engine = {
    name,
    client,
    limit: pLimit(settings.concurrency),
    logLimit: createFairLimit(settings.concurrency),
    fullLimit: settings.fullLimit,
    inventory,
    eventEnricher: createEventEnricher(name, inventory, settings.broadcaster),
    recentRestarts: createRecentRestarts(),
    startWaiters: createStartWaiters(),
    view,
    peek: () => (pending() ? null : now()),
    async known(signal) {
      const { snapshot, status } = await view(signal);
      if (snapshot && status.ok) return snapshot;
      throw watcher.loss()?.error ?? toDockerError(signal.reason, name);
    },
    async fetchList(deadlineMs) {
      const list = toFacts(await ask(deadlineMs, (signal) => client.listContainers(signal)), name);
      isListed = true;
      return list;
    },
    touch: () => void (contactAt = Date.now()),
    ask,
    close() {
      watcher.close();
      client.close();
    },
  };
  const report = createReport(name, settings.logger);
  const watcher = createWatcher(engine, inspector, settings, (error) => {
    report(error);
    settings.changes.notify();
  });
  return engine;
}

/** Logs one line for each change of state, not for each attempt. */
function createReport(engine: string, logger: Logger): (error: OpsError | null) => void {
  let last: string | null = null;
  return (error) => {
    const state = error?.code ?? null;
    if (state === last) return;
    last = state;
    if (error) logger.warn({ engine, code: error.code, cause: String(error.cause) }, "Docker engine cannot be asked");
    else logger.info({ engine }, "Docker engine answers again");
  };
}

/** The engine of a reference. References come from our own list, so an unknown engine means a vanished container. */
export function findEngine(engines: ReadonlyMap<string, Engine>, ref: ContainerRef): Engine {
  const engine = engines.get(ref.engine);
  if (!engine) throw new OpsError("container_not_found", "No such container");
  return engine;
}

/** Skips elements that are no containers: one odd element must not hide the others. */
function toFacts(answer: unknown, engine: string): ListedFacts[] {
  if (!Array.isArray(answer)) throw new AnswerError("its list of containers is none: is this really a Docker engine?");
  return answer.flatMap((element) => {
    const parsed = listAnswer.safeParse(element);
    return parsed.success ? [toListedFacts(parsed.data, engine)] : [];
  });
}
