import { expect, it } from "vitest";
import { createKnownQueues, knownQueuesLimit } from "../../src/queues/metrics.ts";

const many = (count: number, name: string) => Array.from({ length: count }, (_, n) => `${name} ${n}`);

it("names are remembered once, configured ones from the start", () => {
  const known = createKnownQueues(["b", "a"]);
  known.see(["c", "a", "c"]);
  known.see(["c"]);
  expect([...known.names()]).toStrictEqual(["b", "a", "c"]);
});

it("the longest unseen names are forgotten, never configured ones", () => {
  const known = createKnownQueues(["first"]);
  known.see(["often", "once"]);
  known.see(many(knownQueuesLimit - 2, "queue"));
  known.see(["often"]);
  expect(known.names().size).toBe(knownQueuesLimit + 1);
  known.see(["new"]);
  expect(known.names().size).toBe(knownQueuesLimit + 1);
  expect(["first", "often", "once", "new", "queue 0"].map((name) => known.names().has(name))).toStrictEqual([
    true,
    true,
    false,
    true,
    true,
  ]);
});

it("all names that were just seen are listed, and only then", () => {
  const known = createKnownQueues([]);
  known.see(["before"]);
  known.see(many(knownQueuesLimit + 10, "queue"));
  expect([...known.names()]).toStrictEqual(many(knownQueuesLimit + 10, "queue"));
  known.see(["after"]);
  expect(known.names().size).toBe(knownQueuesLimit);
  expect(known.names().has("after")).toBe(true);
});
