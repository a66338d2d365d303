import type { ContainerFacts, EngineContext } from "./container-facts.ts";
import { type Environment, toEnvironment } from "./environment.ts";
import { composeProject, toOrigin } from "./kamal-kind.ts";

/**
 * The environment of a container: label `destination`, KAMAL_DESTINATION, a segment of its service, name or compose project
 * (staging|stg|production|prod|prd, the last one counts), then, for what is no app, the only one among the engine's apps, and
 * at the end the engine's default. An app's name is never read: it ends in the version, and a release tag may well say "prod" on staging.
 */
export function toContainerEnv(facts: ContainerFacts, context: EngineContext): Environment | null {
  const isApp = toOrigin(facts) === "app";
  return toOwnEnv(facts) ?? (isApp ? null : context.onlyAppEnv) ?? context.env;
}

/** What the container itself tells of its environment, null when nothing. */
export function toOwnEnv(facts: Pick<ContainerFacts, "labels" | "name" | "state" | "variables">): Environment | null {
  const { labels, variables } = facts;
  const named = toEnvironment(labels["destination"]) ?? toEnvironment(variables.kamalDestination);
  if (named) return named;
  // A destination that is no environment of the contract ("qa") must not be overruled by a guess.
  if (labels["destination"] || variables.kamalDestination) return null;
  switch (toOrigin(facts)) {
    case "app":
      return fromSegments(labels["service"]);
    case "compose":
      return fromSegments(labels[composeProject]) ?? fromSegments(facts.name);
    default:
      return fromSegments(facts.name);
  }
}

function fromSegments(text: string | undefined): Environment | null {
  const segments = (text ?? "").split(/[-_.]/).map(toEnvironment);
  return segments.findLast((segment) => segment !== null) ?? null;
}
