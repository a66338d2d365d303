import type { ServiceGroup } from "../releases/service-group.ts";

/**
 * Kamal's service whose workers take the jobs of a source. `destination`: null without one; absent:
 * whatever it is.
 */
export interface ConfiguredOwner {
  readonly service: string;
  readonly destination?: string | null | undefined;
}

/** A service that works on a queue. */
export interface QueueOwner {
  /**
   * Null where no container and no deploy names one; by its workers, where the caller may not see
   * it.
   */
  readonly service: string | null;
  /** Null without one, and for every destination. */
  readonly destination: string | null;
  /** Whether it does at each of its destinations. */
  readonly everyDestination: boolean;
  /**
   * How that is known: as configured, by the containers of its workers, or as no other service is
   * known.
   */
  readonly basis: "configured" | "workers" | "alone";
}

/** Whether both are one service at one destination, whatever is known of their environments. */
export function isSameService(a: Omit<ServiceGroup, "env">, b: Omit<ServiceGroup, "env">): boolean {
  return a.service === b.service && a.destination === b.destination;
}

/** As the configuration says. */
export function toConfiguredOwner({ service, destination }: ConfiguredOwner): QueueOwner {
  return {
    service,
    destination: destination ?? null,
    everyDestination: destination === undefined,
    basis: "configured",
  };
}

/** Each service once at each of its destinations, whatever the environments are. */
export function toOwners(groups: readonly ServiceGroup[], basis: "workers" | "alone"): readonly QueueOwner[] {
  return groups
    .filter((group, index) => groups.findIndex((one) => isSameService(one, group)) === index)
    .map(({ service, destination }) => ({ service, destination, everyDestination: false, basis }));
}

/** `ambiguous`: it may be another service or destination, as `DeployRecord.ambiguous`. */
type Asking = Omit<ServiceGroup, "env"> & { readonly ambiguous?: boolean };

/** Whether a service at its destination works on a queue. Null when unknown; so are `owners`. */
export function isOwnedBy(owners: readonly QueueOwner[] | null, asking: Asking): boolean | null {
  if (owners === null) return null;
  const { service, destination, ambiguous = false } = asking;
  const isAlone = owners.some(({ basis }) => basis === "alone");
  // Where only one service is known, a question without a service means that one.
  const same = owners.filter((one) => (service === null ? isAlone : one.service === service));
  const isOwn = same.some((one) => one.everyDestination || one.destination === destination);
  if (isOwn && !ambiguous) return true;
  // Another service that asks shows that there are several. A question without a service may mean
  // any.
  return isAlone || service === null || (ambiguous && same.length > 0) ? null : false;
}

/** The owners of a queue besides a service that works on it at its destination. */
export function listOtherOwners(owners: readonly QueueOwner[], { service, destination }: Asking): QueueOwner[] {
  return owners.filter(
    (one) =>
      one.basis !== "alone" && (one.service !== service || (!one.everyDestination && one.destination !== destination)),
  );
}

/**
 * The service and the destination that all owners have; null where unknown, or where they differ.
 */
export function toOwner(owners: readonly QueueOwner[] | null): Pick<ServiceGroup, "service" | "destination"> {
  const [first, ...others] = owners ?? [];
  if (!first || others.some(({ service }) => service !== first.service)) return { service: null, destination: null };
  const { service, destination } = first;
  return { service, destination: others.every((other) => other.destination === destination) ? destination : null };
}

/** For people: `shop`, `shop -d beta`, `billing, shop`. */
export function describeOwners(owners: readonly Pick<QueueOwner, "service" | "destination">[] | null): string {
  if (owners === null) return "unknown";
  return owners
    .map(({ service, destination }) => `${service ?? "no name"}${destination === null ? "" : ` -d ${destination}`}`)
    .toSorted()
    .join(", ");
}
