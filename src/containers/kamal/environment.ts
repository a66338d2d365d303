import { type Environment, findEnvironments, toEnvironment } from "../../lib/environment.ts";
import type { RawContainer } from "../container.ts";
import type { ContainerRules, EngineContext } from "./rules.ts";
import { composeProject, toOrigin } from "./origin.ts";
import { toNamePrefix } from "./version.ts";

/** What the rules of this file read of a container. */
type EnvSource = Pick<RawContainer, "labels" | "name" | "state" | "variables">;

/**
 * The environment of a container, which decides which tokens see it and act on it. It is what the
 * container's labels and variables say; if they say nothing, what is configured for its engine.
 * Null (unknown) for a contradiction, an unknown destination, and before its inspection. The name
 * proves nothing, but may contradict. Neighbouring containers never count.
 */
export function toContainerEnv(
  raw: EnvSource,
  { env, rules }: Pick<EngineContext, "env" | "rules">,
): Environment | null {
  // Its variables may contradict its labels, so nothing is known until they are read.
  if (raw.variables === null) return null;
  const own = findEvidence(raw, rules);
  const [found = null, ...others] = new Set([...(own.length > 0 ? own : [env]), ...readName(raw, rules)]);
  return others.length > 0 ? null : found;
}

/**
 * The likely environment, also before the inspection: for grouping and sorting, never for what a
 * token may see or do.
 */
export function toLikelyEnv(raw: EnvSource, context: Pick<EngineContext, "env" | "rules">): Environment | null {
  return toContainerEnv({ ...raw, variables: raw.variables ?? {} }, context);
}

/** `Container.labelledEnv`. */
export function toLabelledEnv(raw: EnvSource, { rules }: Pick<EngineContext, "rules">): Environment | null {
  const [found = null, ...others] = new Set(findEvidence({ ...raw, variables: null }, rules));
  return others.length > 0 ? null : found;
}

/**
 * The environment under which people look for a container that names none and whose engine has none
 * configured: what its name mentions; else, unless it is an app, the environment of all apps on its
 * engine. Only for the filter `env`, never for what a token may see or do. Null for a
 * contradiction.
 */
export function toInferredEnv(raw: EnvSource, { env, rules, appsEnv }: EngineContext): Environment | null {
  if (raw.variables === null && findEvidence(raw, rules).length > 0) return toLikelyEnv(raw, { env, rules });
  if (env !== null || findEvidence(raw, rules).length > 0) return null;
  const [named, ...others] = readName(raw, rules);
  if (others.length > 0) return null;
  return named ?? (toOrigin(raw) === "app" ? null : appsEnv);
}

/**
 * What a container's labels and variables say of its environment: its destination, and the segments
 * of its service and compose project. Null stands for an unknown destination: nothing else may
 * overrule it.
 */
function findEvidence({ labels, variables }: EnvSource, { destinations }: ContainerRules): (Environment | null)[] {
  const named = [labels["destination"], variables?.kamalDestination].filter((destination) => destination);
  const texts = [labels["service"], labels[composeProject]];
  return [
    ...named.map((destination) => toEnvironment(destination, destinations)),
    ...texts.flatMap((text) => findEnvironments(text, destinations)),
  ];
}

/**
 * Environments that a name mentions. An app's name ends in its version, which is skipped: a release
 * tag may well say "prod" on staging.
 */
function readName(raw: EnvSource, { destinations }: ContainerRules): Environment[] {
  const prefix = toOrigin(raw) === "app" ? toNamePrefix(raw) : null;
  return findEnvironments(prefix !== null && raw.name.startsWith(prefix) ? prefix : raw.name, destinations);
}
