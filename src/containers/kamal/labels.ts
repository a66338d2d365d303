import { composeOneoff, composeProject, composeService } from "./origin.ts";
import type { ContainerRules } from "./rules.ts";

/**
 * Label of containers that must never be restarted from here, such as the gateway's own proxies.
 */
export const protectedLabel = "wallet-core-ops.protected";

const own = [
  "service",
  "role",
  "destination",
  "org.opencontainers.image.title",
  "org.opencontainers.image.version",
  "org.opencontainers.image.revision",
  composeService,
  composeProject,
  composeOneoff,
  protectedLabel,
];

/** The labels that are read: those of the rules, and those that the configuration selects by. */
export function listReadLabels({ core }: Pick<ContainerRules, "core">): ReadonlySet<string> {
  return new Set([...own, ...core.flatMap((selector) => [...selector.keys()])]);
}
