import { expect, it } from "vitest";
import { createKnownQueues, knownQueuesLimit } from "../../../src/upstreams/queues/known-queues.ts";

it("remembers each name once, the configured ones from the start", () => {
  const known = createKnownQueues(["b", "a"]);
  for (const name of ["c", "a", "c"]) known.add(name);
  expect([...known.names()]).toStrictEqual(["b", "a", "c"]);
});

it("is bounded, and never forgets", () => {
  const known = createKnownQueues(["first"]);
  for (let n = 0; n < knownQueuesLimit + 10; n += 1) known.add(`queue ${n}`);
  expect([...known.names()]).toHaveLength(knownQueuesLimit);
  expect([...known.names()][0]).toBe("first");
});
