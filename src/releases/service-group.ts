import type { Environment } from "../lib/environment.ts";

/**
 * What Kamal deploys as one: a service at one destination (`-d beta`). The environment is part of it, as an engine's configuration can make two of one
 * service without a destination. Containers and deploys of different groups are never compared, counted or restarted together.
 */
export interface ServiceGroup {
  /** Null when unknown. */
  readonly service: string | null;
  /** Null without one. */
  readonly destination: string | null;
  readonly env: Environment | null;
}

/** One text for each group. */
export function toGroupKey({ service, destination, env }: ServiceGroup): string {
  return JSON.stringify([service, destination, env]);
}

/** One text for each role of a group: what its replicas have in common. */
export function toRoleKey({ service, destination, env, role }: ServiceGroup & { readonly role: string }): string {
  return JSON.stringify([service, destination, env, role]);
}

/** A release as a group runs it: two groups that run one version are two. */
export interface GroupRelease extends ServiceGroup {
  readonly version: string;
}

/** One text for each release of a group. */
export function toReleaseKey({ service, destination, env, version }: GroupRelease): string {
  return JSON.stringify([service, destination, env, version]);
}

export function isSameGroup(a: ServiceGroup, b: ServiceGroup): boolean {
  return a.service === b.service && a.destination === b.destination && a.env === b.env;
}

/** The group alone. */
export function toGroup({ service, destination, env }: ServiceGroup): ServiceGroup {
  return { service, destination, env };
}

/** The groups of these, each once with its members, in their order. */
export function listGroups<T extends ServiceGroup>(all: readonly T[]): (ServiceGroup & { readonly members: readonly T[] })[] {
  return [...Map.groupBy(all, toGroupKey).values()].flatMap((members) =>
    members.slice(0, 1).map((first) => ({ ...toGroup(first), members })),
  );
}

/** For messages: `wallet-core -d beta (production)`. */
export function describeGroup({ service, destination, env }: ServiceGroup): string {
  return `${service ?? "unknown service"}${destination === null ? "" : ` -d ${destination}`} (${env ?? "unknown environment"})`;
}
