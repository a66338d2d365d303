import type { Asker } from "../lib/budget/fair-limit.ts";
import type { Environment } from "../lib/environment.ts";

/** States in which a container has processes. Source: Docker's `State.Status`. */
export const liveStates: ReadonlySet<string> = new Set(["running", "restarting", "paused"]);

/** Part of the product, deployed beside it, or neither (kamal/origin.ts). */
export type ContainerKind = "core" | "accessory" | "other";
export type Health = "healthy" | "unhealthy" | "starting" | "none";

/**
 * One container of one engine. Only the full id is sent to an engine: Docker resolves prefixes and
 * redirects dot segments.
 */
export interface ContainerRef {
  /** Configured name of the engine. */
  readonly engine: string;
  /** 64 hex digits. */
  readonly fullId: string;
}

/** A unique key. The id alone is not enough: two engine entries may lead to one engine. */
export function toContainerKey({ engine, fullId }: ContainerRef): string {
  return `${engine}/${fullId}`;
}

/**
 * A container. Times are RFC 3339 UTC with seconds. If the engine could not inspect it, it is as
 * the engine's list shows it.
 */
export interface Container extends ContainerRef {
  readonly name: string;
  readonly kind: ContainerKind;
  /** The first 12 hex digits of the id. */
  readonly id: string;
  readonly role: string;
  /** Label `service`; for a core container of Docker Compose its project; else null. */
  readonly service: string | null;
  /** Kamal's destination as written (`-d beta`): any word; null without one. */
  readonly destination: string | null;
  /**
   * Null when unknown: only tokens of every environment see such a container
   * (kamal/environment.ts).
   */
  readonly env: Environment | null;
  /**
   * The environment under which the filter `env` also lists a container of no known one. A guess,
   * shown nowhere.
   */
  readonly inferredEnv: Environment | null;
  /** Docker's state: created, running, paused, restarting, removing, exited or dead. */
  readonly status: string;
  readonly health: Health;
  /** Result of the last health probe; null without a health check or before the first probe. */
  readonly probe: HealthProbe | null;
  readonly version: string;
  /**
   * True when `version` is only a floating tag (latest, main ...): deploy_info may then name the
   * release.
   */
  readonly floating: boolean;
  /**
   * True for the old container of a same-version redeploy, renamed `<name>_replaced_<hex>` by
   * Kamal.
   */
  readonly replaced: boolean;
  readonly commitSha: string;
  /**
   * Restarts by the restart policy. If a running container cannot be inspected (it is wedged), the
   * last known count; null if the engine may have reset its count since.
   */
  readonly restarts: number | null;
  readonly host: string;
  readonly createdAt: string;
  /** Null when it never started, or when the engine could not inspect it. */
  readonly startedAt: string | null;
  /**
   * When it ended; null while it is live, when it never started, or when the engine could not
   * inspect it.
   */
  readonly finishedAt: string | null;
  readonly image: string;
  /** Published ports, `HostIp:HostPort`. */
  readonly ports: readonly string[];
  /**
   * Names and addresses that Prometheus may use for the container's host, the most specific first.
   */
  readonly hostNames: readonly string[];
  /**
   * When its engine reported this state, RFC 3339. The state is current until the engine reports a
   * change or is lost.
   */
  readonly observedAt: string;
  /** True when its engine has been lost since: this is the last known state. */
  readonly stale: boolean;
  /**
   * Whether it was ever inspected: until then its environment is unknown, and its destination may
   * be.
   */
  readonly isInspected: boolean;
  /**
   * The one environment that its labels name; null for none, or a contradiction. An inspection can
   * confirm it or make it unknown, but not change it.
   */
  readonly labelledEnv: Environment | null;
}

/** One published port of a container. */
export interface PublishedPort {
  /** Address on the host; "" and "0.0.0.0" mean every IPv4 address, "::" every IPv6 address. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly protocol: string;
}

/**
 * The variables of a container's environment that the rules read. Others are never stored, because
 * they hold secrets.
 */
export interface KnownVariables {
  readonly kamalVersion?: string;
  readonly kamalHost?: string;
  readonly kamalDestination?: string;
  /** GIT_SHA, COMMIT_SHA or SOURCE_COMMIT. */
  readonly commitSha?: string;
}

/** `State.Health` of an inspection. */
export interface RawHealth {
  readonly status: string;
  readonly failingStreak: number;
  /** End of the first failed probe of the streak; null without one, or where it is unknown. */
  readonly failingSince: string | null;
  readonly checkedAt: string | null;
  readonly output: string | null;
}

/** What an engine reports of one container, in our words. */
export interface RawContainer extends ContainerRef {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Docker's state: created, running, paused, restarting, removing, exited or dead. */
  readonly state: string;
  /** As given at `docker run`; the list may show `sha256:...` instead. */
  readonly image: string;
  /** RFC 3339, any offset and precision. */
  readonly createdAt: string;
  readonly startedAt: string | null;
  /** When it last ended; a running container has one too if it ended before. */
  readonly finishedAt: string | null;
  readonly ports: readonly PublishedPort[];
  readonly health: RawHealth | null;
  readonly hostname: string | null;
  /** True when it shares its host's network, and so the host name. */
  readonly hostNetwork: boolean;
  readonly restarts: number | null;
  /** Null when it was never inspected. */
  readonly variables: KnownVariables | null;
}

const uninspected = {
  startedAt: null,
  finishedAt: null,
  ports: [],
  health: null,
  hostname: null,
  hostNetwork: false,
  restarts: null,
  variables: null,
} satisfies Partial<RawContainer>;

/** A container that is known from a list or an event alone. */
export function toUninspected(
  known: Omit<RawContainer, keyof typeof uninspected> & Partial<RawContainer>,
): RawContainer {
  return { ...uninspected, ...known };
}

/** Longest health probe output that is shown, characters. Docker stores as many bytes. */
export const healthOutputLimit = 4096;

export interface HealthProbe {
  readonly failingStreak: number;
  /** End of the first failed probe of the streak; null without one, or where it is unknown. */
  readonly failingSince: string | null;
  /** End of the last probe, null before the first. */
  readonly checkedAt: string | null;
  /** Output of the last probe, cleaned, at most `healthOutputLimit`. */
  readonly output: string;
}

/**
 * Source of the figures: the engine's API, or the files of the container's cgroup on our own
 * machine.
 */
export type StatsSource = "engine" | "cgroup";

/** Null where there is no figure (a stopped container), never 0 for unknown. */
export interface ContainerStats {
  readonly source: StatsSource;
  /** 100 = one fully busy CPU; may exceed 100. The docker CLI's formula. */
  readonly cpuPct: number | null;
  /**
   * Used memory without inactive file cache, per cent of the limit (of the host's memory without
   * one).
   */
  readonly memPct: number | null;
  readonly memUsedBytes: number | null;
  readonly memLimitBytes: number | null;
  readonly sampledAt: string;
  /**
   * Read when first asked for, at most 2 s after `sampledAt`: most answers leave them out. Never
   * rejects.
   */
  readonly counters: (asker: Asker) => ContainerCounters | Promise<ContainerCounters>;
}

/** Null where there is no figure. Bytes and periods count from the container's start. */
export interface ContainerCounters {
  /**
   * Elapsed periods of its CPU limit (0 without a limit), the periods in which it was throttled,
   * and the total time throttled.
   */
  readonly cpuPeriods: number | null;
  readonly cpuThrottledPeriods: number | null;
  readonly cpuThrottledSeconds: number | null;
  /** Processes and threads, now. */
  readonly pids: number | null;
  /** Null without a network of its own (networks `none` and `host`). */
  readonly networkReceiveBytes: number | null;
  readonly networkTransmitBytes: number | null;
  readonly blockReadBytes: number | null;
  readonly blockWriteBytes: number | null;
}

/** One point of a sparkline. */
export type StatsPoint = Pick<ContainerStats, "sampledAt" | "cpuPct" | "memPct" | "memUsedBytes">;
