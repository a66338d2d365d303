import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { inTurns } from "../../../src/lib/budget/budget.ts";
import { createFairLimit } from "../../../src/lib/budget/fair-limit.ts";
import { FairQueue } from "../../../src/lib/budget/turns.ts";

describe("a fair queue", () => {
  const drain = (queue: FairQueue<string>) => Array.from({ length: queue.size }, () => queue.take());

  it("serves owners in turn, by lowest order, then by first arrival", () => {
    const queue = new FairQueue<string>();
    for (const [owner, item, order] of [
      ["a", "a3", 3],
      ["a", "a1", 1],
      ["b", "b5", 5],
      ["a", "a1 too", 1],
      ["c", "c0", 0],
      ["b", "b4", 4],
    ] as const) {
      queue.add(owner, item, order);
    }
    expect(queue.size).toBe(6);
    expect(drain(queue)).toEqual(["a1", "b4", "c0", "a1 too", "b5", "a3"]);
    expect([queue.size, queue.take(), queue.size]).toEqual([0, undefined, 0]);
  });

  it("puts an owner that comes back at the end", () => {
    const queue = new FairQueue<string>();
    queue.add("a", "a1", 0);
    queue.add("b", "b1", 0);
    expect(queue.take()).toBe("a1");
    queue.add("a", "a2", 0);
    expect(drain(queue)).toEqual(["b1", "a2"]);
  });

  it("forgets what was removed, and its owner after the last", () => {
    const queue = new FairQueue<string>();
    queue.add("a", "a1", 0);
    queue.add("a", "a2", 0);
    queue.add("b", "b1", 0);
    queue.remove("a", "b1");
    queue.remove("c", "a1");
    expect(queue.size).toBe(3);
    queue.remove("a", "a1");
    queue.remove("a", "a1");
    expect(queue.size).toBe(2);
    queue.remove("a", "a2");
    expect(queue.size).toBe(1);
    expect([queue.take(), queue.take()]).toEqual(["b1", undefined]);
  });
});

describe("a fair limit", () => {
  const { signal } = new AbortController();
  const asker = (owner: string, order: number) => ({ owner, order, signal });

  it("gets its place back after work that fails", async () => {
    const limit = createFairLimit(1);
    await expect(limit.run(asker("a", 0), () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    expect(await limit.run(asker("a", 0), async () => 7)).toBe(7);
  });

  it("runs one after the other, of one owner the lowest order first", async () => {
    const limit = createFairLimit(1);
    let running = 0;
    const order: number[] = [];
    const run = (place: number) =>
      limit.run(asker("a", place), async () => {
        running += 1;
        expect(running).toBe(1);
        await new Promise(setImmediate);
        running -= 1;
        order.push(place);
      });
    await Promise.all([run(9), run(3), run(1), run(2)]);
    expect(order).toEqual([9, 1, 2, 3]);
  });

  it("keeps no place for one that has left, nor its signal once it runs", async () => {
    const limit = createFairLimit(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = limit.run(asker("a", 0), () => promise);
    const client = new AbortController();
    const left = limit.run({ ...asker("a", 0), signal: client.signal }, async () => "never").catch(String);
    const served = new AbortController();
    const next = limit.run({ ...asker("a", 1), signal: served.signal }, async () => {
      expect(getEventListeners(served.signal, "abort")).toEqual([]);
      served.abort(new Error("too late"));
      await new Promise(setImmediate);
      return "ran";
    });
    expect(getEventListeners(served.signal, "abort")).toHaveLength(1);
    client.abort(new Error("gone"));
    expect(await left).toBe("Error: gone");
    resolve();
    await first;
    expect(await next).toBe("ran");
    expect(await limit.run(asker("b", 0), async () => "free")).toBe("free");
  });
});

describe("a long map", () => {
  it("maps each item with its index, and waits for the turns of others", async () => {
    const order: string[] = [];
    const waits = [null, Promise.resolve().then(() => void order.push("waited")), null];
    const turn = () => {
      order.push("asked");
      return waits.shift() ?? null;
    };
    const mapped = await inTurns(["a", "b", "c"], { turn }, (item, index) => {
      order.push(item);
      return `${item}${index}`;
    });
    expect(mapped).toEqual(["a0", "b1", "c2"]);
    expect(order).toEqual(["asked", "a", "asked", "waited", "b", "asked", "c"]);
    expect(await inTurns([], { turn }, String)).toEqual([]);
  });

  it("rejects with the budget's error", async () => {
    const turn = () => {
      throw new Error("over");
    };
    await expect(inTurns([1], { turn }, String)).rejects.toThrow("over");
  });
});
