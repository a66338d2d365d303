import type { RawContainer } from "../../src/containers/container.ts";
import { toContainerEnv } from "../../src/containers/kamal/environment.ts";
import { toKind, toOrigin } from "../../src/containers/kamal/origin.ts";
import type { ContainerRules, EngineContext } from "../../src/containers/kamal/rules.ts";
import type { Environment } from "../../src/lib/environment.ts";

/**
 * What one engine's list shows of the apps on it, from the whole list: the oracle of the index that
 * changes with single containers.
 */
export function toEngineContext(
  containers: readonly RawContainer[],
  engine: { readonly env: Environment | null; readonly rules: ContainerRules; readonly hostNames: readonly string[] },
): EngineContext {
  const apps = containers.filter((raw) => toOrigin(raw) === "app");
  const services = new Set(apps.map((raw) => raw.labels["service"] ?? ""));
  const own = apps.filter((raw) => toKind(raw, engine.rules) === "core");
  const envs = new Set(own.map((raw) => toContainerEnv(raw, engine)));
  const [appsEnv = null] = envs.size === 1 ? envs : [];
  const appServices = [...services].toSorted((a, b) => b.length - a.length);
  return { ...engine, appServices, appsEnv, isForeign: apps.length > 0 && own.length === 0 };
}
