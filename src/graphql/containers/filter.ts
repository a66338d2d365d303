import { maySeeContainer, type Principal, requireEnvironments } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { Environment } from "../../lib/environment.ts";

/** Which containers are wanted; absent is any. */
export interface ContainerFilter {
  readonly env?: Environment | null | undefined;
  readonly includeAccessories: boolean;
  readonly engine?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly role?: string | null | undefined;
  readonly service?: string | null | undefined;
  /** "" for those without one. */
  readonly destination?: string | null | undefined;
}

/** Whether a container is wanted, and the caller's to see. Throws forbidden for an environment that the token does not list. */
export function createContainerFilter(filter: ContainerFilter, principal: Principal): (container: Container) => boolean {
  const { env, includeAccessories, engine, name, role, service, destination } = filter;
  requireEnvironments(principal, env);
  return (container) =>
    maySeeContainer(principal, container) &&
    (includeAccessories || container.kind === "core") &&
    (!env || toListedEnv(container) === env) &&
    (!engine || container.engine === engine) &&
    (!name || container.name === name) &&
    (!role || container.role === role) &&
    (!service || container.service === service) &&
    isAtDestination(container, destination);
}

/** Whether a container is at a Kamal destination that was asked for: absent is any, "" those without one. */
export function isAtDestination({ destination }: Container, wanted: string | null | undefined): boolean {
  return wanted === null || wanted === undefined || (destination ?? "") === wanted;
}

/**
 * Under which environment the filter `env` lists a container. It gives no right: a container whose environment is only inferred is of an unknown one,
 * and only tokens of every environment see it.
 */
export function toListedEnv({ env, inferredEnv }: Pick<Container, "env" | "inferredEnv">): Environment | null {
  return env ?? inferredEnv;
}
