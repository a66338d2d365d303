import type { Destinations, Environment } from "../lib/environment.ts";

/** One published port of a container. */
export interface PublishedPort {
  /** Address on the host; "" and "0.0.0.0" mean every IPv4 address, "::" every IPv6 address. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly protocol: string;
}

/** The variables of a container's environment that the rules read. No others are ever stored: they hold secrets. */
export interface KnownVariables {
  readonly kamalVersion?: string;
  readonly kamalHost?: string;
  readonly kamalDestination?: string;
  /** GIT_SHA, COMMIT_SHA or SOURCE_COMMIT. */
  readonly commitSha?: string;
}

/** `State.Health` of an inspection. */
export interface HealthFacts {
  readonly status: string;
  readonly failingStreak: number;
  readonly checkedAt: string | null;
  readonly output: string | null;
}

/**
 * What an engine reports of one container, in our words. When it comes from the list alone, `hostname`, `restarts`, `startedAt`, `finishedAt` and
 * `variables` are null.
 */
export interface RawContainer {
  readonly engine: string;
  readonly fullId: string;
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
  readonly health: HealthFacts | null;
  readonly hostname: string | null;
  /** True when it shares its host's network, and so the host name. */
  readonly hostNetwork: boolean;
  readonly restarts: number | null;
  /** Null when it was never inspected. */
  readonly variables: KnownVariables | null;
}

/** Labels that a container must all carry; a null value matches any. */
export type LabelSelector = ReadonlyMap<string, string | null>;

/** What the configuration says of containers: which belong to the product, and which environment a destination means. */
export interface ContainerRules {
  /** The services whose containers are core (WALLET_CORE_OPS_SERVICE). */
  readonly services: readonly string[];
  /** Containers that one of these selects are core too (WALLET_CORE_OPS_CORE). */
  readonly core: readonly LabelSelector[];
  readonly destinations: Destinations;
}

/** What the rules need to know of the container's engine. */
export interface EngineContext {
  /** Environment of containers that name none: the engine's `?env=`, else WALLET_CORE_OPS_ENV. */
  readonly env: Environment | null;
  readonly rules: ContainerRules;
  /** Label `service` of every Kamal app on the engine, longest first. */
  readonly appServices: readonly string[];
  /** The environment of all own Kamal apps on the engine; null for none, several or unknown ones. For sorting only: see `toInferredEnv`. */
  readonly appsEnv: Environment | null;
  /** Names and addresses of the engine's host. */
  readonly hostNames: readonly string[];
}
