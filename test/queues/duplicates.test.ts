import { describe, expect, it, vi } from "vitest";
import { createDuplicates } from "../../src/queues/duplicates.ts";

const signal = () => AbortSignal.timeout(5000);

/** A source that reads these, or does not answer while that is an error. */
function createSource(place: string | null, read: readonly string[] | Error, kind = "river") {
  const now = { read };
  const identify = vi.fn<() => Promise<readonly string[]>>(() =>
    now.read instanceof Error ? Promise.reject(now.read) : Promise.resolve(now.read),
  );
  return { name: `${place}:${kind}`, kind, place, identify, now };
}

/** Pairs of a duplicate and the first one. */
async function find(sources: readonly ReturnType<typeof createSource>[], look = createDuplicates()) {
  const found = await look(sources, signal());
  return [...found].map(([source, first]) => [sources.findIndex((one) => one === source), first.place]);
}

describe("a source", () => {
  it.each([
    ["the same under another name", createSource("b", ["1"]), [[1, "a"]]],
    ["some of the same", createSource("b", ["2", "1"]), [[1, "a"]]],
    ["something else", createSource("b", ["2"]), []],
    ["the same, as another kind", createSource("b", ["1"], "oban"), []],
    ["the same under the same name, by another entry", createSource("a", ["1"]), []],
    ["nobody knows what", createSource("b", []), []],
    ["what it does not say", createSource("b", new Error("away")), []],
  ])("that reads %s is compared", async (_, other, expected) => {
    expect(await find([createSource("a", ["1"]), other])).toEqual(expected);
  });

  it("is a duplicate of the first of three, whose own ids alone count", async () => {
    const sources = [createSource("a", ["1"]), createSource("b", ["1", "2"]), createSource("c", ["2"])];
    expect(await find(sources)).toEqual([[1, "a"]]);
    expect(await find([...sources.slice(0, 1), createSource("b", ["1"]), createSource("c", ["1"])])).toEqual([
      [1, "a"],
      [2, "a"],
    ]);
  });

  it("is asked once, not for each read, and never where all have one place", async () => {
    const look = createDuplicates();
    const sources = [createSource("a", ["1"]), createSource("b", ["1"]), createSource("b", ["3"], "oban")];
    for (const _ of [1, 2, 3]) expect(await find(sources, look)).toEqual([[1, "a"]]);
    expect(sources.map(({ identify }) => identify.mock.calls.length)).toEqual([1, 1, 0]);
    const alone = createSource(null, ["1"]);
    expect(await find([alone, alone])).toEqual([]);
    expect(alone.identify).not.toHaveBeenCalled();
  });

  it("that was away is compared as soon as it answers", async () => {
    const look = createDuplicates();
    const [first, second] = [createSource("a", new Error("away")), createSource("b", ["1"])];
    expect(await find([first, second], look)).toEqual([]);
    first.now.read = ["1"];
    expect(await find([first, second], look)).toEqual([[1, "a"]]);
  });

  it("is asked again after a minute; one that is away stays what it was", async () => {
    const now = vi.spyOn(performance, "now").mockReturnValue(0);
    const look = createDuplicates();
    const [first, second] = [createSource("a", ["1"]), createSource("b", ["1"])];
    expect(await find([first, second], look)).toEqual([[1, "a"]]);
    first.now.read = new Error("away");
    now.mockReturnValue(60_000);
    await find([first, second], look);
    await expect.poll(() => second.identify.mock.calls.length).toBe(2);
    expect(await find([first, second], look)).toEqual([[1, "a"]]);
    // Both names lead to other servers by now.
    [first.now.read, second.now.read] = [["1"], ["2"]];
    now.mockReturnValue(120_000);
    await find([first, second], look);
    await expect.poll(() => find([first, second], look)).toEqual([]);
    now.mockRestore();
  });
});
