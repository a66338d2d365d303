import type { Destinations, Environment } from "../lib/environment.ts";

/** One published port of a container. */
export interface PublishedPort {
  /** Address on the host; "" and "0.0.0.0" mean every IPv4 address, "::" every IPv6 address. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly protocol: string;
}

/** The variables of a container's environment that the rules read. Nothing else of it is ever kept: it holds secrets. */
export interface KnownVariables {
  readonly kamalVersion?: string;
  readonly kamalHost?: string;
  readonly kamalDestination?: string;
  /** GIT_SHA, COMMIT_SHA or SOURCE_COMMIT. */
  readonly commitSha?: string;
}

/** State.Health of an engine. */
export interface HealthFacts {
  readonly status: string;
  readonly failingStreak: number;
  readonly checkedAt: string | null;
  readonly output: string | null;
}

/**
 * What an engine tells of one container, in our words. From its list alone, `hostname`, `restarts`, `startedAt`,
 * `finishedAt` and `variables` are null.
 */
export interface RawContainer {
  readonly engine: string;
  readonly fullId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Docker's state: created, running, paused, restarting, removing, exited or dead. */
  readonly state: string;
  /** As given at `docker run`; the list may have replaced it by `sha256:...`. */
  readonly image: string;
  /** Any RFC 3339 time. */
  readonly createdAt: string;
  readonly startedAt: string | null;
  /** When it last ended; of one that runs too, if it had ended before. */
  readonly finishedAt: string | null;
  readonly ports: readonly PublishedPort[];
  readonly health: HealthFacts | null;
  readonly hostname: string | null;
  /** True when it shares the network, and so the host name, of its host. */
  readonly hostNetwork: boolean;
  readonly restarts: number | null;
  /** Null when it was never inspected. */
  readonly variables: KnownVariables | null;
}

/** Labels that a container must all carry; null is any value. */
export type LabelSelector = ReadonlyMap<string, string | null>;

/** What the configuration says of containers: which are the product's, and which environment a destination is. */
export interface ContainerRules {
  /** The services whose containers are core (WALLET_CORE_OPS_SERVICE). */
  readonly services: readonly string[];
  /** What one of these selects is core too (WALLET_CORE_OPS_CORE). */
  readonly core: readonly LabelSelector[];
  readonly destinations: Destinations;
}

/** What the rules need to know of the engine around a container. */
export interface EngineContext {
  /** Environment of what carries none: the engine's `?env=`, else WALLET_CORE_OPS_ENV. */
  readonly env: Environment | null;
  readonly rules: ContainerRules;
  /** Label `service` of every Kamal app on the engine, longest first. */
  readonly appServices: readonly string[];
  /** The environment of all own Kamal apps on it, null when there are none, several or unknown ones. For sorting alone: see `toInferredEnv`. */
  readonly appsEnv: Environment | null;
  /** Names and addresses of the engine's host. */
  readonly hostNames: readonly string[];
}
