import type { DocumentNode } from "graphql";
import type { EngineStatus } from "../domain/container.ts";
import { toAgeSeconds } from "../domain/container-time.ts";
import { ContainersDocument, type ContainersQuery, type ContainersQueryVariables } from "../generated/rest.ts";
import type { OpsContext } from "./context.ts";

/** What an answer is made of, where that is cheaper to ask than the answer. Sources never change an object that they have given away. */
export interface Inputs {
  /** While these are the very same objects in the same order, so is the body, for the same variables. */
  readonly rows: readonly unknown[];
  /** The part of the data that headers are made of: new each time. */
  readonly status: object;
}

/** Null where the inputs do not say it all. */
type Find = (variables: never, context: OpsContext) => Promise<Inputs> | null;

const inputsOf = new Map<DocumentNode, Find>([[ContainersDocument, containerInputs]]);

/** The inputs of a fixed document's answer, null when there is no telling but by running it. */
export async function findInputs(document: DocumentNode, variables: object, context: OpsContext): Promise<Inputs | null> {
  const find = inputsOf.get(document);
  if (!find) return null;
  try {
    return await find(variables as never, context);
  } catch {
    // The run will say what is wrong; the loaders remember.
    return null;
  }
}

/** The rows that the caller may see, and the engines' states; stats are new each time. */
function containerInputs({ env, includeAccessories, includeStats }: ContainersQueryVariables, context: OpsContext) {
  const { scopes, environments } = context.principal;
  if (includeStats || !scopes.has("ops:read") || (env && !environments.has(env))) return null;
  return readContainers(context, includeAccessories);
}

async function readContainers({ loaders }: OpsContext, includeAccessories: boolean): Promise<Inputs> {
  const rows = await loaders.containers.all(includeAccessories);
  const engines = await loaders.containers.engines();
  const status: Pick<ContainersQuery, "engines"> = { engines: engines.map(toStatus) };
  return { rows, status };
}

function toStatus({ name, contactAt, error }: EngineStatus): NonNullable<ContainersQuery["engines"]>[number] {
  return { name, age_seconds: toAgeSeconds(contactAt), error };
}
