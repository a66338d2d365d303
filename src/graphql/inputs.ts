import type { DocumentNode } from "graphql";
import type { ContainerListing, EngineStatus } from "../containers/source.ts";
import { needsDeploy } from "../deploys/release.ts";
import { ContainersDocument, type ContainersQuery, type ContainersQueryVariables } from "../generated/rest.ts";
import { environments } from "../lib/environment.ts";
import { toAgeSeconds } from "../lib/time.ts";
import { selectEngines } from "./containers/loader.ts";
import { createDeployLoader } from "./deploys/info-loader.ts";
import type { Caller, Sources } from "./sources.ts";

/** What an answer depends on, where that is known without computing it. Sources never change an object that they have returned. */
export interface Inputs {
  /** What the caller may see, as a short text. */
  readonly view: string;
  /** While these are identical objects, the body is the same for equal variables and view. */
  readonly parts: readonly unknown[];
  /** The part of the data that headers are made of: new each time. */
  readonly status: object;
}

/** A promise only where it must wait; null where the inputs do not determine the answer. */
export type FoundInputs = Inputs | null | Promise<Inputs | null>;

type Find = (variables: never, sources: Sources, caller: Caller) => FoundInputs;

const inputsOf = new Map<DocumentNode, Find>([[ContainersDocument, findContainerInputs]]);

/** The current inputs of a fixed document's answer; null when only running it shows the answer. */
export function findInputs(document: DocumentNode, variables: object, sources: Sources, caller: Caller): FoundInputs {
  return inputsOf.get(document)?.(variables as never, sources, caller) ?? null;
}

/** The engines' list, and the deploy where a row takes its version from it; stats are new each time. */
function findContainerInputs({ env, includeStats }: ContainersQueryVariables, sources: Sources, caller: Caller): FoundInputs {
  const { scopes, environments: allowed } = caller.principal;
  if (includeStats || !scopes.has("ops:read") || (env && !allowed.has(env))) return null;
  const listing = sources.containers.listCached();
  if (!listing) return null;
  const { shown } = selectEngines(caller.principal, listing.engines);
  if (!shown.some(({ ok }) => ok)) return null;
  const view = environments.filter((environment) => allowed.has(environment)).join();
  if (!listing.containers.some(needsDeploy)) return toInputs(view, listing.containers, shown, null);
  return createDeployLoader(sources, caller)
    .known()
    .then((deploy) => toInputs(view, listing.containers, shown, deploy));
}

function toInputs(
  view: string,
  containers: ContainerListing["containers"],
  engines: readonly EngineStatus[],
  deploy: object | null,
): Inputs {
  const status: Pick<ContainersQuery, "engines"> = { engines: engines.map(toStatus) };
  return { view, parts: [containers, deploy], status };
}

function toStatus({ name, contactAt, error }: EngineStatus): NonNullable<ContainersQuery["engines"]>[number] {
  return { name, age_seconds: toAgeSeconds(contactAt), error };
}
