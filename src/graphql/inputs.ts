import type { DocumentNode } from "graphql";
import { ContainersDocument, type ContainersQueryVariables } from "../generated/rest.ts";
import type { OpsContext } from "./context.ts";

/**
 * What an answer is made of, where that is cheaper to ask than the answer: while these are the very same objects in the same
 * order, so is the answer, for the same variables. Null where they do not say it all. Sources never change an object that they
 * have given away.
 */
type Inputs = (variables: never, context: OpsContext) => Promise<readonly unknown[]> | null;

const inputsOf = new Map<DocumentNode, Inputs>([[ContainersDocument, containerInputs]]);

/** The inputs of a fixed document's answer, null when there is no telling but by running it. */
export async function findInputs(
  document: DocumentNode,
  variables: object,
  context: OpsContext,
): Promise<readonly unknown[] | null> {
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

async function readContainers({ loaders }: OpsContext, includeAccessories: boolean): Promise<readonly unknown[]> {
  const rows = await loaders.containers.all(includeAccessories);
  const engines = await loaders.containers.engines();
  return [...engines.map(({ name, error }) => (error ? `${name} ${error.code}` : name)), ...rows];
}
