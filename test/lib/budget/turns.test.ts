import { setImmediate as nextRound } from "node:timers/promises";
import { expect, it, onTestFinished, vi } from "vitest";
import { createFairLimit } from "../../../src/lib/budget/fair-limit.ts";
import { createTurns, type Turns } from "../../../src/lib/budget/turns.ts";

function burn(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Works in pieces of 2 ms, and notes each. */
async function work(turns: Turns, owner: string, pieces: number, note: (owner: string) => void): Promise<void> {
  for (let piece = 0; piece < pieces; piece += 1) {
    const wait = turns.take(owner, 0);
    if (wait) await wait;
    burn(2);
    note(owner);
  }
}

it("long work yields: no round of the loop is much longer than a slice", async () => {
  const turns = createTurns(8);
  /** Pieces that were done in each round. */
  const rounds: number[] = [];
  let done = 0;
  const working = new AbortController();
  const watch = (async () => {
    while (!working.signal.aborted) {
      await nextRound();
      rounds.push(done);
      done = 0;
    }
  })();
  await Promise.all(Array.from({ length: 20 }, () => work(turns, "a", 10, () => (done += 1))));
  working.abort();
  await watch;
  // A slice of 8 ms is over with the fourth piece at the latest, however long another process held
  // one up.
  expect(Math.max(...rounds)).toBeLessThanOrEqual(5);
  expect(rounds.reduce((sum, count) => sum + count, done)).toBe(200);
});

it("owners take turns, however much work one of them has", async () => {
  const turns = createTurns(1);
  const order: string[] = [];
  const note = (owner: string) => void order.push(owner);
  const many = Array.from({ length: 50 }, () => work(turns, "many", 4, note));
  await work(turns, "one", 4, note);
  // Each piece of the one waits for a slice of the others, not for all fifty.
  expect(order.filter((owner) => owner === "many").length).toBeLessThan(60);
  await Promise.all(many);
  expect(order).toHaveLength(204);
});

it("work of one owner ends in its order of arrival", async () => {
  const turns = createTurns(1);
  const ended: number[] = [];
  const compute = async (order: number) => {
    for (let piece = 0; piece < 5; piece += 1) {
      const wait = turns.take("a", order);
      if (wait) await wait;
      burn(2);
    }
    ended.push(order);
  };
  await Promise.all([3, 1, 4, 2].map(compute));
  // The one that asked first had begun already.
  expect(ended.toSpliced(ended.indexOf(3), 1)).toEqual([1, 2, 4]);
});

it("the last turn comes after all that waits of the same owner", async () => {
  const turns = createTurns(1);
  const order: string[] = [];
  void turns.take("a", 1);
  burn(2);
  const waiting = [1, 2, 3].map((piece) => turns.take("a", 1)?.then(() => void order.push(`a${piece}`)));
  const other = turns.take("b", 2)?.then(() => void order.push("b"));
  await Promise.all([...waiting, other, turns.takeLast("a", 1)?.then(() => void order.push("last"))]);
  expect(order.filter((piece) => piece !== "b")).toEqual(["a1", "a2", "a3", "last"]);
  await nextRound();
  expect(turns.takeLast("a", 1)).toBeNull();
});

it("nobody waits while nothing else runs", async () => {
  // Another process may take the processor for longer than a slice.
  const clock = vi.spyOn(performance, "now").mockReturnValue(0);
  onTestFinished(() => clock.mockRestore());
  const turns = createTurns(8);
  for (let round = 0; round < 5; round += 1) {
    expect(turns.take("a", 0)).toBeNull();
    expect(turns.take("b", 0)).toBeNull();
    await nextRound();
  }
});

it("a limit runs a fixed number at once, owner by owner", async () => {
  const limit = createFairLimit(2);
  const never = new AbortController().signal;
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const run = (owner: string, name: string, signal = never) =>
    limit.run({ owner, signal, order: 0 }, async () => {
      order.push(name);
      await new Promise<void>((resolve) => ends.push(resolve));
      return name;
    });
  const leaver = new AbortController();
  const all = [run("a", "a1"), run("a", "a2"), run("a", "a3"), run("a", "a4"), run("b", "b1")];
  const left = run("a", "a5", leaver.signal);
  leaver.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  await expect(run("c", "c1", leaver.signal)).rejects.toThrow("gone");
  for (let index = 0; index < 5; index += 1) {
    await expect.poll(() => ends.length).toBeGreaterThan(index);
    ends[index]?.();
  }
  expect(await Promise.all(all)).toEqual(["a1", "a2", "a3", "a4", "b1"]);
  expect(order).toEqual(["a1", "a2", "a3", "b1", "a4"]);
});
