import type { Container } from "./container.ts";
import { isOwnService } from "./kamal/origin.ts";
import type { ContainerRules } from "./kamal/rules.ts";
import type { ContainerSource } from "./source.ts";

/** How long the services found in the containers are reused, ms. */
const lookMs = 1000;

/**
 * Whether a service is one of the product. If `CORE` selects the core containers, a service belongs
 * to another product only if it has containers and none of them is core.
 */
export function createOwnServices(
  { services, core }: Pick<ContainerRules, "services" | "core">,
  { listCached }: Pick<ContainerSource, "listCached">,
  now: () => number = () => performance.now(),
): (service: string) => boolean {
  if (core.length === 0) return (service) => isOwnService(service, services);
  let others: ReadonlySet<string> = new Set();
  let [seen, seenMs]: [readonly Container[] | null, number] = [null, Number.NEGATIVE_INFINITY];
  const listOthers = () => {
    if (now() - seenMs < lookMs) return others;
    seenMs = now();
    const containers = listCached()?.containers ?? seen;
    if (containers !== null && containers !== seen) others = findOthers(containers);
    seen = containers;
    return others;
  };
  return (service) => isOwnService(service, services) || !listOthers().has(service);
}

function findOthers(containers: readonly Container[]): ReadonlySet<string> {
  const toServices = (isWanted: (container: Container) => boolean) =>
    new Set(containers.flatMap((container) => (isWanted(container) ? (container.service ?? []) : [])));
  return toServices(() => true).difference(toServices(({ kind }) => kind !== "other"));
}
