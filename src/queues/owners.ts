import type { ServiceGroup } from "../releases/service-group.ts";

/**
 * The Kamal service whose workers take the jobs of a source. `destination` is null for the service
 * without a destination, and absent for all destinations.
 */
export interface ConfiguredOwner {
  readonly service: string;
  readonly destination?: string | null | undefined;
}

/** A service that works on a queue. */
export interface QueueOwner {
  /**
   * Null where no container and no deploy names one. For an owner known by its workers, also null
   * where the caller may not see it.
   */
  readonly service: string | null;
  /** Null without a destination, and for every destination. */
  readonly destination: string | null;
  /** Whether the service works on the queue at each of its destinations. */
  readonly everyDestination: boolean;
  /**
   * How the owner is known: from the configuration, from the containers of its workers, or because
   * no other service is known.
   */
  readonly basis: "configured" | "workers" | "alone";
}

/** Whether both are the same service at the same destination, whatever their environments are. */
export function isSameService(a: Omit<ServiceGroup, "env">, b: Omit<ServiceGroup, "env">): boolean {
  return a.service === b.service && a.destination === b.destination;
}

/** The owner that the configuration names. */
export function toConfiguredOwner({ service, destination }: ConfiguredOwner): QueueOwner {
  return {
    service,
    destination: destination ?? null,
    everyDestination: destination === undefined,
    basis: "configured",
  };
}

/** One owner for each service and destination, whatever the environments are. */
export function toOwners(groups: readonly ServiceGroup[], basis: "workers" | "alone"): readonly QueueOwner[] {
  return groups
    .filter((group, index) => groups.findIndex((one) => isSameService(one, group)) === index)
    .map(({ service, destination }) => ({ service, destination, everyDestination: false, basis }));
}

/** `ambiguous`: the service or destination may be another one, as in `DeployRecord.ambiguous`. */
type Asking = Omit<ServiceGroup, "env"> & { readonly ambiguous?: boolean };

/**
 * Whether a service at its destination works on a queue. Null when unknown; unknown `owners` are
 * null too.
 */
export function isOwnedBy(owners: readonly QueueOwner[] | null, asking: Asking): boolean | null {
  if (owners === null) return null;
  const { service, destination, ambiguous = false } = asking;
  const isAlone = owners.some(({ basis }) => basis === "alone");
  // Where only one service is known, a question without a service means that one.
  const same = owners.filter((one) => (service === null ? isAlone : one.service === service));
  const isOwn = same.some((one) => one.everyDestination || one.destination === destination);
  if (isOwn && !ambiguous) return true;
  // If another service asks, there are several after all. A question without a service may mean any
  // of them.
  return isAlone || service === null || (ambiguous && same.length > 0) ? null : false;
}

/** The owners of a queue other than the given service at its destination. */
export function listOtherOwners(owners: readonly QueueOwner[], { service, destination }: Asking): QueueOwner[] {
  return owners.filter(
    (one) =>
      one.basis !== "alone" && (one.service !== service || (!one.everyDestination && one.destination !== destination)),
  );
}

/**
 * The service and the destination that all owners share; null where unknown or where they differ.
 */
export function toOwner(owners: readonly QueueOwner[] | null): Pick<ServiceGroup, "service" | "destination"> {
  const [first, ...others] = owners ?? [];
  if (!first || others.some(({ service }) => service !== first.service)) return { service: null, destination: null };
  const { service, destination } = first;
  return { service, destination: others.every((other) => other.destination === destination) ? destination : null };
}

/** Owners as text for people: `shop`, `shop -d beta`, `billing, shop`. */
export function describeOwners(owners: readonly Pick<QueueOwner, "service" | "destination">[] | null): string {
  if (owners === null) return "unknown";
  return owners
    .map(({ service, destination }) => `${service ?? "no name"}${destination === null ? "" : ` -d ${destination}`}`)
    .toSorted()
    .join(", ");
}
