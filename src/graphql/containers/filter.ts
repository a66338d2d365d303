import { maySeeContainer, type Principal, requireEnvironments } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { Environment } from "../../lib/environment.ts";

/** Selects containers; an absent field matches any. */
export interface ContainerFilter {
  readonly env?: Environment | null | undefined;
  readonly includeAccessories: boolean;
  readonly engine?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly role?: string | null | undefined;
  readonly service?: string | null | undefined;
  /** "" for containers without one. */
  readonly destination?: string | null | undefined;
}

/** Whether a container matches and the caller may see it. Throws forbidden for an environment that the token does not list. */
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

/** Whether a container is at a Kamal destination: absent matches any, "" matches containers without one. */
export function isAtDestination({ destination }: Container, wanted: string | null | undefined): boolean {
  return wanted === null || wanted === undefined || (destination ?? "") === wanted;
}

/**
 * The environment under which the filter `env` lists a container. It grants no access: a container with only an inferred environment counts as unknown, and
 * only tokens of every environment see it.
 */
export function toListedEnv({ env, inferredEnv }: Pick<Container, "env" | "inferredEnv">): Environment | null {
  return env ?? inferredEnv;
}
