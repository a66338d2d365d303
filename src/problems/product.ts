import type { Container } from "../containers/container.ts";
import type { QueueOwner } from "../queues/owners.ts";

/**
 * Decides what belongs to the product: only this is judged. Everything beside it is listed, and its
 * owner watches it.
 */
export interface Product {
  /** A core container, or an accessory. */
  hasContainer(container: Pick<Container, "kind">): boolean;
  /** True also without a service. */
  hasService(named: { readonly service: string | null }): boolean;
  /** A queue with at least one owner in the product, or with unknown owners. */
  hasQueue(owners: readonly QueueOwner[] | null): boolean;
}

const everything: Product = { hasContainer: () => true, hasService: () => true, hasQueue: () => true };

/** What the configuration says about the product. */
interface ProductRules {
  /** Whether it names the product; otherwise everything belongs to it. */
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
