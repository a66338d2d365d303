import { describe, expect, it } from "vitest";
import { runReading } from "../../../../src/containers/docker/logs/reading.ts";
import { withDeadline } from "../../../../src/lib/abort.ts";
import { createSharedBudget } from "../../../../src/lib/budget/budget.ts";
import { createFairLimit, createOwnerLimit } from "../../../../src/lib/budget/fair-limit.ts";
import type { LinePattern } from "../../../../src/lib/pattern/pattern.ts";

const { signal } = new AbortController();
const of = (owner: string) => ({ ...createSharedBudget(signal), owner });
const toEngine = (places: number) =>
  ({ limits: { logs: createFairLimit(places), searches: createOwnerLimit(places) } }) as unknown as Parameters<
    typeof runReading
  >[0];

/** A pattern that answers when it is told to. */
function createSlow() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked: number[] = [];
  const match: LinePattern["match"] = async (texts) => {
    asked.push(texts.length);
    await promise;
    return texts.map(() => true);
  };
  return { pattern: { match }, asked, resolve };
}

describe("a reading that waits for its pattern", () => {
  it("holds no place of the engine's readings", async () => {
    const engine = toEngine(1);
    const slow = createSlow();
    const times = { timeoutMs: 60_000, budget: of("a") };
    const reading = runReading(engine, slow.pattern, times, async ({ pattern }) => pattern?.match(["x"], signal));
    await expect.poll(() => slow.asked).toEqual([1]);
    for (const owner of ["a", "b"]) {
      const plain = runReading(engine, undefined, { ...times, budget: of(owner) }, async () => owner);
      expect(await plain).toBe(owner);
    }
    const quick = { match: async () => [false] };
    const other = runReading(engine, quick, { ...times, budget: of("b") }, async ({ pattern }) =>
      pattern?.match(["x"], signal),
    );
    expect(await other).toEqual([false]);
    slow.resolve();
    expect(await reading).toEqual([true]);
  });

  it("does not use up the engine's time", async () => {
    const slow = createSlow();
    const ask = async () =>
      runReading(toEngine(1), slow.pattern, { timeoutMs: 60_000, budget: of("a") }, async ({ pattern, clock }) => {
        // The deadline passes, many times over, while the pattern is awaited.
        const answer = withDeadline({ ms: 200, clock }, async (until) => pattern?.match(["x"], until));
        await new Promise((resolve) => setTimeout(resolve, 500));
        slow.resolve();
        return answer;
      });
    expect(await ask()).toEqual([true]);
  });

  it("fails with an error that names the pattern when it takes too long", async () => {
    const engine = toEngine(1);
    const matched = runReading(engine, createSlow().pattern, { timeoutMs: 50, budget: of("a") }, ({ pattern, clock }) =>
      withDeadline({ ms: 50, clock }, async (until) => pattern?.match(["x"], until)),
    );
    await expect(matched).rejects.toMatchObject({
      code: "query_timeout",
      upstream: undefined,
      message: expect.stringMatching(/^Matching the regular expression .* took more than 0\.05 s/),
    });
    expect(await runReading(engine, undefined, { timeoutMs: 50, budget: of("a") }, async () => "next")).toBe("next");
  });

  it("may match as long in all as the engine may read", async () => {
    let calls = 0;
    const match: LinePattern["match"] = () => new Promise((resolve) => setTimeout(resolve, (calls += 1) && 30, [true]));
    const read = runReading(toEngine(1), { match }, { timeoutMs: 200, budget: of("a") }, async ({ pattern }) => {
      for (;;) await pattern?.match(["x"], signal);
    });
    await expect(read).rejects.toMatchObject({ code: "query_timeout" });
    expect(calls).toBeLessThan(8);
  });
});
