import type { Container } from "../containers/container.ts";
import type { QueueOwner } from "../queues/owners.ts";

/** Decides what belongs to the product: only that is judged. What runs beside it is listed, and its owner watches it. */
export interface Product {
  /** A core container, or an accessory. */
  hasContainer(container: Pick<Container, "kind">): boolean;
  /** Also what names no service. */
  hasService(named: { readonly service: string | null }): boolean;
  /** A queue that at least one of its owners has; one of unknown owners too. */
  hasQueue(owners: readonly QueueOwner[] | null): boolean;
}

const everything: Product = { hasContainer: () => true, hasService: () => true, hasQueue: () => true };

/** @param isOwnService whether a service is one of the product; null where none is configured: then everything belongs to it */
export function createProduct(isOwnService: ((service: string) => boolean) | null): Product {
  if (isOwnService === null) return everything;
  const hasService: Product["hasService"] = ({ service }) => service === null || isOwnService(service);
  return {
    hasContainer: ({ kind }) => kind !== "other",
    hasService,
    hasQueue: (owners) => owners === null || owners.length === 0 || owners.some((owner) => hasService(owner)),
  };
}
