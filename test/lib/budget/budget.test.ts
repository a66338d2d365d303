import { setTimeout as sleep } from "node:timers/promises";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Budget, createSharedBudget, defaultLimits, tooLong } from "../../../src/lib/budget/budget.ts";
import { createPool } from "../../../src/lib/budget/pool.ts";

const code = (wanted: string) => expect.objectContaining({ code: wanted });
const small = { ...defaultLimits, rows: 100, bytes: 1000 };

describe("a budget", () => {
  it("counts rows and text over all its users and says what to narrow", () => {
    const budget = new Budget("a", small);
    budget.rows(60);
    expect(() => budget.rows(41)).toThrow(/answer would have more than 100 rows: ask for a shorter range/);
    // What is read is counted apart.
    void budget.read(100, "");
    expect(() => budget.read(1, "choose a longer step")).toThrow(/would read more than 100 rows: choose a longer step/);
    budget.rows(40);
    expect(() => budget.rows(1)).toThrow(code("answer_too_large"));
    budget.text(1000);
    expect(() => budget.text(1)).toThrow(code("answer_too_large"));
    budget.end();
  });

  it("counts anew for each message of a stream", () => {
    const budget = new Budget("a", small);
    for (let message = 0; message < 5; message += 1) {
      budget.renew();
      budget.rows(100);
      void budget.read(100, "");
      budget.text(1000);
    }
    expect(() => budget.rows(1)).toThrow(code("answer_too_large"));
    expect(() => budget.read(1, "")).toThrow(code("answer_too_large"));
    budget.end();
  });

  it("names at its end what is waited for, and only then", async () => {
    const endOf = async (work: () => Promise<unknown>, endless = new Promise<never>(() => {})) => {
      const budget = new Budget("a", { ...defaultLimits, timeMs: 50 });
      await budget.during("use a simpler one", work).catch(() => {});
      void budget.during("look elsewhere", async () => {});
      void budget.during("try something else", () => endless);
      return budget.race(endless);
    };
    const named = { code: "query_timeout", message: expect.stringContaining("try something else, or ask for less at") };
    await expect(endOf(async () => {})).rejects.toMatchObject(named);
    await expect(endOf(() => Promise.reject(new Error("failed")))).rejects.toMatchObject(named);
    const idle = new Budget("a", { ...defaultLimits, timeMs: 50 });
    await idle.during("use a simpler one", async () => {});
    await expect(idle.race(new Promise(() => {}))).rejects.toThrow(/took more than 0.05 s: ask for less at once/);
  });

  it("aborts with query_timeout at its end, for waiting and running work", async () => {
    const budget = new Budget("a", { ...defaultLimits, timeMs: 50 });
    const waiting = budget.race(new Promise(() => {}));
    await expect(waiting).rejects.toMatchObject({ code: "query_timeout", status: 504 });
    expect(budget.signal.reason).toMatchObject({ code: "query_timeout" });
    expect(() => budget.turn()).toThrow(code("query_timeout"));
    expect(() => budget.rows(1)).toThrow(code("query_timeout"));
    await expect(budget.race(Promise.resolve(1))).rejects.toMatchObject({ code: "query_timeout" });
  });

  it("aborts when the client is gone", async () => {
    const budget = new Budget("a");
    const waiting = budget.race(new Promise(() => {}));
    budget.cancel();
    await expect(waiting).rejects.toThrow("The client has disconnected");
    expect(budget.signal.aborted).toBe(true);
  });

  it("has no deadline after that was removed", async () => {
    const [lifted, other] = [1, 2].map(() => new Budget("a", { ...defaultLimits, timeMs: 30 })) as [Budget, Budget];
    lifted.liftDeadline();
    await expect.poll(() => other.signal.aborted).toBe(true);
    expect(lifted.signal.aborted).toBe(false);
    expect(lifted.turn()).toBeNull();
  });

  it("reserves shared memory beyond a small part until it ends", () => {
    const large = 20_000_000;
    const [one, two] = [new Budget("greedy"), new Budget("greedy")];
    one.hold(large);
    expect(() => two.hold(large)).toThrow(code("overloaded"));
    // A small request is served all the same, and so is another token.
    two.hold(100_000);
    const other = new Budget("other");
    other.hold(large);
    other.end();
    one.free(large);
    two.hold(large);
    two.end();
    expect(() => two.hold(large)).toThrow(code("overloaded"));
    const next = new Budget("greedy");
    next.hold(large);
    next.end();
    one.end();
  });
});

const narrower =
  "ask for a shorter range, a longer step (in Grafana: Min interval), fewer series, containers or queues, fewer fields, or fewer rows (`first`, `tail`)";

describe("the errors of a budget say", () => {
  it.each([
    [
      "of rows",
      (budget: Budget) => budget.rows(101),
      "answer_too_large",
      `The answer would have more than 100 rows: ${narrower}`,
    ],
    [
      "of what it reads",
      (budget: Budget) => budget.read(101, "less"),
      "answer_too_large",
      "This would read more than 100 rows: less",
    ],
    [
      "of bytes",
      (budget: Budget) => budget.text(1001),
      "answer_too_large",
      `The answer would be larger than 0.001 MB: ${narrower}`,
    ],
    [
      "of memory",
      (budget: Budget) => budget.hold(100_000_000),
      "overloaded",
      "Too many large answers at once: try again soon, or ask for less",
    ],
  ] as const)("%s what to do", (_, take, wanted, message) => {
    const budget = new Budget("a", small);
    expect(() => take(budget)).toThrow(expect.objectContaining({ code: wanted, message }));
    budget.end();
  });

  it("when to retry", () => {
    const budget = new Budget("a");
    expect(() => budget.hold(100_000_000)).toThrow(expect.objectContaining({ headers: { "Retry-After": "2" } }));
    budget.end();
    expect(tooLong(5_000_000)).toMatchObject({
      code: "answer_too_large",
      message: `The answer would be larger than 5 MB: ${narrower}`,
    });
  });

  it("how many bytes are allowed, and whether that is much", () => {
    const sizes = (rows: number, bytes: number) => {
      const budget = new Budget("a", { ...defaultLimits, bytes: 200_000 });
      budget.rows(rows);
      budget.text(bytes);
      budget.end();
      return [budget.maxBytes, budget.isLarge];
    };
    expect([sizes(0, 0), sizes(1000, 131_072), sizes(1001, 0), sizes(0, 131_073)]).toEqual([
      [200_000, false],
      [200_000, false],
      [200_000, true],
      [200_000, true],
    ]);
  });

  it("whose it is, and in what order", () => {
    const [one, two] = [new Budget("a"), new Budget("b")];
    expect([one.owner, two.owner, two.order - one.order]).toEqual(["a", "b", 1]);
    for (const budget of [one, two]) budget.end();
  });
});

describe("the time of a budget", () => {
  let Fresh: typeof Budget;
  // Without the timer of the budgets before.
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] });
    vi.resetModules();
    Fresh = (await import("../../../src/lib/budget/budget.ts")).Budget;
  });
  afterEach(() => void vi.useRealTimers());
  const limits = { ...defaultLimits, timeMs: 2500 };
  const ends = (budget: Budget) => (budget.signal.reason as Error | undefined)?.message;
  const message =
    "The answer took more than 2.5 s: ask for less at once: fewer containers, queues or targets, a shorter range, a longer step";

  it("is up at its end and not before", () => {
    const budget = new Fresh("a", limits);
    vi.advanceTimersByTime(2400);
    expect(ends(budget)).toBeUndefined();
    vi.advanceTimersByTime(100);
    expect(ends(budget)).toBe(message);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is one timer for all budgets, while there is one", () => {
    const [one, two, three] = [1, 2, 3].map(() => new Fresh("a", limits)) as [Budget, Budget, Budget];
    expect(vi.getTimerCount()).toBe(1);
    one.end();
    two.cancel();
    vi.advanceTimersByTime(100);
    expect(vi.getTimerCount()).toBe(1);
    three.liftDeadline();
    vi.advanceTimersByTime(100);
    expect(vi.getTimerCount()).toBe(0);
    const later = new Fresh("a", limits);
    vi.advanceTimersByTime(2500);
    expect([one, two, three, later].map(ends)).toEqual([undefined, "The client has disconnected", undefined, message]);
  });

  it("ends one request in one piece of the event loop", async () => {
    const budgets = [1, 2, 3].map(() => new Fresh("a", limits));
    vi.advanceTimersByTime(2500);
    expect(budgets.map(ends)).toEqual([message, undefined, undefined]);
    for (let piece = 0; piece < 100 && budgets.some((one) => ends(one) === undefined); piece += 1) await sleep(1);
    expect(budgets.map(ends)).toEqual([message, message, message]);
  });

  it("leaves the first reason when there are two", () => {
    const budget = new Fresh("a", limits);
    budget.cancel();
    budget.check(performance.now() + 9999);
    expect(ends(budget)).toBe("The client has disconnected");
    expect(budget.signal.reason).toMatchObject({ code: "request_timeout" });
    expect(() => budget.text(1)).toThrow("The client has disconnected");
    expect(() => budget.read(1, "")).toThrow("The client has disconnected");
  });
});

describe("turns", () => {
  it("go to a new budget first, then to the first in line", async () => {
    const [first, second] = [new Budget("a"), new Budget("a")];
    const order: string[] = [];
    const wait = (budget: Budget, name: string) => {
      // A slice of 4 ms is over.
      const end = performance.now() + 5;
      while (performance.now() < end);
      return budget.turn()?.then(() => order.push(name));
    };
    await first.turn();
    await Promise.all([wait(first, "first"), wait(second, "second, new")]);
    await Promise.all([wait(second, "second"), wait(first, "first")]);
    expect(order).toEqual(["second, new", "first", "first", "second"]);
    for (const budget of [first, second]) budget.end();
  });
});

describe("a race", () => {
  it("observes an answer that rejects after its client has left", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const budget = new Budget("a");
    budget.cancel();
    await expect(budget.race(Promise.reject(new Error("late")))).rejects.toMatchObject({ code: "request_timeout" });
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
    budget.end();
  });

  it("returns the answer or rejects with the reason", async () => {
    const budget = new Budget("a");
    expect(await budget.race(Promise.resolve(7))).toBe(7);
    await expect(budget.race(Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    budget.end();
  });
});

describe("a shared budget", () => {
  it("has no owner, comes first and holds nothing", async () => {
    const { signal } = new AbortController();
    await new Promise(setImmediate);
    const shared = createSharedBudget(signal);
    expect([shared.owner, shared.order, shared.signal, shared.turn()]).toEqual(["", 0, signal, null]);
    shared.hold(1e12);
    shared.free(1e12);
  });
});

describe("the memory pool", () => {
  it("has a size and a share for each owner", () => {
    const pool = createPool(100, 0.5);
    expect([pool.take("a", 50), pool.take("a", 1), pool.take("b", 40), pool.take("c", 20)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    pool.give("a", 50);
    expect([pool.take("c", 20), pool.take("a", 40), pool.take("a", 1)]).toEqual([true, true, false]);
  });

  it("serves waiting owners in order, except one that has too much", async () => {
    const pool = createPool(100, 0.6);
    const { signal } = new AbortController();
    const granted: string[] = [];
    const wait = (owner: string, bytes: number, name: string) =>
      void pool.wait(owner, () => bytes, signal).then((given) => granted.push(`${name} ${given}`));
    pool.take("a", 60);
    wait("a", 10, "a's second");
    wait("b", 40, "b");
    // It would fit, and yet the one before it is to be served some day.
    wait("c", 50, "c");
    await expect.poll(() => granted).toEqual(["b 40"]);
    expect(pool.take("d", 1)).toBe(false);
    pool.give("a", 60);
    await expect.poll(() => granted).toEqual(["b 40", "a's second 10", "c 50"]);
  });

  it("releases the signal of an owner that it has served", async () => {
    const pool = createPool(100, 1);
    pool.take("a", 100);
    const client = new AbortController();
    const waiting = pool.wait("b", () => 100, client.signal);
    expect(getEventListeners(client.signal, "abort")).toHaveLength(1);
    pool.give("a", 100);
    expect(await waiting).toBe(100);
    expect(getEventListeners(client.signal, "abort")).toEqual([]);
  });

  it("gives no more than its size, and to one owner its share, to the byte", () => {
    const pool = createPool(100, 0.5);
    expect([pool.take("a", 51), pool.take("a", 50), pool.take("a", 1)]).toEqual([false, true, false]);
    expect([pool.take("b", 49), pool.take("c", 2), pool.take("c", 1), pool.take("c", 1)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    pool.give("b", 49);
    expect([pool.take("b", 50), pool.take("b", 49), pool.take("d", 1)]).toEqual([false, true, false]);
  });

  it("reserves nothing for an owner that has left", async () => {
    const pool = createPool(100, 1);
    pool.take("a", 100);
    const client = new AbortController();
    const waiting = pool.wait("b", () => 100, client.signal);
    client.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    pool.give("a", 100);
    expect(pool.take("c", 100)).toBe(true);
    await expect(pool.wait("b", () => 1, client.signal)).rejects.toThrow("gone");
  });
});

describe("the memory of a budget", () => {
  const step = 131_072;
  /** How many steps an owner has taken: of 60 % of 48 MB. */
  const countTaken = (owner: string) => {
    const probe = new Budget(owner);
    probe.hold(step);
    let left = 0;
    try {
      for (;;) {
        probe.hold(step);
        left += 1;
      }
    } catch {
      probe.end();
    }
    return Math.floor((48_000_000 * 0.6) / step) - left;
  };

  it.each([
    ["what it holds", (budget: Budget) => budget.hold(step), 0],
    ["what it holds", (budget: Budget) => budget.hold(step + 1), 1],
    ["what it holds", (budget: Budget) => budget.hold(2 * step), 1],
    ["what it holds", (budget: Budget) => budget.hold(2 * step + 1), 2],
    ["its rows", (budget: Budget) => budget.rows(1024), 0],
    ["its rows", (budget: Budget) => budget.rows(1025), 1],
    ["its rows", (budget: Budget) => budget.rows(2049), 2],
    ["what it reads", (budget: Budget) => budget.read(512, ""), 0],
    ["what it reads", (budget: Budget) => budget.read(513, ""), 1],
    ["what it reads", (budget: Budget) => budget.read(1025, ""), 2],
    ["what it needs", (budget: Budget) => budget.room(step), 0],
    ["what it needs", (budget: Budget) => budget.room(step + 1), 1],
  ])("is reserved in steps beyond the first: of %s (%o), %i", async (_, take, steps) => {
    const budget = new Budget("steps");
    await Promise.resolve(take(budget));
    expect(countTaken("steps")).toBe(steps);
    budget.end();
    expect(countTaken("steps")).toBe(0);
  });

  it("is reserved once for what is read and what is made of it", async () => {
    const budget = new Budget("steps");
    expect(budget.read(512, "")).toBeNull();
    await budget.read(1, "");
    // It has some: it does not wait for more.
    expect(budget.read(512, "")).toBeNull();
    expect(countTaken("steps")).toBe(2);
    budget.rows(2048);
    expect(countTaken("steps")).toBe(2);
    budget.rows(1024);
    expect(countTaken("steps")).toBe(2);
    budget.rows(1);
    expect(countTaken("steps")).toBe(3);
    budget.end();
  });

  it("is waited for where others have it, and refused beyond 26 MB", async () => {
    const [first, second, other] = [new Budget("room"), new Budget("room"), new Budget("other")];
    await first.room(26_000_000);
    let isThere = false;
    const waiting = Promise.resolve(second.room(10_000_000)).then(() => (isThere = true));
    // Another owner has a share of its own.
    await other.room(10_000_000);
    expect(isThere).toBe(false);
    first.end();
    await waiting;
    expect(() => second.room(16_000_001)).toThrow(code("answer_too_large"));
    expect(() => second.room(16_000_001)).toThrow(/more than 26 MB of memory: ask for a shorter range/);
    // Together with what it waits for already.
    void second.room(8_000_000);
    expect(() => second.room(8_000_001)).toThrow(code("answer_too_large"));
    second.end();
    other.end();
    expect(countTaken("room") + countTaken("other")).toBe(0);
  });

  it("is returned except for one step, as soon as that is two", () => {
    const budget = new Budget("steps");
    budget.hold(11 * step);
    const free = (bytes: number) => {
      budget.free(bytes);
      return countTaken("steps");
    };
    expect([countTaken("steps"), free(step), free(step), free(step), free(step - 1), free(1)]).toEqual([
      10, 10, 9, 8, 8, 7,
    ]);
    expect([free(7 * step), free(0)]).toEqual([1, 1]);
    budget.hold(2 * step);
    expect(countTaken("steps")).toBe(1);
    budget.end();
  });

  it("is that of one message of a stream at a time", async () => {
    const budget = new Budget("steps");
    for (let message = 0; message < 3; message += 1) {
      budget.renew();
      await budget.read(4096, "");
      budget.rows(8192);
      expect(countTaken("steps")).toBe(7);
    }
    budget.renew();
    expect(countTaken("steps")).toBe(1);
    budget.end();
  });

  it("is not reserved when refused, nor after the end", async () => {
    const budget = new Budget("steps");
    expect(() => budget.hold(100_000_000)).toThrow(code("overloaded"));
    expect(() => budget.rows(100_001)).toThrow(code("answer_too_large"));
    budget.hold(2 * step);
    expect(() => budget.read(99_999_999, "")).toThrow(code("answer_too_large"));
    const other = new Budget("steps");
    await other.read(99_000, "");
    expect(() => budget.read(99_000, "")).toThrow(code("overloaded"));
    other.end();
    expect(countTaken("steps")).toBe(1);
    budget.end();
    expect(() => budget.hold(2 * step)).toThrow(code("overloaded"));
    expect(countTaken("steps")).toBe(0);
  });
});

describe("a budget that reads much", () => {
  it("waits once for memory of others, and has it for its answer", async () => {
    const [one, two] = [new Budget("greedy"), new Budget("greedy")];
    await one.read(90_000, "");
    const waiting = two.read(20_000, "");
    expect(two.read(40_000, "")).toBe(waiting);
    let isServed = false;
    void waiting?.then(() => (isServed = true));
    await new Promise(setImmediate);
    expect(isServed).toBe(false);
    one.end();
    await waiting;
    // Others may not take what it still needs.
    const three = new Budget("greedy");
    expect(() => three.hold(20_000_000)).toThrow(code("overloaded"));
    two.rows(60_000);
    two.hold(60_000 * 64);
    two.end();
    three.hold(20_000_000);
    three.end();
  });

  it("returns at once what it gets after its end", async () => {
    const [one, two, three] = [new Budget("greedy"), new Budget("greedy"), new Budget("greedy")];
    await one.read(90_000, "");
    const waiting = two.read(90_000, "");
    two.end();
    one.end();
    await waiting;
    await three.read(90_000, "");
    three.end();
    expect(() => two.hold(1_000_000)).toThrow(code("overloaded"));
  });

  it("does not wait while it holds some memory, and ends with its time", async () => {
    const [one, two, three] = [
      new Budget("greedy"),
      new Budget("greedy"),
      new Budget("greedy", { ...defaultLimits, timeMs: 50 }),
    ];
    two.hold(5_000_000);
    await one.read(80_000, "");
    expect(() => two.read(60_000, "")).toThrow(code("overloaded"));
    expect(two.read(20_000, "")).toBeNull();
    await expect(three.read(80_000, "")).rejects.toMatchObject({ code: "query_timeout" });
    one.end();
    two.end();
  });
});
