import { type Environment, findEnvironments, toEnvironment } from "../../lib/environment.ts";
import type { RawContainer, ContainerRules, EngineContext } from "../facts.ts";
import { composeProject, toOrigin } from "./origin.ts";
import { toNamePrefix } from "./version.ts";

/** What the rules of this file read of a container. */
type EnvFacts = Pick<RawContainer, "labels" | "name" | "state" | "variables">;

/**
 * The environment of a container, which decides which tokens see it and act on it. It is what the container's labels and variables say; if they say
 * nothing, what is configured for its engine. Null (unknown) for a contradiction, an unknown destination, and before its inspection. The name proves
 * nothing, but may contradict. Neighbouring containers never count.
 */
export function toContainerEnv(facts: EnvFacts, { env, rules }: Pick<EngineContext, "env" | "rules">): Environment | null {
  // Its variables may contradict its labels, so nothing is known until they are read.
  if (facts.variables === null) return null;
  const own = findEvidence(facts, rules);
  const [found = null, ...others] = new Set([...(own.length > 0 ? own : [env]), ...readName(facts, rules)]);
  return others.length > 0 ? null : found;
}

/** The likely environment, also before the inspection: for grouping and sorting, never for what a token may see or do. */
export function toLikelyEnv(facts: EnvFacts, context: Pick<EngineContext, "env" | "rules">): Environment | null {
  return toContainerEnv({ ...facts, variables: facts.variables ?? {} }, context);
}

/**
 * The environment under which people look for a container that names none and whose engine has none configured: what its name mentions; else, unless it
 * is an app, the environment of all apps on its engine. Only for the filter `env`, never for what a token may see or do. Null for a contradiction.
 */
export function toInferredEnv(facts: EnvFacts, { env, rules, appsEnv }: EngineContext): Environment | null {
  if (facts.variables === null && findEvidence(facts, rules).length > 0) return toLikelyEnv(facts, { env, rules });
  if (env !== null || findEvidence(facts, rules).length > 0) return null;
  const [named, ...others] = readName(facts, rules);
  if (others.length > 0) return null;
  return named ?? (toOrigin(facts) === "app" ? null : appsEnv);
}

/**
 * What a container's labels and variables say of its environment: its destination, and the segments of its service and compose project. Null stands for
 * an unknown destination: nothing else may overrule it.
 */
function findEvidence({ labels, variables }: EnvFacts, { destinations }: ContainerRules): (Environment | null)[] {
  const named = [labels["destination"], variables?.kamalDestination].filter((destination) => destination);
  const texts = [labels["service"], labels[composeProject]];
  return [
    ...named.map((destination) => toEnvironment(destination, destinations)),
    ...texts.flatMap((text) => findEnvironments(text, destinations)),
  ];
}

/** Environments that a name mentions. An app's name ends in its version, which is skipped: a release tag may well say "prod" on staging. */
function readName(facts: EnvFacts, { destinations }: ContainerRules): Environment[] {
  const prefix = toOrigin(facts) === "app" ? toNamePrefix(facts) : null;
  return findEnvironments(prefix !== null && facts.name.startsWith(prefix) ? prefix : facts.name, destinations);
}
