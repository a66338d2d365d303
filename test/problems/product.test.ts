import { describe, expect, it } from "vitest";
import { createProduct } from "../../src/problems/product.ts";
import type { QueueOwner } from "../../src/queues/owners.ts";

const owner = (service: string | null): QueueOwner => ({
  service,
  destination: null,
  everyDestination: false,
  basis: "workers",
});
const kinds = ["core", "accessory", "other"] as const;
const queues = [null, [], [owner(null)], [owner("shop")], [owner("billing")], [owner("billing"), owner("shop")]];

describe("the product", () => {
  it("has its services, and things without one", () => {
    const product = createProduct({ isProductConfigured: true, isOwnService: (service) => service === "shop" });
    expect(kinds.filter((kind) => product.hasContainer({ kind }))).toEqual(["core", "accessory"]);
    expect([null, "shop", "billing"].filter((service) => product.hasService({ service }))).toEqual([null, "shop"]);
    expect(queues.filter((owners) => !product.hasQueue(owners))).toEqual([[owner("billing")]]);
  });

  it("is everything if it is not configured", () => {
    const product = createProduct({ isProductConfigured: false, isOwnService: () => false });
    expect(kinds.every((kind) => product.hasContainer({ kind }))).toBe(true);
    expect([null, "billing"].every((service) => product.hasService({ service }))).toBe(true);
    expect(queues.every((owners) => product.hasQueue(owners))).toBe(true);
  });
});
