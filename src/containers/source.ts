import type { ReadBudget } from "../lib/budget/budget.ts";
import type { Environment } from "../lib/environment.ts";
import type { Container, ContainerRef, ContainerStats, ListedContainer, StatsPoint } from "./container.ts";
import type { ContainerEvent, EventBatch } from "./events.ts";
import type { FollowOptions, LogBatch, LogOptions, LogPage } from "./logs/log.ts";
import type { ReleaseImage } from "./release-image.ts";

/** Whether an engine answers. `error` is an error code of errors.ts with a message. */
export interface EngineStatus {
  readonly name: string;
  /** Environment of its configuration: its `?env=`, else ENV; null without. */
  readonly env: Environment | null;
  /** The environments whose tokens may see a container of its last list, also while it does not answer; null until it was listed. */
  readonly runs: ReadonlySet<Environment> | null;
  readonly ok: boolean;
  /** When it last answered or told of an event, unix milliseconds; null when it never did. */
  readonly contactAt: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface ContainerListing {
  /**
   * Visible ones only: the rule of `selectVisible` in kamal-visible.ts. The same array while nothing changed. Those of an engine that went
   * away are the last known ones for a minute.
   */
  readonly containers: readonly ListedContainer[];
  readonly engines: readonly EngineStatus[];
}

/** A listing whose rows are inspected already. */
export interface InspectedListing extends ContainerListing {
  readonly containers: readonly Container[];
}

/** A health check that was run on demand. */
export interface ProbeRun {
  /** 0 is healthy; null when the engine could not tell. */
  readonly exitCode: number | null;
  /** Cleaned, at most `healthOutputLimit`. */
  readonly output: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
  readonly checkedAt: string;
}

/** A container as it is now, and why it must not be restarted from here; null when it may. */
export interface RestartInspection {
  readonly container: Container;
  readonly protectedBy: string | null;
}

/** A container after its restart, inspected again. */
export interface Restarted {
  readonly container: Container;
  /** HTTP status of the engine's answer to the call. */
  readonly dockerStatus: number;
}

/**
 * The port to the container engines. Batches answer in the order of the refs; an element is an Error when that one container
 * could not be asked. Calls reject with an OpsError (docker_unavailable, docker_forbidden, docker_timeout, docker_error).
 */
export interface ContainerSource {
  /** Never rejects for one engine: its failure is in `engines`. */
  list(signal: AbortSignal): Promise<ContainerListing>;
  /** What `list` and then `inspect` would answer, where that takes no waiting; else null. */
  listCached(): InspectedListing | null;
  /**
   * The stopped containers of old releases that `list` does not show, and those that never started: the rule of `selectKept` in kamal-visible.ts. From the
   * memory behind `list`, in no order.
   */
  listRetired(signal: AbortSignal): Promise<readonly Container[]>;
  /** All that live, those that `list` does not show too: a worker may be in a `kamal app exec`. In no order; as `list` otherwise. */
  listRunning(signal: AbortSignal): Promise<InspectedListing>;
  /** The images of the services on those engines that answer; from memory for a minute. */
  images(signal: AbortSignal): Promise<readonly ReleaseImage[]>;
  /**
   * Yields at once, then whenever `list` may answer something else than before, also by the mere passing of time: many changes are one, and a reader
   * that is slow misses none, for it asks `list` when it comes. Asks nothing itself. Ends with the signal.
   */
  changes(signal: AbortSignal): AsyncGenerator<null, void>;
  /**
   * The engines' events of visible containers from now on, as far as somebody has asked for a list: only that begins to watch an engine. A reader
   * that is slow loses the oldest, and is told how many. Ends with the signal, at once.
   */
  events(accepts: (event: ContainerEvent) => boolean, signal: AbortSignal): AsyncGenerator<EventBatch, void>;
  /**
   * From memory, which the engines' events keep up to date: the same objects while nothing changed. Null for one that vanished
   * meanwhile. One that hangs, or is refused, is answered from the list, with nulls.
   */
  inspect(refs: readonly ContainerRef[], signal: AbortSignal): Promise<readonly (Container | null | Error)[]>;
  /** Asks the engine, past the memory; null for one that vanished. Rejects when the engine does not answer, or hangs. For actions. */
  inspectNow(ref: ContainerRef, signal: AbortSignal): Promise<Container | null>;
  /** Null for one that is not running. From a sample of the last two seconds; the first answer takes half a second. */
  stats(refs: readonly ContainerRef[], signal: AbortSignal): Promise<readonly (ContainerStats | null | Error)[]>;
  /** What is remembered of the last ten minutes, oldest first; keeps on sampling it as `stats` does, without waiting. */
  statsHistory(ref: ContainerRef): readonly StatsPoint[];
  /** Its lines are held in the budget. Rejects also as the budget does. */
  logs(ref: ContainerRef, options: LogOptions, budget: ReadBudget): Promise<LogPage>;
  /**
   * Its newest lines, then what it writes, over its restarts. Rejects when the log cannot be opened; once it is open, an engine that goes away
   * is waited for. Ends with the signal, at once.
   */
  follow(ref: ContainerRef, options: FollowOptions, signal: AbortSignal): Promise<AsyncGenerator<LogBatch>>;
  /** Restarts and inspects again. Not tied to any caller: it has a deadline of its own. */
  restart(ref: ContainerRef): Promise<Restarted>;
  /** Runs its own health check by exec, with the time limit that it says itself; null without one. */
  probe(ref: ContainerRef): Promise<ProbeRun | null>;
  /** Inspects one container now, whatever is known of it. Rejects also with container_not_found. */
  inspectForRestart(ref: ContainerRef): Promise<RestartInspection>;
  /** Whether the engine's own events have a restart of it since then. Engines forget all but their last 256 events. */
  restartedSince(ref: ContainerRef, since: Date): Promise<boolean>;
  close(): Promise<void>;
}
