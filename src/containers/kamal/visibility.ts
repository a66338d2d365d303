import { liveStates, type RawContainer } from "../container.ts";
import type { EngineContext } from "./rules.ts";
import { toLikelyEnv } from "./environment.ts";
import { composeProject, composeService, isReplaced, isSelected, toOrigin } from "./origin.ts";

/** The settings that decide which containers form one role. */
type Rules = Pick<EngineContext, "env" | "rules">;

/**
 * The containers of one engine that callers may see: all live ones, and the newest stopped one of a
 * deployed role that has no live one, so that a crash shows. Hidden are old releases that Kamal
 * retains for a roll-back, stopped `_replaced_` ones, `kamal app exec` runs, asset extractions,
 * compose one-offs, and stopped containers that nobody deployed.
 *
 * What the configuration selects as core counts as deployed. Apps of two environments are two
 * roles, so that one never hides another's crash.
 */
export function selectVisible<T extends RawContainer>(containers: readonly T[], context: Rules): T[] {
  const toGroup = (raw: RawContainer) => toRoleGroup(raw, context);
  const candidates = containers.filter((raw) => toOrigin(raw) !== "ephemeral");
  const liveGroups = new Set(candidates.filter((raw) => isLive(raw) && !isReplaced(raw.name)).map(toGroup));
  const newest = new Map<string, T>();
  for (const raw of candidates) {
    const group = toGroup(raw);
    if (group === null || liveGroups.has(group) || isLive(raw) || isReplaced(raw.name)) continue;
    const best = newest.get(group);
    if (!best || Date.parse(raw.createdAt) > Date.parse(best.createdAt)) newest.set(group, raw);
  }
  const crashed = new Set(newest.values());
  return candidates.filter((raw) => isLive(raw) || crashed.has(raw));
}

/** All live containers, also hidden ones. */
export function selectLive<T extends RawContainer>(containers: readonly T[]): T[] {
  return containers.filter(isLive);
}

function isLive(raw: RawContainer): boolean {
  return liveStates.has(raw.state);
}

/**
 * The role of a deployed container as one key: for an app its service, role, destination and likely
 * environment. Null for a container that nobody deployed.
 */
export function toRoleGroup(raw: RawContainer, context: Rules): string | null {
  const { labels, name } = raw;
  switch (toOrigin(raw)) {
    case "app":
      return JSON.stringify([
        "app",
        labels["service"],
        labels["role"],
        labels["destination"] ?? "",
        toLikelyEnv(raw, context),
      ]);
    case "compose":
      return JSON.stringify(["compose", labels[composeProject] ?? "", labels[composeService]]);
    case "plain":
      return isSelected(labels, context.rules.core) ? JSON.stringify(["plain", name]) : null;
    case "ephemeral":
      return null;
    default:
      return JSON.stringify(["accessory", name]);
  }
}
