import { expect, it } from "vitest";
import { createHistoryRing } from "../../src/queues/sampled-history.ts";
import { sampleQueue } from "../support/queues.ts";

it("refuses more points than are made at once, before it makes them", () => {
  const ring = createHistoryRing();
  ring.add(Array.from({ length: 1000 }, (_, index) => sampleQueue({ name: `q${index}` })));
  const range = (steps: number) => ({ from: 1_800_000_000, step: 1, steps });
  expect(ring.history(null, range(50)).size).toBe(1000);
  expect(() => ring.history(null, range(51))).toThrow(/more than 50000 points: choose a longer step/);
  expect(() => ring.history(["q1", "q2"], range(11_000))).not.toThrow();
});
