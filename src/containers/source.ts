import type { RestartMark } from "../audit/audit.ts";
import type { ReadBudget } from "../lib/budget/budget.ts";
import type { ClockOffset } from "../lib/clock-skew.ts";
import type { Environment } from "../lib/environment.ts";
import type { Container, ContainerRef, ContainerStats, StatsPoint } from "./container.ts";
import type { ContainerEvent, EventBatch } from "./events.ts";
import type {
  FollowOptions,
  LogBatch,
  LogBeginning,
  LogOptions,
  LogPage,
  StoredBatch,
  StoredOptions,
} from "./logs/log.ts";

/** Whether an engine answers. `error` has a code of lib/errors.ts and a message. */
export interface EngineStatus {
  readonly name: string;
  /** Environment of its configuration: its `?env=`, else WALLET_CORE_OPS_ENV; null without. */
  readonly env: Environment | null;
  /**
   * The environments whose tokens may see a container of its last list, also while it does not
   * answer; null until it was listed.
   */
  readonly runs: ReadonlySet<Environment> | null;
  /** Whether each of them was inspected: until then `runs` may lack one. */
  readonly isInspected: boolean;
  readonly ok: boolean;
  /**
   * When its loss was noticed, unix milliseconds; null while it answers, and if it was never
   * listed.
   */
  readonly lostAt: number | null;
  /** When it last answered or sent an event, unix milliseconds; null if never. */
  readonly contactAt: number | null;
  /** When it last listed all its containers, RFC 3339; null if never. */
  readonly listedAt: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  /**
   * How far its clock is ahead of ours, s, as far as that is certain (lib/clock-skew.ts); null
   * until it answered.
   */
  readonly clockSkew: number | null;
  /** How far its clock is ahead, with the uncertainty of the measurement. */
  readonly clockOffset: ClockOffset | null;
}

/** The engines that the holder of one token may know of. */
export interface KnownEngines {
  /** Engines that the token may see. */
  readonly shown: readonly EngineStatus[];
  /** Engines that do not answer and may run containers that the token may see. */
  readonly silent: readonly SilentEngine[];
}

/** An engine that does not answer. Without its name and reason where the token may not see it. */
export interface SilentEngine {
  readonly name: string | null;
  readonly code: string;
  readonly message: string;
}

/** What the engines run. Answers come from memory, which the engines' events keep up to date. */
export interface ContainerListing {
  /**
   * Visible containers only (`selectVisible` in kamal/visibility.ts). The same array of the same
   * objects while nothing changes. After an engine is lost, its last known containers stay for a
   * minute.
   */
  readonly containers: readonly Container[];
  readonly engines: readonly EngineStatus[];
}

/** One release's image of the service, on one engine. */
export interface ReleaseImage {
  readonly engine: string;
  /** Its label `service`, which Kamal sets on each image. */
  readonly service: string;
  /**
   * From its label `service`; else the engine's, unless a core container there has another. Null
   * when unknown.
   */
  readonly env: Environment | null;
  /** Its tag; Kamal's containers have the same version. */
  readonly version: string;
  /** Its OCI revision label, or its tag where that is a commit; "" when unknown. */
  readonly commitSha: string;
  /** RFC 3339. */
  readonly builtAt: string;
  /**
   * When it was last tagged there, which Kamal does when it boots a release; null when it was only
   * pulled. RFC 3339.
   */
  readonly taggedAt: string | null;
}

/** A health check run on demand. */
export interface ProbeRun {
  /** 0 is healthy; null when the engine reports none. */
  readonly exitCode: number | null;
  /** Cleaned, at most `healthOutputLimit`. */
  readonly output: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
  readonly checkedAt: string;
}

/** A container as it is now. */
export interface ContainerInspection {
  readonly container: Container;
  /** Why it must not be restarted from here; null when it may. */
  readonly protectedBy: string | null;
}

/** A container that is about to be restarted. */
export interface MarkedContainer extends ContainerInspection {
  readonly mark: RestartMark;
}

/** Where a restart was asked. */
export interface RestartPlace {
  readonly engineId: string | null;
  readonly fullId: string;
}

/** A container inspected after its restart. */
export interface Restarted {
  readonly container: Container;
  /** HTTP status of the engine's answer to the restart. */
  readonly dockerStatus: number;
}

/**
 * The port to the container engines. Batches answer in the order of the refs; an element is an
 * Error when that one container could not be read. Calls reject with an OpsError
 * (docker_unavailable, docker_forbidden, docker_timeout, docker_error).
 */
export interface ContainerSource {
  /** Never rejects because one engine fails: its error is in `engines`. */
  list(signal: AbortSignal): Promise<ContainerListing>;
  /** What `list` would answer; null when it would have to wait. */
  listCached(): ContainerListing | null;
  /**
   * The last list of an engine, with hidden and stopped containers, marked stale; null where none
   * is known. For an engine that does not answer.
   */
  lastListed(engine: string): readonly Container[] | null;
  /**
   * All that an engine was seen to have, with hidden, stopped and removed containers, each under
   * every name that it had. Null where it may have had others: it was never listed, or had more
   * than are remembered. For an engine that does not answer.
   */
  everSeen(engine: string): readonly Container[] | null;
  /**
   * The container of this exact name on an engine, as the engine says now, and so before its events
   * have come; also one that `list` does not show. Then `list` knows it too. Empty without one.
   * Rejects as `inspectNow`.
   */
  findByName(
    name: string,
    engine: string,
    caller: Pick<ReadBudget, "owner" | "order" | "signal">,
  ): Promise<readonly Container[]>;
  /**
   * Containers that events name and no list shows yet, as they were created or renamed this moment.
   * Each as its event shows it, not inspected; it may be one that `list` never shows.
   */
  heard(): readonly Container[];
  /**
   * The stopped containers of old releases that `list` does not show, and those that never started
   * (`VisibleIndex.isRetired`). From memory, unordered.
   */
  listRetired(signal: AbortSignal): Promise<readonly Container[]>;
  /**
   * All live containers, also those that `list` hides: a worker may run in a `kamal app exec`.
   * Unordered; else as `list`.
   */
  listRunning(signal: AbortSignal): Promise<ContainerListing>;
  /** The services' images on the engines that answer; cached for a minute. */
  images(signal: AbortSignal): Promise<readonly ReleaseImage[]>;
  /**
   * Yields at once, then whenever `list` may answer differently, also because time has passed. Many
   * changes count as one. A slow reader misses nothing, because it calls `list` when it wakes.
   * Sends no request itself. Ends with the signal. Each value stands for its moment: the same
   * object for all who wake then.
   */
  changes(signal: AbortSignal): AsyncGenerator<object, void>;
  /**
   * Events of visible containers from now on. An engine is watched only after somebody has asked
   * for a list. A slow reader loses the oldest events and receives their number. Ends with the
   * signal, at once.
   */
  events(accepts: (event: ContainerEvent) => boolean, signal: AbortSignal): AsyncGenerator<EventBatch, void>;
  /**
   * Asks the engine, bypassing the memory, for actions. Rejects with container_not_found, and when
   * the engine does not answer or hangs. It waits its turn among the calls of its owner; without an
   * owner, among the gateway's own.
   */
  inspectNow(ref: ContainerRef, caller?: Pick<ReadBudget, "owner" | "order" | "signal">): Promise<ContainerInspection>;
  /**
   * Null for a container that is not running. From a sample of the last two seconds; the first
   * answer takes half a second. The samples are taken in turn with those of other owners.
   */
  stats(refs: readonly ContainerRef[], budget: ReadBudget): Promise<readonly (ContainerStats | null | Error)[]>;
  /**
   * A number that is the same while `stats` would return the same for this very list; null where it
   * would wait. Also continues sampling.
   */
  statsVersion(refs: readonly ContainerRef[]): number | null;
  /**
   * The samples of the last ten minutes, oldest first. Also continues sampling, as `stats` does,
   * without waiting.
   */
  statsHistory(ref: ContainerRef): readonly StatsPoint[];
  /** The same samples as far as somebody else asked for them: it samples nothing itself. */
  statsHistoryCached(ref: ContainerRef): readonly StatsPoint[];
  /** The lines count against the budget. Rejects also as the budget does. */
  logs(ref: ContainerRef, options: LogOptions, budget: ReadBudget): Promise<LogPage>;
  /**
   * Where the log begins that the engine still has; null for an empty one. Reads only its first
   * lines. Rejects as `logs`.
   */
  logBeginning(ref: ContainerRef, budget: ReadBudget): Promise<LogBeginning | null>;
  /**
   * The newest lines, then what the container writes, across its restarts. Rejects when the log
   * cannot be opened; after that it waits for an engine that is lost. Ends with the signal, at
   * once.
   */
  follow(ref: ContainerRef, options: FollowOptions, signal: AbortSignal): Promise<AsyncGenerator<LogBatch>>;
  /**
   * Reads the log once, up to its present end, no faster than the reader; holds one piece of it.
   * Rejects when it cannot be read, or when the engine sends nothing for a minute. A caller that
   * does not iterate it to its end must call `return`.
   */
  stored(ref: ContainerRef, options: StoredOptions, signal: AbortSignal): AsyncGenerator<StoredBatch, void>;
  /**
   * Restarts and inspects again. The container has `stopSeconds` to end by itself (`RestartMark`).
   * Has its own deadline: no caller can cancel it. `check` is called right before the engine is
   * asked to restart it; what it throws ends the attempt, and nothing was done.
   */
  restart(ref: ContainerRef, stopSeconds: number, check?: () => void): Promise<Restarted>;
  /**
   * Runs the container's own health check by exec, with the check's own timeout (1 to 30 s); null
   * without a health check.
   */
  probe(ref: ContainerRef): Promise<ProbeRun | null>;
  /**
   * As `inspectNow`, with what the engine says of itself and the container right now, for the
   * record of a restart. It waits for no other caller.
   */
  markRestart(ref: ContainerRef): Promise<MarkedContainer>;
  /**
   * Finds the engine of a restart by the engine's id or, if that is unknown, by the container's id,
   * which is unique over all engines. Returns the engine's name in this gateway, or null if this
   * gateway does not know the engine. Rejects while an engine that it may be does not answer.
   */
  locate(action: RestartPlace): Promise<string | null>;
  /**
   * Whether it was restarted after `since` and at `until` at the latest, both by the engine's
   * clock: by the events we recorded or the engine's own. Engines forget all but their last 256
   * events.
   */
  restartedSince(ref: ContainerRef, since: Date, until: Date): Promise<boolean>;
  close(): Promise<void>;
}
