import { getEventListeners } from "node:events";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inTurns } from "../../../src/lib/budget/budget.ts";
import { createFairLimit, createOwnerLimit } from "../../../src/lib/budget/fair-limit.ts";
import { FairQueue, TimeQueue } from "../../../src/lib/budget/turns.ts";

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

describe("a queue that shares time", () => {
  /**
   * Serves cheap owners beside those that always have one more dear item. Returns how long each
   * cheap one waited in all.
   */
  const serve = (cheap: readonly (readonly number[])[], dear: readonly number[]) => {
    const queue = new TimeQueue<string>();
    const [left, since] = [cheap.map((costs) => [...costs]), cheap.map(() => 0)];
    const waited = cheap.map(() => 0);
    let now = 0;
    dear.forEach((_, at) => queue.add(`dear${at}`, `dear${at}`, 0));
    cheap.forEach((_, at) => queue.add(String(at), String(at), 0));
    for (let served = 0; left.some((costs) => costs.length > 0); served += 1) {
      expect(served).toBeLessThan(10_000);
      const owner = queue.take() as string;
      const isDear = owner.startsWith("dear");
      const at = Number(owner.replace("dear", ""));
      if (!isDear) waited[at] = (waited[at] ?? 0) + now - (since[at] ?? 0);
      const cost = isDear ? (dear[at] ?? 0) : (left[at]?.shift() ?? 0);
      now += cost;
      queue.charge(owner, cost);
      since[at] = isDear ? (since[at] ?? 0) : now;
      if (isDear || left[at]?.length !== 0) queue.add(owner, owner, 0);
    }
    return waited;
  };

  it("makes cheap owners wait for one dear item of each, not for one a batch", () => {
    const costs = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 40 }), {
      minLength: 1,
      maxLength: 5,
    });
    const dear = fc.array(fc.integer({ min: 1000, max: 2000 }), { minLength: 1, maxLength: 3 });
    const property = fc.property(costs, dear, (cheap, most) => {
      const all = [...cheap.flat(), ...most].reduce((sum, cost) => sum + cost, 0);
      for (const waited of serve(cheap, most)) expect(waited).toBeLessThanOrEqual(all);
    });
    fc.assert(property);
  });

  it("lets nobody save up time, nor lose it for a pause", () => {
    const queue = new TimeQueue<string>();
    queue.add("a", "a", 0);
    for (let times = 0; times < 100; times += 1) {
      expect(queue.take()).toBe("a");
      queue.add("a", "a", 0);
      queue.charge("a", 10);
    }
    // The newcomer has not used less than who is served now.
    const order: unknown[] = [];
    queue.add("b", "b", 0);
    for (let times = 0; times < 6; times += 1) {
      const next = queue.take() as string;
      order.push(next);
      queue.charge(next, 10);
      queue.add(next, next, 0);
    }
    expect(order.filter((one) => one === "a").length).toBe(3);
    queue.remove("a", "a");
    queue.remove("b", "b");
    expect(queue.take()).toBeUndefined();
  });

  it("serves an owner's items by lowest order", () => {
    const queue = new TimeQueue<string>();
    queue.add("a", "late", 2);
    queue.add("a", "early", 1);
    expect([queue.take(), queue.take(), queue.take()]).toEqual(["early", "late", undefined]);
  });
});

describe("a fair limit", () => {
  const { signal } = new AbortController();
  const asker = (owner: string, order: number) => ({ owner, order, signal });

  it("gives a place to others while its work waits outside", async () => {
    const limit = createFairLimit(1);
    const [wait, inside] = [Promise.withResolvers<number>(), Promise.withResolvers<void>()];
    const steps: string[] = [];
    const waiting = limit.run(asker("a", 0), async (outside) => {
      steps.push(`waited ${await outside(() => wait.promise)}`);
    });
    const other = limit.run(asker("b", 1), async () => {
      steps.push("other began");
      await inside.promise;
      steps.push("other ended");
    });
    await expect.poll(() => steps).toEqual(["other began"]);
    wait.resolve(7);
    await new Promise((resolve) => setImmediate(resolve));
    // It goes on in a place only.
    expect(steps).toEqual(["other began"]);
    inside.resolve();
    await Promise.all([waiting, other]);
    expect(steps).toEqual(["other began", "other ended", "waited 7"]);
  });

  it("has all its places after work was given up outside, or aborted", async () => {
    const limit = createFairLimit(1);
    const wait = Promise.withResolvers<void>();
    const abort = new AbortController();
    let left: Promise<void> | undefined;
    await limit.run(asker("a", 0), async (outside) => {
      left = outside(() => wait.promise);
    });
    const aborted = limit.run({ ...asker("a", 0), signal: abort.signal }, (outside) =>
      outside(async () => abort.abort(new RangeError("gone"))),
    );
    await expect(aborted).rejects.toThrow("gone");
    wait.resolve();
    await left;
    let [running, most] = [0, 0];
    const work = async () => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    };
    await Promise.all([1, 2, 3].map((order) => limit.run(asker("a", order), work)));
    expect(most).toBe(1);
  });

  it("of each owner makes them wait for their own work alone", async () => {
    const limit = createOwnerLimit(1);
    const wait = Promise.withResolvers<void>();
    const began: string[] = [];
    const run = (owner: string, order: number) =>
      limit.run(asker(owner, order), () => (began.push(owner + order), wait.promise));
    const all = [run("a", 1), run("a", 2), run("b", 3)];
    await new Promise((resolve) => setImmediate(resolve));
    expect(began).toEqual(["a1", "b3"]);
    wait.resolve();
    await Promise.all(all);
    expect(began).toEqual(["a1", "b3", "a2"]);
  });

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
