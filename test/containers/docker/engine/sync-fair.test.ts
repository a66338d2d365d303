import { setImmediate } from "node:timers/promises";
import pLimit from "p-limit";
import { expect, test } from "vitest";
import { createInventory } from "../../../../src/containers/docker/engine/inventory.ts";
import { createRefresher } from "../../../../src/containers/docker/engine/sync.ts";
import { listAnswer, toListedContainer } from "../../../../src/containers/docker/http/answers.ts";
import { createFairLimit } from "../../../../src/lib/budget/fair-limit.ts";
import { rulesOf } from "../../../support/docker-facts.ts";
import { engineEvent, fullId, listed } from "../../../support/docker-fake.ts";

const caller = { owner: "a token", order: 1 };

/** A refresher of 1,000 containers, and what was inspected so far. */
function setUp() {
  const ids = Array.from({ length: 1000 }, (_, index) => index.toString(16).padStart(64, "0"));
  const inspected: string[] = [];
  const limit = createFairLimit(2);
  const inspect = async (id: string) => {
    inspected.push(id);
    await setImmediate();
  };
  const refresher = createRefresher({
    name: "web-1",
    inventory: createInventory({ env: null, rules: rulesOf("wallet-core"), hostNames: [] }, () => {}),
    limit,
    fullLimit: pLimit(32),
    onSettled: () => {},
    onLost: () => {},
    list: async () => ids.map((id) => toListedContainer(listAnswer.parse(listed(id, `web-${id}`)), "web-1")),
    inspect,
  });
  return { refresher, limit, inspect, inspected };
}

test("a full inspection delays that of a request by a few", async () => {
  const { refresher, limit, inspect, inspected } = setUp();
  const all = refresher.syncAll(60_000);
  await expect.poll(() => inspected.length, { interval: 1 }).toBeGreaterThan(0);
  const before = inspected.length;
  await limit.run(caller, () => inspect("of a request"));
  expect(inspected.indexOf("of a request") - before).toBeLessThanOrEqual(4);
  await all;
  expect(inspected).toHaveLength(1001);
});

test("a thousand inspections of requests delay that after an event by a few", async () => {
  const { refresher, limit, inspect, inspected } = setUp();
  await refresher.syncAll(60_000);
  const changed = fullId("c");
  const state = { isOver: false };
  // A caller that always has a thousand in line.
  const ask = async (): Promise<void> => {
    while (!state.isOver) await limit.run(caller, () => inspect("of a request"));
  };
  const asking = Promise.all(Array.from({ length: 1000 }, ask));
  refresher.onEvent(engineEvent("start", changed));
  await expect.poll(() => inspected.includes(changed), { interval: 1, timeout: 5000 }).toBe(true);
  state.isOver = true;
  await asking;
  refresher.close();
});
