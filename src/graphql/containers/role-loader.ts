import type { Container } from "../../containers/container.ts";
import { groupSteps, takeSteps } from "../../lib/budget/steps.ts";
import { type Known, onceKnown } from "../../lib/known.ts";
import { type ServiceGroup, toGroup, toRoleKey } from "../../releases/service-group.ts";
import type { Caller } from "../sources.ts";
import type { ContainerLoaders } from "./loader.ts";

/** A role of one service, destination and environment. */
export interface Role extends ServiceGroup {
  /** `toRoleKey`. */
  readonly key: string;
  readonly name: string;
  /** All that the caller may see, in the order of the list of containers. */
  readonly containers: readonly Container[];
  readonly running: number;
  readonly unhealthy: number;
  /** The releases of its containers, each once. */
  readonly releases: readonly string[];
}

interface Roles {
  /** By name, then by service, destination and environment. */
  readonly all: readonly Role[];
  /** By `toRoleKey`; null where no list has a container of the role. */
  find(key: string): Role | null;
}

/** The roles of the containers that the caller may see. Never rejects because of an engine. */
export type RoleLoader = () => Known<Roles>;

export function createRoleLoader({ budget }: Caller, siblings: { readonly containers: ContainerLoaders }): RoleLoader {
  return onceKnown(async () => {
    const { containers } = await siblings.containers.known(true);
    const groups = await takeSteps(groupSteps(containers, toRoleKey), budget);
    const roles = new Map([...groups].map(([key, members]) => [key, toRole(key, members)]));
    const all = [...roles.values()].toSorted((a, b) => a.name.localeCompare(b.name) || a.key.localeCompare(b.key));
    return { all, find: (key) => roles.get(key) ?? null };
  });
}

function toRole(key: string, containers: readonly Container[]): Role {
  const [first] = containers as [Container];
  return {
    ...toGroup(first),
    key,
    name: first.role,
    containers,
    // Counted once: each container can ask for its role.
    running: containers.filter(({ status }) => status === "running").length,
    unhealthy: containers.filter(({ health }) => health === "unhealthy").length,
    releases: [...new Set(containers.map(({ version }) => version))],
  };
}
