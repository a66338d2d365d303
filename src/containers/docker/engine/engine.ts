import { hostname } from "node:os";
import type { LimitFunction } from "p-limit";
import { abortable, type Deadline, withDeadline } from "../../../lib/abort.ts";
import type { Changes } from "../../../lib/broadcast.ts";
import { createSharedBudget, inTurns } from "../../../lib/budget/budget.ts";
import { type Asker, createFairLimit, createOwnerLimit, type FairLimit } from "../../../lib/budget/fair-limit.ts";
import { toClockSkew } from "../../../lib/clock-skew.ts";
import { OpsError, toProblem } from "../../../lib/errors.ts";
import { createChangeLog, type Logger } from "../../../lib/logger.ts";
import { formatRfc3339 } from "../../../lib/time.ts";
import type { ObserveCall } from "../../../lib/upstream-call.ts";
import type { Container, ContainerRef, RawContainer } from "../../container.ts";
import { listReadLabels } from "../../kamal/labels.ts";
import type { ContainerRules } from "../../kamal/rules.ts";
import type { EngineStatus } from "../../source.ts";
import type { EngineOptions } from "../address.ts";
import {
  fromInspect,
  type InspectAnswer,
  inspectAnswer,
  listAnswer,
  type ListedContainer,
  toListedContainer,
} from "../http/answers.ts";
import { createEngineClient, type EngineClient } from "../http/client.ts";
import { AnswerError, isLost, toDockerError } from "../http/errors.ts";
import { createEventEnricher, type EventBroadcaster, toRaw } from "./event-feed.ts";
import { createStarts, type EngineEvent, type Starts, toFirstEventsQuery } from "./events.ts";
import { createInventory, type Inventory, type Snapshot } from "./inventory.ts";
import { createRefresher, createWatcher } from "./sync.ts";

/**
 * What is known of an engine now; `snapshot` is null when nothing is known, or when the engine was
 * lost too long ago.
 */
export interface EngineView {
  readonly status: EngineStatus;
  readonly snapshot: Snapshot | null;
}

/** One inspection: the container, and what only our own calls need. */
export interface Inspection {
  readonly raw: RawContainer;
  readonly tty: boolean;
  /**
   * Seconds that the container asks for between SIGTERM and SIGKILL, null for the engine's default.
   */
  readonly stopTimeout: number | null;
}

/** Calls to one engine. */
export interface EngineCalls {
  readonly name: string;
  readonly client: EngineClient;
  /** Runs a call with one total deadline; every failure becomes an OpsError. */
  ask<T>(deadline: number | Deadline, run: (signal: AbortSignal) => Promise<T>, ...callers: AbortSignal[]): Promise<T>;
  /**
   * Asks for one container and updates the inventory. Rejects with container_not_found,
   * docker_timeout ...
   */
  inspect(fullId: string, ...callers: AbortSignal[]): Promise<Inspection>;
}

/** One engine: its connection, its containers in memory, and its errors. */
export interface Engine extends EngineCalls {
  /**
   * Limits of parallel calls, one for each kind: those that hang delay no other kind. Each is fair
   * between owners: one who asks about thousands of containers delays another by a few calls. A log
   * read may take 32 MB from the engine. `searches` is of each owner's readings with a pattern,
   * which leave their place of `logs` while they wait for a match.
   */
  readonly limits: Readonly<Record<"inspect" | "stats" | "logs", FairLimit>> & {
    readonly searches: Pick<FairLimit, "run">;
  };
  readonly inventory: Pick<Inventory, "snapshot">;
  readonly starts: Starts;
  /** From memory; the first call waits until the engine has answered or failed. Never rejects. */
  view(signal: AbortSignal): EngineView | Promise<EngineView>;
  /** Null where `view` would wait. */
  viewCached(): EngineView | null;
  /** As `ContainerSource.lastListed`. */
  lastListed(): readonly Container[] | null;
  /** As `ContainerSource.everSeen`. */
  everSeen(): readonly Container[] | null;
  /** As `ContainerSource.heard`; nothing while the engine is lost. */
  heard(): readonly Container[];
  /** As `ContainerSource.findByName`, of this engine. */
  findByName(name: string, caller: Asker & { readonly signal: AbortSignal }): Promise<readonly Container[]>;
  /** Its containers; rejects when the engine is lost. */
  known(signal: AbortSignal): Promise<Snapshot>;
  close(): void;
}

export interface EngineSettings {
  readonly rules: ContainerRules;
  readonly logger: Logger;
  readonly observe?: ObserveCall | undefined;
  /** Parallel calls of each kind for single containers. @default 10 */
  readonly concurrency?: number;
  /**
   * Limits parallel inspections of whole engines, over all engines: a hundred at once would cost
   * 100 MB.
   */
  readonly fullLimit: LimitFunction;
  /** Deadline for subscribing to events, for a list and for a ping, milliseconds. @default 2000 */
  readonly listTimeoutMs?: number;
  /** Per container. @default 2000 */
  readonly inspectTimeoutMs?: number;
  /**
   * Interval of full lists of a watched engine, whether or not events arrive, milliseconds.
   * @default 30000
   */
  readonly resyncMs?: number;
  /** How long the containers of a lost engine are shown, milliseconds. @default 60000 */
  readonly staleMs?: number;
  /** Notified when its containers, or whether it answers, may have changed. */
  readonly changes: Changes;
  readonly broadcaster: EventBroadcaster;
}

/**
 * After `quietMs` without contact the engine is pinged in the background; after `silentMs` requests
 * wait for that ping. So a hanging engine is never reported healthy for longer than that, and an
 * idle gateway sends no pings. Milliseconds.
 */
const [quietMs, silentMs] = [1000, 3000];

export function createEngine(options: EngineOptions, settings: EngineSettings): Engine {
  const { name, address, env } = options;
  const { rules, logger, changes, broadcaster, concurrency = 10 } = settings;
  const { listTimeoutMs = 2000, inspectTimeoutMs = 2000, resyncMs = 30_000, staleMs = 60_000 } = settings;
  const labels = listReadLabels(rules);
  const client = createEngineClient(address, options.control ?? null, settings.observe, labels);
  const hostNames = [name, address.kind === "unix" ? hostname() : address.host];
  const inventory = createInventory({ env, rules, hostNames }, () => changes.notify());
  let contactAt: number | null = null;
  let listedAt: string | null = null;
  let pinging: Promise<void> | null = null;

  const ask: EngineCalls["ask"] = async (deadline, run, ...callers) => {
    try {
      const answer = await withDeadline(deadline, run, ...callers);
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
      await ask(listTimeoutMs, (signal) => client.ping(signal));
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
    const { environments, isInspected } = inventory.snapshot(error !== null);
    const runs = listedAt === null ? null : environments;
    const lostAt = listedAt === null || error === null ? null : (watcher.loss()?.at ?? null);
    const clockOffset = client.clock();
    const clockSkew = clockOffset && toClockSkew(clockOffset);
    return {
      name,
      env,
      runs,
      isInspected,
      ok: error === null,
      lostAt,
      contactAt,
      listedAt,
      error: error && toProblem(error),
      clockSkew,
      clockOffset,
    };
  };
  const now = (): EngineView => {
    const loss = watcher.loss();
    if (!loss) return { status: toStatus(null), snapshot: inventory.snapshot(false) };
    const isShown = contactAt !== null && Date.now() - loss.at <= staleMs;
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
  const list = async () => {
    const answer = await ask(listTimeoutMs, (signal) => client.listContainers(signal));
    const listed = await toList(answer, name, inventory, labels);
    listedAt = formatRfc3339(Date.now());
    return listed;
  };
  const inspect = createInspect({ name, client, inventory, ask, labels }, inspectTimeoutMs);
  const createLimit = () => createFairLimit(concurrency);
  const limits = {
    inspect: createLimit(),
    stats: createLimit(),
    logs: createLimit(),
    searches: createOwnerLimit(concurrency),
  };
  const starts = createStarts();
  const enricher = createEventEnricher(name, inventory, broadcaster);
  const refresher = createRefresher({
    name,
    inventory,
    list,
    inspect,
    limit: limits.inspect,
    fullLimit: settings.fullLimit,
    onSettled: (fullId) => enricher.settle(fullId),
    onLost: (error) => watcher.lose(toDockerError(error, name)),
  });
  /**
   * Until the engine is watched for the first time: when its stream began by its own clock, unix
   * ms.
   */
  let first: { beganAt: number } | null = { beganAt: Number.NaN };
  const openEvents: EngineClient["openEvents"] = async (query, signal) => {
    if (!first) return client.openEvents(query, signal);
    const stream = await client.openEvents(toFirstEventsQuery(Date.now()), signal);
    // In whole seconds, rounded down: what came later than that may be new.
    first.beganAt = Date.parse(stream.headers.date ?? "");
    return stream;
  };
  /**
   * All that an event reaches, in this order. Its readers see the container as it was known before
   * the event, so the inventory comes last.
   */
  const onEvent = (event: EngineEvent) => {
    contactAt = Date.now();
    if (first && Date.parse(event.time) < first.beganAt) return enricher.onPast(event);
    starts.record(event);
    inventory.hear(toRaw(event, name));
    enricher.onEvent(event);
    refresher.onEvent(event);
  };
  const change = createChangeLog();
  const report = (error: OpsError | null) => {
    change(error?.code ?? "", () => {
      if (error)
        logger.warn({ engine: name, code: error.code, cause: String(error.cause) }, "Docker engine cannot be asked");
      else logger.info({ engine: name }, "Docker engine answers again");
    });
    if (error === null) {
      broadcaster.onWatched({ name, env });
      first = null;
      enricher.release();
    }
    changes.notify();
  };
  const onBegin = () => {
    enricher.begin();
    if (first) enricher.hold();
  };
  const watcher = createWatcher({
    name,
    client: { openEvents, forget: () => client.forget() },
    timeoutMs: listTimeoutMs,
    resyncMs,
    refresher,
    onBegin,
    onEvent,
    labels,
    report,
  });
  return {
    name,
    client,
    ask,
    inspect,
    limits,
    inventory,
    starts,
    view,
    lastListed: () => (listedAt === null ? null : inventory.listStale()),
    everSeen: () => (listedAt === null ? null : inventory.everSeen()),
    async findByName(wanted, caller) {
      const answer = await limits.inspect.run(caller, () =>
        ask(listTimeoutMs, (signal) => client.listNamed(wanted, signal), caller.signal),
      );
      const named = (await toList(answer, name, inventory, labels)).filter(({ raw }) => raw.name === wanted);
      const learn = async ({ raw: { fullId } }: ListedContainer): Promise<Container | []> => {
        const known = inventory.snapshot(false).known(fullId)?.row;
        if (known?.name !== wanted || !known.isInspected)
          await limits.inspect.run(caller, () => inspect(fullId, caller.signal)).catch(ignoreMissing);
        return inventory.snapshot(false).known(fullId)?.row ?? [];
      };
      return (await Promise.all(named.map(learn))).flat().filter((row) => row.name === wanted);
    },
    heard: () => (watcher.loss() ? [] : inventory.heard()),
    viewCached: () => (pending() ? null : now()),
    async known(signal) {
      const { snapshot, status } = await view(signal);
      if (snapshot && status.ok) return snapshot;
      throw watcher.loss()?.error ?? toDockerError(signal.reason, name);
    },
    close() {
      watcher.close();
      refresher.close();
      client.close();
    },
  };
}

/** What an inspection needs of its engine. */
interface InspectedEngine extends Pick<EngineCalls, "name" | "ask"> {
  readonly client: Pick<EngineClient, "call">;
  readonly inventory: Pick<Inventory, "begin" | "learn" | "remove">;
  /** Those that are kept. @default all */
  readonly labels?: ReadonlySet<string>;
}

export function createInspect(
  { name, client, inventory, ask, labels }: InspectedEngine,
  timeoutMs: number,
): EngineCalls["inspect"] {
  return async (fullId, ...callers) => {
    const asked = inventory.begin();
    const call = async (signal: AbortSignal) => toAnswer(await client.call(fullId, "json", {}, signal), fullId);
    try {
      const data = await ask(timeoutMs, call, ...callers);
      const raw = fromInspect(data, name, labels);
      inventory.learn(raw, asked);
      return { raw, tty: data.Config.Tty ?? false, stopTimeout: data.Config.StopTimeout };
    } catch (error) {
      if (error instanceof OpsError && error.code === "container_not_found") inventory.remove(fullId);
      throw error;
    }
  };
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof OpsError && error.code === "container_not_found")) throw error;
}

function toAnswer(answer: unknown, fullId: string): InspectAnswer {
  const { success, data } = inspectAnswer.safeParse(answer);
  if (!success || data.Id !== fullId) throw new AnswerError("unexpected response to GET /containers/{id}/json");
  return data;
}

/**
 * The engine of a reference. References come from our own list, so an unknown engine means a
 * vanished container.
 */
export function findEngine(engines: ReadonlyMap<string, Engine>, ref: ContainerRef): Engine {
  const engine = engines.get(ref.engine);
  if (!engine) throw new OpsError("container_not_found", "No such container");
  return engine;
}

/**
 * Skips elements that are no containers: one odd element must not hide the others. Works in turns:
 * there may be thousands.
 */
async function toList(
  answer: unknown,
  engine: string,
  inventory: Pick<Inventory, "unchanged">,
  labels: ReadonlySet<string>,
): Promise<readonly ListedContainer[]> {
  if (!Array.isArray(answer))
    throw new AnswerError(
      "unexpected response to GET /containers/json (not an array): is this a Docker-compatible engine?",
    );
  const toListed = (element: unknown): ListedContainer | null => {
    const parsed = listAnswer.safeParse(element);
    if (!parsed.success) return null;
    const { raw, recent } = toListedContainer(parsed.data, engine, labels);
    return { raw: inventory.unchanged(raw), recent };
  };
  const listed = await inTurns(answer, createSharedBudget(new AbortController().signal), toListed);
  return listed.filter((one) => one !== null);
}
