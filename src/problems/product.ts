import type { Container } from "../containers/container.ts";
import type { QueueOwner } from "../queues/owners.ts";

/**
 * Decides what belongs to the product: only that is judged. What runs beside it is listed, and its
 * owner watches it.
 */
export interface Product {
  /** A core container, or an accessory. */
  hasContainer(container: Pick<Container, "kind">): boolean;
  /** Also what names no service. */
  hasService(named: { readonly service: string | null }): boolean;
  /** A queue that at least one of its owners has; one of unknown owners too. */
  hasQueue(owners: readonly QueueOwner[] | null): boolean;
}

const everything: Product = { hasContainer: () => true, hasService: () => true, hasQueue: () => true };

/** What the configuration says the product is. */
interface ProductRules {
  /** Whether it says so at all; else everything belongs to the product. */
  readonly isProductConfigured: boolean;
  readonly isOwnService: (service: string) => boolean;
}

export function createProduct({ isProductConfigured, isOwnService }: ProductRules): Product {
  if (!isProductConfigured) return everything;
  const hasService: Product["hasService"] = ({ service }) => service === null || isOwnService(service);
  return {
    hasContainer: ({ kind }) => kind !== "other",
    hasService,
    hasQueue: (owners) => owners === null || owners.length === 0 || owners.some((owner) => hasService(owner)),
  };
}
