import type { Environment } from "./environment.ts";

export type ContainerKind = "core" | "accessory";
export type Health = "healthy" | "unhealthy" | "starting" | "none";
export type LogStream = "stdout" | "stderr";

/** One container of one engine. Only the full id ever reaches an engine: Docker resolves prefixes and redirects dot segments. */
export interface ContainerRef {
  /** Configured name of the engine. */
  readonly engine: string;
  /** 64 hex digits. */
  readonly fullId: string;
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
  /** Label `service`, null on a container that Kamal did not start. */
  readonly service: string | null;
  readonly env: Environment | null;
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
  readonly image: string;
  /** Published ports, `HostIp:HostPort`. */
  readonly ports: readonly string[];
  /** Names and addresses by which the host that it runs on may be known to Prometheus, most telling first. */
  readonly hostNames: readonly string[];
}

export interface HealthProbe {
  readonly failingStreak: number;
  /** End of the last probe, null before the first. */
  readonly checkedAt: string | null;
  /** Output of the last probe, at most 4096 bytes. */
  readonly output: string;
}

/** Null where the engine has no figure (a stopped container), never 0 for unknown. */
export interface ContainerStats {
  /** 100 = one CPU kept fully busy; may exceed 100. The docker CLI's formula. */
  readonly cpuPct: number | null;
  /** Used memory without inactive file cache, per cent of the limit (of the host's memory without one). */
  readonly memPct: number | null;
  readonly memUsedBytes: number | null;
  readonly memLimitBytes: number | null;
  readonly pids: number | null;
  readonly sampledAt: string;
}

export interface LogOptions {
  /** How many of the newest matching lines, 1 to 5000. */
  readonly tail: number;
  /** Inclusive, unix seconds with up to nine decimals, as Docker wants it ("1767225600.000000001"). */
  readonly since?: string;
  /** Inclusive, as `since`. */
  readonly until?: string;
  readonly stream?: LogStream;
  /** Plain substring, case-sensitive; applied before `tail`. */
  readonly search?: string;
}

export interface LogLine {
  /** RFC 3339 UTC with nanoseconds, as the engine recorded it. */
  readonly timestamp: string;
  readonly stream: LogStream;
  readonly message: string;
}

/** Lines in the order they were written; `truncated` when older matching lines were left out, by `tail` or by a size limit. */
export interface LogPage {
  readonly lines: readonly LogLine[];
  readonly truncated: boolean;
}

/** Whether an engine answered. `error` is an error code of errors.ts with a message. */
export interface EngineStatus {
  readonly name: string;
  readonly ok: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface ContainerListing {
  /** Visible ones only: the rule of `selectVisible` in kamal-visible.ts. */
  readonly containers: readonly ListedContainer[];
  readonly engines: readonly EngineStatus[];
}

/**
 * The port to the container engines. Batches answer in the order of the refs; an element is an Error when that one container
 * could not be asked. Calls reject with an OpsError (docker_unavailable, docker_forbidden, docker_timeout, docker_error).
 */
export interface ContainerSource {
  /** Never rejects for one engine: its failure is in `engines`. */
  list(signal: AbortSignal): Promise<ContainerListing>;
  /** Null for one that vanished meanwhile. One that hangs, or is refused, is answered from the list, with nulls. */
  inspect(refs: readonly ContainerRef[], signal: AbortSignal): Promise<readonly (Container | null | Error)[]>;
  /** Null for one that is not running. */
  stats(refs: readonly ContainerRef[], signal: AbortSignal): Promise<readonly (ContainerStats | null | Error)[]>;
  logs(ref: ContainerRef, options: LogOptions, signal: AbortSignal): Promise<LogPage>;
  /** Restarts and inspects again. Not tied to any caller: it has a deadline of its own. */
  restart(ref: ContainerRef): Promise<Container>;
  close(): Promise<void>;
}
