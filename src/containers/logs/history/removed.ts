import type { Container, RawContainer } from "../../container.ts";
import { toContainer } from "../../kamal/mapping.ts";
import type { ContainerRules } from "../../kamal/rules.ts";

/** The status of a container that no engine has any more. */
export const removedStatus = "removed";

/**
 * A container that only the history knows, by the mapping of those that run. No engine vouches for
 * it.
 */
export function toRemovedContainer(raw: RawContainer, rules: ContainerRules): Container {
  return toContainer(raw, { env: null, rules, appServices: [], appsEnv: null, isForeign: false, hostNames: [] });
}

/** Whether only the history has its lines. */
export function isRemoved({ status }: Pick<Container, "status">): boolean {
  return status === removedStatus;
}
