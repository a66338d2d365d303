import { describe, expect, it } from "vitest";
import { createFairLimit, Waiters } from "../../../src/lib/budget/fair-limit.ts";

const [a, b, c] = [
  { owner: "a", order: 1 },
  { owner: "b", order: 2 },
  { owner: "c", order: 3 },
];

/** A limit of one place that is taken, and what has begun since. */
function setUp() {
  const limit = createFairLimit(1);
  const place = Promise.withResolvers<void>();
  const first = limit.run(c, () => place.promise);
  const begun: string[] = [];
  const work = (name: string) => async () => void begun.push(name);
  return { limit, begun, work, first, free: () => place.resolve() };
}

describe("work that several owners wait for", () => {
  it("begins at the first turn of any of them, once", async () => {
    const { limit, begun, work, first, free } = setUp();
    const shared = new Waiters(a);
    const all = [
      limit.run(a, work("a1")),
      limit.run(a, work("a2")),
      limit.runShared(shared, work("shared")),
      limit.run(b, work("b1")),
    ];
    shared.join({ owner: "b", order: 0 });
    free();
    await Promise.all([first, ...all]);
    expect(begun).toEqual(["a1", "shared", "a2", "b1"]);
  });

  it("begins for those who join later, and only then", async () => {
    const { limit, begun, work, first, free } = setUp();
    const shared = new Waiters();
    const waiting = limit.runShared(shared, work("shared"));
    free();
    await first;
    // The limit is free, but nobody waits for it: a place is taken by those who are in line.
    await limit.run(a, work("a1"));
    expect(begun).toEqual(["a1"]);
    shared.join(b);
    await limit.run(a, work("a2"));
    await waiting;
    expect(begun.toSorted()).toEqual(["a1", "a2", "shared"]);
  });

  it("has no second turn, and takes no more askers once it has begun", async () => {
    const { limit, begun, work, first, free } = setUp();
    const shared = new Waiters(a, b);
    const waiting = limit.runShared(shared, work("shared"));
    free();
    await Promise.all([first, waiting]);
    shared.join(c);
    await Promise.all([a, b, c].map((asker) => limit.run(asker, work(asker.owner))));
    expect(begun).toEqual(["shared", "a", "b", "c"]);
  });

  it("gives its place back when it fails", async () => {
    const limit = createFairLimit(1);
    const failed = limit.runShared(new Waiters(a), () => Promise.reject(new Error("failed")));
    await expect(failed).rejects.toThrow("failed");
    expect(await limit.runShared(new Waiters(b), async () => 7)).toBe(7);
  });
});
