import { describe, expect, it, vi } from "vitest";
import { createInventory } from "../../../../src/containers/docker/engine/inventory.ts";
import * as mapping from "../../../../src/containers/kamal/mapping.ts";
import { facts, rulesOf } from "../../../support/docker-facts.ts";

vi.mock(import("../../../../src/containers/kamal/mapping.ts"), async (load) => {
  const loaded = await load();
  return { ...loaded, toContainer: vi.fn<typeof loaded.toContainer>(loaded.toContainer) };
});

const count = 50;
const toRaw = (index: number, service = "wallet-core") =>
  facts({
    fullId: index.toString(16).padStart(64, "0"),
    name: `web-${index}`,
    labels: { service, role: "web", destination: index < count ? "staging" : "production" },
    variables: {},
  });

/** An inventory with a list, of which all containers were inspected and every row was made. */
function createLarge() {
  const inventory = createInventory({ env: null, rules: rulesOf("wallet-core"), hostNames: ["a"] }, () => {});
  const raws = Array.from({ length: count }, (_, index) => toRaw(index));
  inventory.applyList(
    raws.map((raw) => ({ raw: { ...raw, variables: null }, recent: false })),
    inventory.begin(),
  );
  for (const raw of raws) inventory.learn(raw, inventory.begin());
  return inventory;
}

type Inventory = ReturnType<typeof createLarge>;
const happenings: readonly (readonly [what: string, happen: (inventory: Inventory) => unknown])[] = [
  ["a snapshot after thousands of inspections", (inventory) => inventory.snapshot(false)],
  ["the loss of the engine", (inventory) => inventory.snapshot(true)],
  [
    "the environment of one more app",
    (inventory) => {
      inventory.learn(toRaw(count, "wallet-core-2"), inventory.begin());
      return inventory.snapshot(false);
    },
  ],
];

describe("of an engine with many apps", () => {
  it.each(happenings)("%s makes few rows", (_, happen) => {
    const inventory = createLarge();
    vi.mocked(mapping.toContainer).mockClear();
    happen(inventory);
    expect(vi.mocked(mapping.toContainer).mock.calls.length).toBeLessThan(3);
  });

  it("a row is the same as if it was made anew for its neighbours", () => {
    const inventory = createLarge();
    inventory.learn(toRaw(count, "wallet-core-2"), inventory.begin());
    const { visible, context } = inventory.snapshot(false);
    expect(visible).toHaveLength(count + 1);
    for (const row of visible) {
      const raw = inventory.snapshot(false).known(row.fullId)?.raw;
      expect(raw && mapping.toContainer(raw, context, { observedAt: row.observedAt, stale: false })).toEqual(row);
    }
    for (const row of inventory.snapshot(true).visible)
      expect({ ...row, stale: false }).toEqual(visible.find(({ fullId }) => fullId === row.fullId));
  });
});
