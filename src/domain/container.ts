import type { ReadBudget } from "../budget/budget.ts";
import type { ContainerEvent, EventBatch } from "./container-event.ts";
import type { Environment } from "./environment.ts";
import type { FollowOptions, LogBatch } from "./log-follow.ts";
import type { LogLevel } from "./log-level.ts";
import type { LinePattern } from "./log-pattern.ts";
import type { ReleaseImage } from "./release-image.ts";

/** States in which a container has processes. Source: Docker's `State.Status`. */
export const liveStates: ReadonlySet<string> = new Set(["running", "restarting", "paused"]);

/** Part of the product, deployed beside it, or not of it (kamal-kind.ts). */
export type ContainerKind = "core" | "accessory" | "other";
export type Health = "healthy" | "unhealthy" | "starting" | "none";
export type LogStream = "stdout" | "stderr";

/** One container of one engine. Only the full id ever reaches an engine: Docker resolves prefixes and redirects dot segments. */
export interface ContainerRef {
  /** Configured name of the engine. */
  readonly engine: string;
  /** 64 hex digits. */
  readonly fullId: string;
}

/** One text for each: two engine entries may lead to one engine, so that the id alone is not enough. */
export function toContainerKey({ engine, fullId }: ContainerRef): string {
  return `${engine}/${fullId}`;
}

/** A visible container as the engine's list tells it: enough to find one by its name. */
export interface ListedContainer extends ContainerRef {
  readonly name: string;
  readonly kind: ContainerKind;
}

/** A container with everything that its inspection tells. Times are RFC 3339 UTC with seconds. */
export interface Container extends ListedContainer {
  /** The first 12 hex digits of the id. */
  readonly id: string;
  readonly role: string;
  /** Label `service`; of a core container of Docker Compose its project; null on any other. */
  readonly service: string | null;
  /** Kamal's destination as it was written (`-d beta`): any word; null without one. */
  readonly destination: string | null;
  /** Null when unknown: such a container is for tokens of every environment (kamal-env.ts). */
  readonly env: Environment | null;
  /** Under which environment the filter `env` also lists a container of no known one. It is a guess, and shown nowhere. */
  readonly inferredEnv: Environment | null;
  /** Docker's state: created, running, paused, restarting, removing, exited or dead. */
  readonly status: string;
  readonly health: Health;
  /** What the last health probe said; null without a health check or before the first probe. */
  readonly probe: HealthProbe | null;
  readonly version: string;
  /** True when `version` is only a floating tag (latest, main ...), so that deploy_info may name the release. */
  readonly floating: boolean;
  /** True for the old container of a same-version redeploy, renamed `<name>_replaced_<hex>` by Kamal. */
  readonly replaced: boolean;
  readonly commitSha: string;
  /** Restarts by the restart policy; null when the engine could not be asked (a wedged container). */
  readonly restarts: number | null;
  readonly host: string;
  readonly createdAt: string;
  /** Null when it never started, or when the engine could not be asked. */
  readonly startedAt: string | null;
  /** When it ended; null while it is live, when it never started, or when the engine could not be asked. */
  readonly finishedAt: string | null;
  readonly image: string;
  /** Published ports, `HostIp:HostPort`. */
  readonly ports: readonly string[];
  /** Names and addresses by which the host that it runs on may be known to Prometheus, most telling first. */
  readonly hostNames: readonly string[];
  /** When its engine last told of it. Until the engine tells of a change, or is lost, that is how it is. */
  readonly observedAt: string;
  /** True when its engine has gone away since: this is how it was. */
  readonly stale: boolean;
}

/** Longest output of a health probe that is shown, characters: as much as Docker keeps of it, bytes. */
export const healthOutputLimit = 4096;

export interface HealthProbe {
  readonly failingStreak: number;
  /** End of the last probe, null before the first. */
  readonly checkedAt: string | null;
  /** Output of the last probe, cleaned, at most `healthOutputLimit`. */
  readonly output: string;
}

/** Where figures come from: the engine's API, or the files of the container's cgroup on our own machine. */
export type StatsSource = "engine" | "cgroup";

/** Null where there is no figure (a stopped container), never 0 for unknown. Bytes and periods count from the container's start. */
export interface ContainerStats {
  readonly source: StatsSource;
  /** 100 = one CPU kept fully busy; may exceed 100. The docker CLI's formula. */
  readonly cpuPct: number | null;
  /** Periods of its CPU limit that passed, 0 without a limit; of these, how many it was throttled in, and how long in all. */
  readonly cpuPeriods: number | null;
  readonly cpuThrottledPeriods: number | null;
  readonly cpuThrottledSeconds: number | null;
  /** Used memory without inactive file cache, per cent of the limit (of the host's memory without one). */
  readonly memPct: number | null;
  readonly memUsedBytes: number | null;
  readonly memLimitBytes: number | null;
  readonly pids: number | null;
  /** Null without a network of its own (networks `none` and `host`). */
  readonly networkReceiveBytes: number | null;
  readonly networkTransmitBytes: number | null;
  readonly blockReadBytes: number | null;
  readonly blockWriteBytes: number | null;
  readonly sampledAt: string;
}

/** One point of a sparkline. */
export type StatsPoint = Pick<ContainerStats, "sampledAt" | "cpuPct" | "memPct" | "memUsedBytes">;

/** Which lines are wanted; all of it applies before any limit. */
export interface LogFilter {
  readonly stream?: LogStream;
  /** Plain substring, case-sensitive unless `ignoreCase`. */
  readonly search?: string;
  readonly ignoreCase?: boolean;
  readonly pattern?: LinePattern;
  /** So severe, or more; also lines that name no level, unless `levelStrict`. */
  readonly level?: LogLevel;
  readonly levelStrict?: boolean;
}

export interface LogOptions extends LogFilter {
  /** How many of the newest matching lines, 1 to 5000. */
  readonly tail: number;
  /** Inclusive, unix seconds with up to nine decimals, as Docker wants it ("1767225600.000000001"). */
  readonly since?: string;
  /** Inclusive, as `since`. */
  readonly until?: string;
}

export interface LogLine {
  /** RFC 3339 UTC with nanoseconds, as the engine recorded it. */
  readonly timestamp: string;
  readonly stream: LogStream;
  /** What the line says of its severity; a stack trace has that of its first line. Null when nothing tells. */
  readonly level: LogLevel | null;
  /** Sanitised and redacted. */
  readonly message: string;
}

/** Lines in the order they were written; `truncated` when older matching lines were left out, by `tail` or by a size limit. */
export interface LogPage {
  readonly lines: readonly LogLine[];
  readonly truncated: boolean;
}

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
export interface WarmListing extends ContainerListing {
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
export interface RestartLook {
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
  peek(): WarmListing | null;
  /**
   * The stopped containers of old releases that `list` does not show, and those that never started: the rule of `selectKept` in kamal-visible.ts. From the
   * memory behind `list`, in no order.
   */
  kept(signal: AbortSignal): Promise<readonly Container[]>;
  /** All that live, those that `list` does not show too: a worker may be in a `kamal app exec`. In no order; as `list` otherwise. */
  live(signal: AbortSignal): Promise<WarmListing>;
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
  fresh(ref: ContainerRef, signal: AbortSignal): Promise<Container | null>;
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
  look(ref: ContainerRef): Promise<RestartLook>;
  /** Whether the engine's own events have a restart of it since then. Engines forget all but their last 256 events. */
  restartedSince(ref: ContainerRef, since: Date): Promise<boolean>;
  close(): Promise<void>;
}
