import { sanitiseName } from "../../../lib/redact/sanitize.ts";
import type { Container, RawContainer } from "../../container.ts";
import { toContainer } from "../../kamal/mapping.ts";
import type { ContainerRules } from "../../kamal/rules.ts";

/** The status of a container that no engine has any more. */
export const removedStatus = "removed";

/**
 * A container that only the history knows, by the mapping of those that run. Its texts are shown as plain names, but what it belongs to is what its labels say as they were
 * written: a cleaned label may name an environment that the label does not. Its variables are gone, and no engine vouches for it.
 */
export function toRemovedContainer(raw: RawContainer, rules: ContainerRules): Container {
  const context = { env: null, rules, appServices: [], appsEnv: null, hostNames: [] };
  const { kind, env, inferredEnv } = toContainer(raw, context);
  const labels = Object.entries(raw.labels).map(([label, value]) => [label, sanitiseName(value)]);
  const shown = {
    ...raw,
    engine: sanitiseName(raw.engine),
    name: sanitiseName(raw.name),
    image: sanitiseName(raw.image),
    labels: Object.fromEntries(labels),
  };
  return { ...toContainer(shown, context), kind, env, inferredEnv };
}

/** Whether only the history has its lines. */
export function isRemoved({ status }: Pick<Container, "status">): boolean {
  return status === removedStatus;
}
