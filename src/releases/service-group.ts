import { groupSteps, mapSteps, type Steps } from "../lib/budget/steps.ts";
import type { Environment } from "../lib/environment.ts";

/**
 * What Kamal deploys as one unit: a service at one destination (`-d beta`). The environment is part
 * of it, because the configuration of engines can split one service without a destination in two.
 * Containers and deploys of different groups are never compared, counted or restarted together.
 */
export interface ServiceGroup {
  /** Null when unknown. */
  readonly service: string | null;
  /** Null without one. */
  readonly destination: string | null;
  readonly env: Environment | null;
}

/** A unique key per group. */
export function toGroupKey({ service, destination, env }: ServiceGroup): string {
  return JSON.stringify([service, destination, env]);
}

/** A unique key per role of a group: its replicas share it. */
export function toRoleKey({ service, destination, env, role }: ServiceGroup & { readonly role: string }): string {
  return JSON.stringify([service, destination, env, role]);
}

/** A release in a group; the same version in two groups is two releases. */
export interface GroupRelease extends ServiceGroup {
  readonly version: string;
}

/** A unique key per release of a group. */
export function toReleaseKey({ service, destination, env, version }: GroupRelease): string {
  return JSON.stringify([service, destination, env, version]);
}

export function isSameGroup(a: ServiceGroup, b: ServiceGroup): boolean {
  return a.service === b.service && a.destination === b.destination && a.env === b.env;
}

/** Only the group's fields. */
export function toGroup({ service, destination, env }: ServiceGroup): ServiceGroup {
  return { service, destination, env };
}

/** The groups with their members, each in order of first occurrence. */
export function* listGroups<T extends ServiceGroup>(
  all: readonly T[],
): Steps<(ServiceGroup & { readonly members: readonly T[] })[]> {
  const groups = yield* groupSteps(all, toGroupKey);
  return yield* mapSteps([...groups.values()], (members) => ({ ...toGroup(members[0] as T), members }));
}

/** For messages: `wallet-core -d beta (production)`. */
export function describeGroup({ service, destination, env }: ServiceGroup): string {
  return (
    `${service ?? "unknown service"}${destination === null ? "" : ` -d ${destination}`} ` +
    `(${env ?? "unknown environment"})`
  );
}
