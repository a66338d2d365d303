import type { Destinations, Environment } from "../../lib/environment.ts";

/** Labels that a container must all carry; a null value matches any. */
export type LabelSelector = ReadonlyMap<string, string | null>;

/**
 * What the configuration says about containers: which ones belong to the product, and which
 * environment a destination stands for.
 */
export interface ContainerRules {
  /** The services whose containers are core (WALLET_CORE_OPS_SERVICE). */
  readonly services: readonly string[];
  /** Containers that match one of these selectors are core too (WALLET_CORE_OPS_CORE). */
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
  /**
   * The environment of all own Kamal apps on the engine; null for none, several or unknown ones.
   * For sorting only: see `toInferredEnv`.
   */
  readonly appsEnv: Environment | null;
  /** Whether it runs Kamal apps, but none of the product. */
  readonly isForeign: boolean;
  /** Names and addresses of the engine's host. */
  readonly hostNames: readonly string[];
}
