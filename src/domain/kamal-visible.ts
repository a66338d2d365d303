import { liveStates } from "./container.ts";
import type { ContainerFacts, LabelSelector } from "./container-facts.ts";
import { composeProject, composeService, isReplaced, isSelected, toOrigin } from "./kamal-kind.ts";

/**
 * The containers of one engine that callers may see: all live ones, and of a deployed role that has none the newest stopped one, so
 * that a crash shows. Old releases that Kamal keeps for a roll-back, `_replaced_` ones once stopped, `kamal app exec` runs, asset
 * extractions, compose one-offs and stopped containers that nobody deployed stay hidden.
 *
 * @param core what the configuration selects: that is deployed, too
 */
export function selectVisible<T extends ContainerFacts>(containers: readonly T[], core: readonly LabelSelector[]): T[] {
  const toGroup = (facts: ContainerFacts) => toRoleGroup(facts, core);
  const candidates = containers.filter((facts) => toOrigin(facts) !== "ephemeral");
  const liveGroups = new Set(candidates.filter((facts) => isLive(facts) && !isReplaced(facts.name)).map(toGroup));
  const newest = new Map<string, T>();
  for (const facts of candidates) {
    const group = toGroup(facts);
    if (group === null || liveGroups.has(group) || isLive(facts) || isReplaced(facts.name)) continue;
    const best = newest.get(group);
    if (!best || Date.parse(facts.createdAt) > Date.parse(best.createdAt)) newest.set(group, facts);
  }
  const crashed = new Set(newest.values());
  return candidates.filter((facts) => isLive(facts) || crashed.has(facts));
}

/**
 * The stopped containers of deployed roles that stay hidden and have run: those of old releases, and `_replaced_` ones. Kamal keeps them, and so the
 * logs of before the last deploy.
 */
export function selectKept<T extends ContainerFacts>(containers: readonly T[], core: readonly LabelSelector[]): T[] {
  const visible = new Set(selectVisible(containers, core));
  return containers.filter((facts) => toOrigin(facts) === "app" && facts.state !== "created" && !visible.has(facts));
}

/** All that live, hidden ones too. */
export function selectLive<T extends ContainerFacts>(containers: readonly T[]): T[] {
  return containers.filter(isLive);
}

function isLive(facts: ContainerFacts): boolean {
  return liveStates.has(facts.state);
}

/** (service, role, destination) of a deployed container as one key; null for one that nobody deployed. */
function toRoleGroup(facts: ContainerFacts, core: readonly LabelSelector[]): string | null {
  const { labels, name } = facts;
  switch (toOrigin(facts)) {
    case "app":
      return JSON.stringify(["app", labels["service"], labels["role"], labels["destination"] ?? ""]);
    case "compose":
      return JSON.stringify(["compose", labels[composeProject] ?? "", labels[composeService]]);
    case "plain":
      return isSelected(labels, core) ? JSON.stringify(["plain", name]) : null;
    case "ephemeral":
      return null;
    default:
      return JSON.stringify(["accessory", name]);
  }
}
