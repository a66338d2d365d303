import type { Container } from "../containers/container.ts";
import type { Steps } from "../lib/budget/steps.ts";
import { isSameGroup } from "../releases/service-group.ts";
import type { DeployInfo } from "./deploy.ts";
import { createGroupFinder } from "./groups.ts";
import { toInfoRecord } from "./merge.ts";

/** The deploy info for a container of its group; null for any other container. */
export type InfoFor = (container: Container) => DeployInfo | null;

/**
 * @param containers all that the caller may see; they decide the group of an info that names none
 */
export function* createInfoFor(info: DeployInfo | null, containers: readonly Container[]): Steps<InfoFor> {
  const group = info && (yield* createGroupFinder(containers))(toInfoRecord(info));
  return (container) => (group && container.kind === "core" && isSameGroup(container, group) ? info : null);
}

/**
 * Gives a container that has only moving tags the release of its group's deploy info. This holds
 * only for a running core container that was not replaced. The commit of the info counts only for
 * the exact tag that it names. Returns the same object when there is nothing to add.
 */
export function withDeploy(container: Container, deploy: DeployInfo | null): Container {
  if (!deploy || !deploy.currentTag || container.kind !== "core") return container;
  const isCurrent = container.status === "running" && !container.replaced;
  const named =
    container.floating && isCurrent ? { ...container, version: deploy.currentTag, floating: false } : container;
  if (named.version !== deploy.currentTag || named.commitSha !== "" || deploy.commitSha === "") return named;
  return { ...named, commitSha: deploy.commitSha };
}

/** Whether `withDeploy` may add something to the container. */
export function needsDeploy({ kind, floating, commitSha }: Container): boolean {
  return floating || (kind === "core" && commitSha === "");
}

const known = new WeakMap<readonly Container[], boolean>();

/** Whether one of these does: asked once for each list that stays the same array. */
export function needDeploy(containers: readonly Container[]): boolean {
  const need = known.get(containers) ?? containers.some(needsDeploy);
  known.set(containers, need);
  return need;
}
