import { type Environment, findEnvironments, toEnvironment } from "../../lib/environment.ts";
import type { RawContainer, ContainerRules, EngineContext } from "../facts.ts";
import { composeProject, toOrigin } from "./origin.ts";
import { toNamePrefix } from "./version.ts";

/** What the rules of this file read of a container. */
type EnvFacts = Pick<RawContainer, "labels" | "name" | "state" | "variables">;

/**
 * The environment of a container, which decides which tokens see it and act on it. It is what the container itself says; for one that says nothing, what
 * the configuration says of its engine. Null, which is unknown, for a contradiction, a destination that is not known, and before
 * its inspection. Its name proves nothing, but may contradict. Containers beside it never count.
 */
export function toContainerEnv(facts: EnvFacts, { env, rules }: Pick<EngineContext, "env" | "rules">): Environment | null {
  // Its variables may contradict its labels: until they are read nothing is known.
  if (facts.variables === null) return null;
  const own = findEvidence(facts, rules);
  const [found = null, ...others] = new Set([...(own.length > 0 ? own : [env]), ...readName(facts, rules)]);
  return others.length > 0 ? null : found;
}

/** The same from what is known already, also before the inspection: for what groups and sorts containers, never for what a token may see or do. */
export function toLikelyEnv(facts: EnvFacts, context: Pick<EngineContext, "env" | "rules">): Environment | null {
  return toContainerEnv({ ...facts, variables: facts.variables ?? {} }, context);
}

/**
 * Where people look for a container that says nothing and of whose engine nothing is configured: what its name mentions, else, unless it is an app, the
 * environment of all apps on its engine. Only for the filter `env`: never for what a token may see or do. Null for a contradiction.
 */
export function toInferredEnv(facts: EnvFacts, { env, rules, appsEnv }: EngineContext): Environment | null {
  if (facts.variables === null && findEvidence(facts, rules).length > 0) return toLikelyEnv(facts, { env, rules });
  if (env !== null || findEvidence(facts, rules).length > 0) return null;
  const [named, ...others] = readName(facts, rules);
  if (others.length > 0) return null;
  return named ?? (toOrigin(facts) === "app" ? null : appsEnv);
}

/**
 * What the labels and variables of a container say of its environment: its destination, the segments of its service and of its compose project. Null stands
 * for a destination that is not known: nothing else may overrule it.
 */
function findEvidence({ labels, variables }: EnvFacts, { destinations }: ContainerRules): (Environment | null)[] {
  const named = [labels["destination"], variables?.kamalDestination].filter((destination) => destination);
  const texts = [labels["service"], labels[composeProject]];
  return [
    ...named.map((destination) => toEnvironment(destination, destinations)),
    ...texts.flatMap((text) => findEnvironments(text, destinations)),
  ];
}

/** What a name mentions. An app's name ends in its version, which is not read: a release tag may well say "prod" on staging. */
function readName(facts: EnvFacts, { destinations }: ContainerRules): Environment[] {
  const prefix = toOrigin(facts) === "app" ? toNamePrefix(facts) : null;
  return findEnvironments(prefix !== null && facts.name.startsWith(prefix) ? prefix : facts.name, destinations);
}
